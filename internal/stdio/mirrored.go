package stdio

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const (
	paramPrefix = "Mcp-Param-"
	annotation  = "x-mcp-header"
)

// mirrored is an argument of a tool that a header repeats.
type mirrored struct {
	header string // its canonical name
	path   []string
}

// mirroredIn returns the arguments that headers repeat, by the schema of a tool's input. An
// annotation at a wrong place makes the definition invalid, so that clients do not offer the
// tool and no header is due (MCP 2026-07-28, Streamable HTTP, "Schema Extension").
func mirroredIn(schema json.RawMessage) []mirrored {
	var root any
	if json.Unmarshal(schema, &root) != nil {
		return nil
	}
	var s schemaWalk
	s.visit(root, nil, true)
	if s.isInvalid {
		return nil
	}
	return s.found
}

// schemaWalk collects annotations.
type schemaWalk struct {
	found     []mirrored
	isInvalid bool
}

// Keywords below which a value has no fixed place in the arguments: those of schemas, of lists
// of schemas, and of schemas by name.
var (
	unplaced = []string{
		"items", "prefixItems", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems",
		"propertyNames", "oneOf", "anyOf", "allOf", "not", "if", "then", "else",
	}
	unplacedByName = []string{"patternProperties", "dependentSchemas", "$defs", "definitions"}
)

// visit walks a schema. Its place is known when only "properties" lead to it.
func (s *schemaWalk) visit(node any, path []string, isPlaced bool) {
	schema, ok := node.(map[string]any)
	if !ok {
		return
	}
	if name, ok := schema[annotation]; ok {
		s.annotated(name, schema["type"], path, isPlaced)
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, child := range properties {
		s.visit(child, append(slices.Clone(path), name), isPlaced)
	}
	for _, keyword := range unplaced {
		list, ok := schema[keyword].([]any)
		if !ok {
			list = []any{schema[keyword]}
		}
		for _, child := range list {
			s.visit(child, nil, false)
		}
	}
	for _, keyword := range unplacedByName {
		named, _ := schema[keyword].(map[string]any)
		for _, child := range named {
			s.visit(child, nil, false)
		}
	}
}

// annotated notes an annotation.
func (s *schemaWalk) annotated(value, kind any, path []string, isPlaced bool) {
	name, _ := value.(string)
	header := http.CanonicalHeaderKey(paramPrefix + name)
	isKnown := slices.ContainsFunc(s.found, func(m mirrored) bool { return m.header == header })
	isPrimitive := kind == "string" || kind == "integer" || kind == "boolean"
	if !isPlaced || len(path) == 0 || !isToken(name) || isKnown || !isPrimitive {
		s.isInvalid = true
		return
	}
	s.found = append(s.found, mirrored{header, path})
}

// isToken reports whether a text can name a header (RFC 9110 §5.6.2).
func isToken(text string) bool {
	for _, c := range []byte(text) {
		isLetter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !isLetter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return text != ""
}
