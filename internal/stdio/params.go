package stdio

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"strconv"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
)

// agrees compares headers with the arguments that they repeat (MCP 2026-07-28, Streamable HTTP,
// "Server Behavior for Custom Headers"): "Any server that processes the message body MUST
// validate that encoded header values, after decoding if Base64-encoded, match the corresponding
// values in the request body." An argument without its header is refused, and so is a header
// without its argument, since programs on the way may have trusted it. Others are ignored.
func agrees(list []mirrored, h http.Header, arguments json.RawMessage) error {
	for _, m := range list {
		if !m.agrees(h[m.header], arguments) {
			return gateway.NewProblem(http.StatusBadRequest, codeHeader, "The header "+m.header+" has to say what the arguments say. List the tools again.")
		}
	}
	return nil
}

func (m mirrored) agrees(values []string, arguments json.RawMessage) bool {
	value, isClear := valueAt(arguments, m.path)
	switch {
	case !isClear || len(values) > 1:
		return false
	case len(values) == 0:
		_, isDue := headerOf(value)
		return !isDue
	case value == nil || !isVisible(values[0]):
		return false
	}
	text, ok := gateway.HeaderText(values[0])
	return ok && says(text, value)
}

// valueAt returns the value of an argument, nil when there is none. It is not clear when a name
// on the path is repeated: servers do not agree on which one counts.
func valueAt(value json.RawMessage, path []string) (_ json.RawMessage, isClear bool) {
	for _, name := range path {
		members, err := readMembers(value)
		if err != nil {
			return nil, true
		}
		if value = members.get(name); value == nil {
			return nil, true
		}
		if len(members.without(name)) != len(members)-1 {
			return nil, false
		}
	}
	if string(value) == "null" {
		return nil, true
	}
	return value, true
}

// mostSafe is the greatest integer that every client can write (MCP 2026-07-28, "Schema
// Extension").
const mostSafe = 1<<53 - 1

// headerOf returns what a header says of a value. Without one, a client sends no header.
func headerOf(value json.RawMessage) (text string, ok bool) {
	switch {
	case value == nil:
		return "", false
	case value[0] == '"':
		err := json.Unmarshal(value, &text)
		return text, err == nil
	case value[0] == 't' || value[0] == 'f':
		return string(value), true
	}
	n, err := strconv.ParseFloat(string(value), 64)
	return string(value), err == nil && n == math.Trunc(n) && math.Abs(n) <= mostSafe
}

var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// says reports whether a text stands for a value. "42.0" and 42 are the same number.
func says(text string, value json.RawMessage) bool {
	want, ok := headerOf(value)
	if !ok || text == want {
		return ok
	}
	isNumber := value[0] != '"' && value[0] != 't' && value[0] != 'f'
	a, err := strconv.ParseFloat(text, 64)
	b, _ := strconv.ParseFloat(want, 64)
	return isNumber && decimal.MatchString(text) && err == nil && a == b
}

// isVisible reports whether a value has the characters that the revision allows: visible ASCII,
// spaces and tabs.
func isVisible(value string) bool {
	return !bytes.ContainsFunc([]byte(value), func(c rune) bool { return c != '\t' && (c < ' ' || c > '~') })
}
