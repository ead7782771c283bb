package rules

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// text is a JSON document that is known to be valid; span is a value in it.
type text struct {
	raw  []byte
	long []span // objects and arrays of some length, by where they begin
}

type span struct{ start, end int }

func (b text) of(s span) []byte { return b.raw[s.start:s.end] }

// root is the value that the document is.
func (b text) root() span {
	start := b.space(0)
	return span{start, b.valueEnd(start)}
}

// space returns where the white space at i ends.
func (b text) space(i int) int {
	for i < len(b.raw) && (b.raw[i] == ' ' || b.raw[i] == '\n' || b.raw[i] == '\t' || b.raw[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns where the string that begins at i ends.
func (b text) stringEnd(i int) int {
	for i++; ; {
		i += bytes.IndexByte(b.raw[i:], '"')
		slashes := 0
		for b.raw[i-1-slashes] == '\\' {
			slashes++
		}
		i++
		if slashes%2 == 0 {
			return i
		}
	}
}

// valueEnd returns where the value that begins at i ends.
func (b text) valueEnd(i int) int {
	switch b.raw[i] {
	case '"':
		return b.stringEnd(i)
	case '{', '[':
		return b.nestedEnd(i)
	}
	for i < len(b.raw) && !strings.ContainsRune(",]} \n\t\r", rune(b.raw[i])) {
		i++
	}
	return i
}

func (b text) nestedEnd(i int) int {
	at, isLong := slices.BinarySearchFunc(b.long, i, func(s span, start int) int { return s.start - start })
	if isLong {
		return b.long[at].end
	}
	for open := 0; ; i++ {
		switch b.raw[i] {
		case '"':
			i = b.stringEnd(i) - 1
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				return i + 1
			}
		}
	}
}

// member is one of an object.
type member struct {
	name  string
	bad   bool // parsers read the name differently
	value span
}

// members returns the members of the object at s.
func (b text) members(s span) (list []member) {
	for i := b.space(s.start + 1); b.raw[i] != '}'; {
		end := b.stringEnd(i)
		name, ok := stringOf(b.raw[i:end])
		i = b.space(b.space(end) + 1) // behind the colon
		end = b.valueEnd(i)
		list = append(list, member{name: name, bad: !ok, value: span{i, end}})
		if i = b.space(end); b.raw[i] == ',' {
			i = b.space(i + 1)
		}
	}
	return list
}

// elements returns the elements of the array at s.
func (b text) elements(s span) (list []span) {
	for i := b.space(s.start + 1); b.raw[i] != ']'; {
		end := b.valueEnd(i)
		list = append(list, span{i, end})
		if i = b.space(end); b.raw[i] == ',' {
			i = b.space(i + 1)
		}
	}
	return list
}

// stringOf reads a string. It reports false for a value that is none, and for one that
// parsers read differently: with a NUL, which ends it for some, or half a surrogate pair.
func stringOf(raw []byte) (string, bool) {
	if raw[0] != '"' {
		return "", false
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil || strings.ContainsRune(s, 0) || halved(inner) {
		return "", false
	}
	return s, true
}

// halved reports whether a string has half a surrogate pair.
func halved(inner []byte) bool {
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			continue
		}
		i++
		if inner[i] != 'u' {
			continue
		}
		first := hexRune(inner[i+1:])
		i += 4
		if !utf16.IsSurrogate(first) {
			continue
		}
		if i+2 >= len(inner) || inner[i+1] != '\\' || inner[i+2] != 'u' || utf16.DecodeRune(first, hexRune(inner[i+3:])) == unicode.ReplacementChar {
			return true
		}
		i += 6
	}
	return false
}

func hexRune(digits []byte) (c rune) {
	for _, digit := range digits[:4] {
		c = c<<4 | rune(hexValue(digit)) //nolint:gosec // below 16
	}
	return c
}

// folded is a name as decoders see it that do not mind case. Like some of them, it takes
// the dotless i for an i.
func folded(name string) string {
	return strings.Map(func(c rune) rune {
		if c == 'ı' || c == 'İ' {
			return 'i'
		}
		lowest := c
		for next := unicode.SimpleFold(c); next != c; next = unicode.SimpleFold(next) {
			lowest = min(lowest, next)
		}
		return unicode.ToLower(lowest)
	}, name)
}
