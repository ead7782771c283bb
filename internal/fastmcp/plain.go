package fastmcp

import (
	"bytes"
	"encoding/json"
)

// Rows are read at every request and nearly all hold plain JSON: an object whose
// texts have no escapes. What is here reads that, several times as fast as
// encoding/json, to which it leaves everything else.

// pair is a member of a JSON object as it is written.
type pair struct {
	name  []byte // without quotes
	value []byte
}

// pairsOf splits a JSON object into its members and appends them to pairs, which
// may be room on the caller's stack. The values are not checked.
func pairsOf(pairs []pair, data []byte) ([]pair, error) {
	if pairs, ok := splitPlain(pairs, data); ok {
		return pairs, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, ErrCorrupted // null
	}
	for name, value := range members {
		pairs = append(pairs, pair{[]byte(name), value})
	}
	return pairs, nil
}

// splitPlain splits a JSON object whose names are plain and different from each
// other.
func splitPlain(pairs []pair, data []byte) ([]pair, bool) {
	rest, ok := after(data, '{')
	for ok {
		var p pair
		if p.name, rest, ok = cutText(rest); !ok {
			return nil, false
		}
		if rest, ok = after(rest, ':'); !ok {
			return nil, false
		}
		if p.value, rest, ok = cutValue(rest); !ok || has(pairs, p.name) {
			return nil, false
		}
		pairs = append(pairs, p)
		if end, closed := after(rest, '}'); closed {
			return pairs, len(end) == 0
		}
		rest, ok = after(rest, ',')
	}
	return nil, false
}

func has(pairs []pair, name []byte) bool {
	for _, p := range pairs {
		if bytes.Equal(p.name, name) {
			return true
		}
	}
	return false
}

// after skips a character and the white space around it.
func after(text []byte, c byte) (rest []byte, ok bool) {
	text = skipSpace(text)
	if len(text) == 0 || text[0] != c {
		return text, false
	}
	return skipSpace(text[1:]), true
}

func skipSpace(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

func trimSpace(text []byte) []byte {
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// cutText cuts a plain text off, and its quotes off the text.
func cutText(text []byte) (plain, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, text, false
	}
	end := 1 + bytes.IndexByte(text[1:], '"')
	if end < 1 || !isPlain(text[1:end]) {
		return nil, text, false
	}
	return text[1:end], text[end+1:], true
}

// isPlain reports whether a text is written in JSON as it is.
func isPlain[T string | []byte](text T) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// cutValue cuts off a value up to the comma or bracket behind it. That the value
// is one is for its reader to check.
func cutValue(text []byte) (value, rest []byte, ok bool) {
	if inside, ok := bytes.CutPrefix(text, []byte{'"'}); ok { // a long one, usually
		end := 2 + bytes.IndexByte(inside, '"')
		if end > 1 && bytes.IndexByte(text[:end], '\\') < 0 {
			return text[:end], skipSpace(text[end:]), true
		}
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			if i = endOfText(text, i); i < 0 {
				return nil, nil, false
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return trimSpace(text[:i]), text[i:], i > 0
			}
		case ',':
			if depth == 0 {
				return trimSpace(text[:i]), text[i:], i > 0
			}
		}
	}
	return nil, nil, false
}

// endOfText returns the index of the quote that ends the text which begins at i,
// or a negative number.
func endOfText(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return -1
}
