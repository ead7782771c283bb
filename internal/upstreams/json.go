package upstreams

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf16"
)

var byteOrderMark = []byte("\ufeff")

// asYAML returns a file of which YAML understands all if it is JSON. Two things of JSON it does
// not: tabs between values, and a character that is escaped as two halves of UTF-16. What begins
// later in a line keeps its column.
func asYAML(content []byte) []byte {
	if !json.Valid(bytes.TrimPrefix(content, byteOrderMark)) {
		return content
	}
	content = bytes.ReplaceAll(content, []byte("\t"), []byte(" ")) // strings have none
	return jsonString.ReplaceAllFunc(content, withoutHalves)
}

var (
	jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	jsonEscape = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\.`)
)

// withoutHalves writes characters of a string as YAML escapes them, which is shorter. Spaces
// follow the string in place of what it lost.
func withoutHalves(text []byte) []byte {
	const digits = 4
	out := jsonEscape.ReplaceAllFunc(text, func(escape []byte) []byte {
		if len(escape) < len(`\ud83d\ude00`) { // not two halves
			return escape
		}
		high, _ := strconv.ParseUint(string(escape[2:2+digits]), 16, 16) // the expression found digits
		low, _ := strconv.ParseUint(string(escape[len(escape)-digits:]), 16, 16)
		return fmt.Appendf(nil, `\U%08X`, utf16.DecodeRune(rune(high), rune(low)))
	})
	return append(out, bytes.Repeat([]byte(" "), len(text)-len(out))...)
}
