package gateway

import (
	"bytes"
	"encoding/json"
)

const (
	unknownID = "null" // JSON-RPC 2.0 §5
	longestID = 4 << 10
)

// idScanner finds the member "id" of a JSON object that is written to it in pieces, without
// keeping the object. Batches have no single id.
type idScanner struct {
	depth    int
	inString bool
	escaped  bool
	isKey    bool   // the string that is read is the name of a member of the object itself
	key      []byte // the name last read
	value    []byte // raw, of the member "id"
	reading  bool   // the value of "id" is being read
	seen     int    // members of that name
}

func (s *idScanner) write(p []byte) {
	for len(p) > 0 {
		if s.inString && !s.escaped && !s.isKey && !s.reading {
			i := bytes.IndexAny(p, `"\`) // the long strings are in the arguments
			if i < 0 {
				return
			}
			p = p[i:]
		}
		s.next(p[0])
		p = p[1:]
	}
}

func (s *idScanner) next(c byte) {
	if s.inString {
		s.nextInString(c)
		return
	}
	switch c {
	case '"':
		s.inString, s.isKey = true, s.depth == 1 && !s.reading && s.key == nil
		if s.isKey {
			s.key = []byte{}
		}
	case '{', '[':
		s.depth++
	case '}', ']':
		if s.depth == 1 {
			s.endMember()
		}
		s.depth--
	case ',':
		if s.depth == 1 {
			s.endMember()
			return
		}
	case ':':
		if s.depth == 1 && string(s.key) == "id" && !s.reading {
			s.seen++
			s.reading, s.value = true, nil
			return
		}
	}
	s.keep(c)
}

func (s *idScanner) nextInString(c byte) {
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.inString = false
		s.keep(c)
		s.isKey = false
		return
	}
	if s.isKey && len(s.key) < longestID {
		s.key = append(s.key, c)
	}
	s.keep(c)
}

func (s *idScanner) endMember() { s.reading, s.key = false, nil }

func (s *idScanner) keep(c byte) {
	if s.reading && len(s.value) <= longestID {
		s.value = append(s.value, c)
	}
}

// result returns the raw id, a string or a number, as it was sent.
func (s *idScanner) result() string {
	raw := bytes.TrimSpace(s.value)
	if s.seen != 1 || len(raw) > longestID || len(raw) == 0 || s.depth != 0 || !json.Valid(raw) {
		return unknownID
	}
	if raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		return string(raw)
	}
	return unknownID
}
