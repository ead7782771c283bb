package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

// Limits for what a command writes to its standard error.
const (
	linesPerSecond = 100
	longestLine    = 1000
)

// readLines passes on lines in a form that is safe to show, up to linesPerSecond.
func readLines(from io.ReadCloser, line func(string)) {
	defer func() { _ = from.Close() }()
	if line == nil {
		line = func(string) {}
	}
	b := bufio.NewReaderSize(from, 4<<10)
	var second time.Time
	passed, dropped := 0, 0
	flush := func() {
		if dropped > 0 {
			line(fmt.Sprintf("(%d more lines dropped)", dropped))
		}
		passed, dropped = 0, 0
	}
	for {
		text, err := readLine(b)
		if now := time.Now(); now.Sub(second) >= time.Second {
			flush()
			second = now
		}
		if shown := display.Line(text, longestLine); shown != "" {
			if passed++; passed <= linesPerSecond {
				line(shown)
			} else {
				dropped++
			}
		}
		if err != nil {
			flush()
			return
		}
	}
}

// readLine reads a line, of which it keeps what can be shown.
func readLine(b *bufio.Reader) (string, error) {
	var text []byte
	for {
		part, err := b.ReadSlice('\n')
		if room := 4*longestLine - len(text); room > 0 {
			text = append(text, part[:min(room, len(part))]...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(text), err
		}
	}
}
