package gateway

import (
	"bytes"
)

// events takes an event stream apart (WHATWG HTML §9.2.6), filters the message of each
// event, and gives back the events as they were where nothing changes.
type events struct {
	message func([]byte) ([]byte, error) // nil takes the event out

	event  []byte // whole lines of the event that is being read
	data   []byte // its data
	isData bool   // it has some
	line   []byte // the line that is being read
	cr     bool   // the last line ended with a CR, to which a LF may belong
	began  bool
}

var byteOrderMark = []byte("\ufeff")

// add takes the next piece of the stream and returns what can be sent.
func (e *events) add(p []byte) (out []byte, err error) {
	if e.cr && len(p) > 0 {
		if p[0] == '\n' { // the end of the line that ended before it
			out, p = e.lineFeed(out), p[1:]
		}
		e.cr = false
	}
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			e.line = append(e.line, p...)
			break
		}
		e.line = append(e.line, p[:i]...)
		end := p[i : i+1]
		if p[i] == '\r' && i+1 < len(p) && p[i+1] == '\n' {
			end = p[i : i+2]
		}
		e.cr = p[i] == '\r' && i+1 == len(p)
		p = p[i+len(end):]
		if out, err = e.endLine(out, end); err != nil {
			return out, err
		}
	}
	if len(e.event)+len(e.line) > maxMessage {
		return out, ErrBroken
	}
	return out, nil
}

// lineFeed keeps the LF of a CRLF that came in two pieces where its line is.
func (e *events) lineFeed(out []byte) []byte {
	if len(e.event) > 0 {
		e.event = append(e.event, '\n')
		return out
	}
	return append(out, '\n')
}

// endLine takes a line whose end has come.
func (e *events) endLine(out, end []byte) ([]byte, error) {
	line := e.line
	e.line = e.line[:0]
	if !e.began {
		line, e.began = bytes.TrimPrefix(line, byteOrderMark), true
	}
	switch {
	case len(line) == 0:
		return e.endEvent(out, end)
	case line[0] == ':' && len(e.event) == 0: // a comment, which belongs to no event
		return append(append(out, line...), end...), nil
	}
	e.event = append(append(e.event, line...), end...)
	if field, value, _ := bytes.Cut(line, []byte(":")); string(field) == "data" {
		if e.isData {
			e.data = append(e.data, '\n')
		}
		e.isData = true
		e.data = append(e.data, bytes.TrimPrefix(value, []byte(" "))...)
	}
	return out, nil
}

// endEvent takes the blank line that ends an event.
func (e *events) endEvent(out, end []byte) ([]byte, error) {
	event, data := e.event, e.data
	e.event, e.data, e.isData = e.event[:0], e.data[:0], false
	if cap(event) > bufferLen {
		e.event, e.data = nil, nil // streams are many and quiet
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return append(append(out, event...), end...), nil
	}
	message, err := e.message(data)
	switch {
	case err != nil:
		return out, err
	case message == nil:
		return out, nil
	case !bytes.Equal(message, data):
		event = withData(event, message)
	}
	return append(append(out, event...), end...), nil
}

// withData is an event with another message.
func withData(event, message []byte) (with []byte) {
	placed := false
	for line := range lines(event) {
		if field, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(":")); string(field) != "data" {
			with = append(with, line...)
			continue
		}
		if placed {
			continue
		}
		placed = true
		for part := range bytes.FieldsFuncSeq(message, func(c rune) bool { return c == '\n' || c == '\r' }) {
			with = append(append(append(with, "data: "...), part...), '\n')
		}
	}
	return with
}

// lines returns the lines of an event with their ends.
func lines(event []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(event) > 0 {
			i := bytes.IndexAny(event, "\r\n")
			if event[i] == '\r' && i+1 < len(event) && event[i+1] == '\n' {
				i++
			}
			if !yield(event[:i+1]) {
				return
			}
			event = event[i+1:]
		}
	}
}

// rest is what the stream ended with: an event that some clients take for a whole one.
func (e *events) rest() (out []byte, err error) {
	if len(e.line) > 0 {
		if out, err = e.endLine(out, []byte("\n")); err != nil {
			return out, err
		}
	}
	if len(e.event) == 0 {
		return out, nil
	}
	return e.endEvent(out, nil)
}
