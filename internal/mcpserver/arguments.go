package mcpserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
)

// argument is one argument of a tool, as its input schema declares it.
type argument struct {
	Name        string  `json:"-"`
	Type        string  `json:"type"` // "string" or "integer"
	Description string  `json:"description"`
	Minimum     float64 `json:"minimum"`
	Maximum     float64 `json:"maximum"`
	MaxLength   int     `json:"maxLength"`
	Pattern     string  `json:"pattern"`
	required    bool
	pattern     *regexp.Regexp
}

// argumentsOf returns the arguments that a tool declares, sorted by name.
func argumentsOf(t mcp.Tool) []argument {
	var list []argument
	for name, schema := range t.InputSchema.Properties {
		a := argument{Name: name}
		encoded, err := json.Marshal(schema)
		if err == nil {
			err = json.Unmarshal(encoded, &a)
		}
		if err != nil {
			panic(err) // the schemas are constants
		}
		a.Name, a.required = name, slices.Contains(t.InputSchema.Required, name)
		if a.Pattern != "" {
			a.pattern = regexp.MustCompile(a.Pattern)
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b argument) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// readArguments returns the arguments of a call that its tool declares. Models and
// clients add others, which are ignored, and fill in those that they do not use, which
// then count as absent. The error is a refusal.
func readArguments(declared []argument, sent any) (map[string]any, error) {
	given, err := objectOf(sent)
	if err != nil && len(declared) > 0 {
		return nil, err
	}
	values := make(map[string]any, len(declared))
	for _, a := range declared {
		value := given[a.Name]
		switch {
		case a.required && unset(value):
			return nil, refusal(fmt.Sprintf("%s is required: %s", a.Name, a.Description))
		case unset(value), !a.required && saysUnset(value):
			continue
		}
		if problem := a.check(value); problem != "" {
			return nil, refusal(a.Name + " " + problem)
		}
		values[a.Name] = value
	}
	return values, nil
}

// objectOf returns the arguments of a call by name.
func objectOf(sent any) (map[string]any, error) {
	if raw, ok := sent.(json.RawMessage); ok {
		if sent = nil; len(bytes.TrimSpace(raw)) > 0 && json.Unmarshal(raw, &sent) != nil {
			sent = "" // mcp-go has parsed the message: it is JSON
		}
	}
	if object, ok := sent.(map[string]any); ok || unset(sent) {
		return object, nil
	}
	return nil, refusal("The arguments must be a JSON object, not " + kindOf(sent) + ".")
}

// unset reports whether a value stands for an argument that is not used.
func unset(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { return !unset(element) })
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// saysUnset reports whether a value is a programming language’s word for none. No optional
// argument has such a value: it is not a number, and decodes to no cursor.
func saysUnset(value any) bool {
	text, _ := value.(string)
	return slices.Contains([]string{"null", "none", "undefined", "nil"}, strings.ToLower(strings.TrimSpace(text)))
}

// check says what is wrong with a value, "" for nothing. It quotes no value: one may be
// long, or hold instructions.
func (a argument) check(value any) string {
	if a.Type == "integer" {
		want := fmt.Sprintf("must be a whole number from %.0f to %.0f", a.Minimum, a.Maximum)
		switch n, ok := value.(float64); {
		case !ok:
			return want + ", not " + kindOf(value) + "."
		case n != math.Trunc(n) || n < a.Minimum || n > a.Maximum:
			return want + "."
		}
		return ""
	}
	text, ok := value.(string)
	switch {
	case !ok:
		return "must be a string, not " + kindOf(value) + "."
	case utf8.RuneCountInString(text) > a.MaxLength:
		return fmt.Sprintf("must have at most %d characters. Pass it exactly as you received it: %s", a.MaxLength, a.Description)
	case a.pattern != nil && !a.pattern.MatchString(text):
		return "has characters that it cannot have. Pass it exactly as you received it: " + a.Description
	}
	return ""
}

// kindOf is JSON's word for the type of a value.
func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case float64:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "null"
}
