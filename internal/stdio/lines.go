package stdio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// longestLine bounds a message of a process.
const longestLine = 16 << 20

var errLongLine = errors.New("a line is longer than 16 MB")

// lines reads what is separated by newlines.
type lines struct {
	r     *bufio.Reader
	limit int
}

func newLines(r io.Reader, limit int) *lines {
	return &lines{r: bufio.NewReaderSize(r, 32<<10), limit: limit}
}

// next returns the next line that is not blank, without white space around it. What follows
// the last newline is a line as well. The caller may keep it.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.read()
		if line = bytes.TrimSpace(line); len(line) > 0 || err != nil {
			return line, err
		}
	}
}

func (l *lines) read() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(part) > l.limit {
			return nil, errLongLine
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case len(line) > 0 && errors.Is(err, io.EOF):
			return line, nil
		default:
			return nil, err
		}
	}
}
