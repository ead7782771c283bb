package rules

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	// maxDepth bounds the nesting of a message. Parsers have bounds of their own; this is
	// the lowest of those in use.
	maxDepth = 200
	// longValue is how long an object or array is whose end is remembered: others are walked
	// through again where it is needed.
	longValue = 4 << 10
)

// read checks that all parsers read a document: it is UTF-8 and JSON (RFC 8259), and not
// nested deep. It walks through the document once.
func read(raw []byte) (text, bool) {
	if !utf8.Valid(raw) {
		return text{}, false
	}
	c := checker{text: text{raw: raw}}
	end := c.value(c.space(0))
	return c.text, c.space(end) == len(raw) && !c.failed
}

// checker walks through a document. Its methods take where something begins, and return where
// it ends. After a failure that is the end of the document, where nothing can begin.
type checker struct {
	text
	depth  int
	failed bool
}

func (c *checker) fail() int {
	c.failed = true
	return len(c.raw)
}

// at returns the byte at i, and at the end of the document 0, which begins nothing.
func (c *checker) at(i int) byte {
	if i < len(c.raw) {
		return c.raw[i]
	}
	return 0
}

func (c *checker) value(i int) int {
	switch c.at(i) {
	case '"':
		return c.string(i)
	case '{':
		return c.nested(i, '}', c.member)
	case '[':
		return c.nested(i, ']', c.value)
	case 't':
		return c.literal(i, "true")
	case 'f':
		return c.literal(i, "false")
	case 'n':
		return c.literal(i, "null")
	}
	return c.number(i)
}

// nested checks an object or array, each of whose parts element checks.
func (c *checker) nested(start int, closing byte, element func(int) int) int {
	if c.depth++; c.depth > maxDepth {
		return c.fail()
	}
	at := len(c.long)
	c.long = append(c.long, span{start: start})
	i := c.space(start + 1)
	if c.at(i) != closing {
		for i = c.space(element(i)); c.at(i) == ','; {
			i = c.space(element(c.space(i + 1)))
		}
	}
	if c.at(i) != closing {
		return c.fail()
	}
	c.depth--
	if c.long[at].end = i + 1; i+1-start < longValue {
		c.long = c.long[:at] // nothing in it is longer
	}
	return i + 1
}

func (c *checker) member(i int) int {
	i = c.space(c.string(i))
	if c.at(i) != ':' {
		return c.fail()
	}
	return c.value(c.space(i + 1))
}

func (c *checker) literal(i int, text string) int {
	if !bytes.HasPrefix(c.raw[i:], []byte(text)) {
		return c.fail()
	}
	return i + len(text)
}

func (c *checker) number(i int) int {
	if c.at(i) == '-' {
		i++
	}
	if c.at(i) == '0' {
		i++
	} else {
		i = c.digits(i)
	}
	if c.at(i) == '.' {
		i = c.digits(i + 1)
	}
	if c.at(i)|0x20 == 'e' {
		if i++; c.at(i) == '+' || c.at(i) == '-' {
			i++
		}
		i = c.digits(i)
	}
	return i
}

func (c *checker) digits(i int) int {
	start := i
	for digit := c.at(i); digit >= '0' && digit <= '9'; digit = c.at(i) {
		i++
	}
	if i == start {
		return c.fail()
	}
	return i
}

func (c *checker) string(i int) int {
	if c.at(i) != '"' {
		return c.fail()
	}
	for i++; ; {
		i = c.plain(i)
		switch c.at(i) {
		case '"':
			return i + 1
		case '\\':
			i = c.escape(i + 1)
		default: // a control character, or the end
			return c.fail()
		}
	}
}

func (c *checker) escape(i int) int {
	switch c.at(i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for range 4 {
			if i++; i >= len(c.raw) || hexValue(c.raw[i]) < 0 {
				return c.fail()
			}
		}
		return i + 1
	}
	return c.fail()
}

// plain returns where characters end that stand for themselves. It looks at eight bytes at a
// time, as long texts are what large messages are made of.
func (c *checker) plain(i int) int {
	for ; i+8 <= len(c.raw); i += 8 {
		if other := others(binary.LittleEndian.Uint64(c.raw[i:])); other != 0 {
			return i + bits.TrailingZeros64(other)/8
		}
	}
	for i < len(c.raw) && c.raw[i] >= ' ' && c.raw[i] != '"' && c.raw[i] != '\\' {
		i++
	}
	return i
}

// others finds the first of eight bytes that is no plain character: its highest bit is the
// lowest that is set. A subtraction sets the highest bit of a byte that was too small for it.
func others(word uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	quote, backslash := word^'"'*each, word^'\\'*each
	return ((word-' '*each)&^word | (quote-each)&^quote | (backslash-each)&^backslash) & high
}
