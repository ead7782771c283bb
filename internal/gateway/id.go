package gateway

import (
	"bytes"
	"encoding/json"
	"strings"
)

const (
	unknownID = "null" // JSON-RPC 2.0 §5
	longestID = 4 << 10
	// maxCalls is how many calls of one batch are told apart.
	maxCalls = 100
)

// scanner finds what the gateway needs to know of a JSON-RPC message that is written to it in
// pieces, without keeping the message: the raw id of a request, and which tools it calls.
// Batches have no single id.
type scanner struct {
	depth    int
	base     int // depth of a message's members: 1, or 2 in a batch; 0 before anything was read
	inString bool
	escaped  bool

	inParams bool   // the params of the message are an object, and being read
	isKey    bool   // the string that is read is the name of a member that counts
	hasKey   bool   // the name was read
	inValue  bool   // so was the colon
	key      []byte // the name last read
	into     *[]byte

	id     []byte // raw, as are the others
	seen   int    // members of that name
	own    []byte // the id of the message that is read
	method []byte
	tool   []byte
	called []called
	more   int  // calls beyond maxCalls
	asks   bool // there was a request

	answers *answers // not nil when responses are read, not requests
}

// called is a call of a tool.
type called struct {
	id   string // as idOf has it
	tool string
}

func (s *scanner) write(p []byte) {
	for len(p) > 0 {
		if s.into == nil { // what is long is in the arguments
			switch {
			case s.inString && !s.escaped && !s.isKey:
				p = p[toStringEnd(p):]
			case !s.inString && s.base > 0 && !s.counts():
				p = p[s.skip(p):]
			}
			if len(p) == 0 {
				return
			}
		}
		s.next(p[0])
		p = p[1:]
	}
}

func (s *scanner) next(c byte) {
	if s.inString {
		s.nextInString(c)
		return
	}
	switch c {
	case '"':
		s.inString, s.isKey = true, s.counts() && !s.hasKey
		if s.isKey {
			s.hasKey, s.key = true, s.key[:0]
			return
		}
	case '{', '[':
		s.open(c)
	case '}', ']':
		s.close()
	case ',':
		if s.counts() {
			s.endMember()
			return
		}
	case ':':
		if s.counts() && !s.inValue {
			s.beginValue()
			return
		}
	}
	s.keep(c)
}

func (s *scanner) nextInString(c byte) {
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.inString = false
		if s.isKey {
			s.isKey = false
			return
		}
	}
	if s.isKey && len(s.key) < longestID {
		s.key = append(s.key, c)
	}
	s.keep(c)
}

// counts reports whether the members that are read are those of a message, or of its params.
func (s *scanner) counts() bool {
	return s.base > 0 && s.depth == s.base || s.inParams && s.depth == s.base+1
}

func (s *scanner) open(c byte) {
	switch {
	case s.base == 0 && c == '{':
		s.base = 1
	case s.base == 0:
		s.base = 2
	case s.depth == s.base && c == '{' && s.inValue && s.isNamed(s.inner()):
		s.inParams = true
		s.endMember()
	}
	s.depth++
}

func (s *scanner) close() {
	if s.counts() {
		s.endMember()
	}
	s.depth--
	switch {
	case s.inParams && s.depth == s.base:
		s.inParams, s.hasKey, s.inValue = false, true, true // the member params has not ended
		s.key = s.key[:0]
	case s.depth == s.base-1:
		s.endMessage()
	}
}

// beginValue decides whether the value of a member is kept.
func (s *scanner) beginValue() {
	s.inValue = true
	switch {
	case s.answers != nil:
		s.into = s.answers.member(s)
	case s.inParams && s.isNamed("name"):
		s.into = &s.tool
	case s.inParams:
	case s.base == 1 && string(s.key) == "id":
		s.seen++
		s.into = &s.id
	case string(s.key) == "id":
		s.into = &s.own
	case s.isNamed("method"):
		s.into = &s.method
	}
	if s.into != nil {
		*s.into = nil
	}
}

func (s *scanner) endMember() { s.hasKey, s.inValue, s.into = false, false, nil }

// isNamed compares names as decoders do that do not mind their case.
func (s *scanner) isNamed(name string) bool {
	if bytes.IndexByte(s.key, '\\') < 0 {
		return bytes.EqualFold(s.key, []byte(name))
	}
	return strings.EqualFold(unquoted([]byte(`"`+string(s.key)+`"`)), name)
}

func (s *scanner) keep(c byte) {
	if s.into != nil && len(*s.into) <= longestID {
		*s.into = append(*s.into, c)
	}
}

// endMessage notes a request, and a call of a tool.
func (s *scanner) endMessage() {
	s.asks = s.asks || s.method != nil && (s.seen > 0 || s.own != nil)
	switch {
	case s.answers != nil:
		s.answers.end(s)
	case unquoted(s.method) != "tools/call":
	case len(s.called) < maxCalls:
		s.called = append(s.called, called{idOf(s.own), unquoted(s.tool)})
	default:
		s.more++
	}
	s.own, s.method, s.tool = nil, nil, nil
}

// unquoted reads a JSON string; it returns "" for anything else.
func unquoted(raw []byte) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// result returns the raw id, a string or a number, as it was sent.
func (s *scanner) result() string {
	raw := bytes.TrimSpace(s.id)
	if s.seen != 1 || len(raw) > longestID || len(raw) == 0 || s.depth != 0 || !json.Valid(raw) {
		return unknownID
	}
	if raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		return string(raw)
	}
	return unknownID
}
