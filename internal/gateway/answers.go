package gateway

import (
	"bytes"
	"io"
	"net/http"
	"slices"
)

// answers finds the responses that are errors in what passes by: a JSON-RPC error, or a
// result with isError, in JSON or in an event stream. It keeps nothing else.
type answers struct {
	scan     scanner
	isStream bool
	field    []byte // of an event stream, the name of the field that is being read
	part     part
	cr       bool     // the last byte was a CR
	failed   []string // the ids of those responses, as idOf has them
	any      bool     // there was one
}

// part is where in a line of an event stream the reader is.
type part uint8

const (
	inField part = iota
	inData
	inOther
)

// heed notices in the response of a call whether it failed. The response passes by as it is.
func (b *body) heed(response *http.Response) {
	kind := mediaType(response.Header)
	if !isMessage(kind) {
		return
	}
	b.answers = &answers{isStream: kind == eventStream}
	b.answers.reset()
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(response.Body, b.answers), response.Body}
}

// Write implements io.Writer. It never fails.
func (a *answers) Write(p []byte) (int, error) {
	if !a.isStream {
		a.scan.write(p)
		return len(p), nil
	}
	for rest := p; len(rest) > 0; {
		i := bytes.IndexAny(rest, "\r\n")
		end := i
		if i < 0 {
			end = len(rest)
		}
		a.line(rest[:end])
		if i < 0 {
			break
		}
		if !a.cr || rest[i] != '\n' || i > 0 { // not the second half of a line's end
			a.endLine()
		}
		a.cr = rest[i] == '\r'
		rest = rest[i+1:]
	}
	return len(p), nil
}

// line takes a part of a line.
func (a *answers) line(p []byte) {
	if len(p) > 0 {
		a.cr = false
	}
	if a.part == inField {
		name, value, found := bytes.Cut(p, []byte(":"))
		if room := 16 - len(a.field); room > 0 {
			a.field = append(a.field, name[:min(room, len(name))]...)
		}
		if !found {
			return
		}
		a.part, p = inOther, value
		if string(bytes.TrimPrefix(a.field, byteOrderMark)) == "data" {
			a.part = inData
		}
	}
	if a.part == inData {
		a.scan.write(p)
	}
}

// endLine takes the end of a line. A blank one ends an event.
func (a *answers) endLine() {
	if a.part == inField && len(a.field) == 0 {
		a.reset()
	}
	a.part, a.field = inField, a.field[:0]
}

func (a *answers) reset() { a.scan = scanner{answers: a} }

// inner is the member of a message whose members count as well.
func (s *scanner) inner() string {
	if s.answers != nil {
		return "result"
	}
	return "params"
}

// member returns where the value of the member goes that is being read.
func (a *answers) member(s *scanner) *[]byte {
	switch {
	case s.inParams && s.isNamed("isError"):
		return &s.tool
	case s.inParams:
	case string(s.key) == "id":
		return &s.own
	case s.isNamed("error"):
		return &s.method
	}
	return nil
}

// end notes a response.
func (a *answers) end(s *scanner) {
	failed := bytes.TrimSpace(s.method)
	if len(failed) == 0 || string(failed) == "null" {
		if string(bytes.TrimSpace(s.tool)) != "true" {
			return
		}
	}
	a.any = true
	if len(a.failed) < maxCalls {
		a.failed = append(a.failed, idOf(s.own))
	}
}

// failedAt reports whether a call failed. Of a request with one call, every error is its own.
func (a *answers) failedAt(c called, alone bool) bool {
	return a != nil && (alone && a.any || slices.Contains(a.failed, c.id))
}

// idOf is an id in a form that can be compared.
func idOf(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if text := unquoted(raw); text != "" {
		return `"` + text
	}
	return string(raw)
}
