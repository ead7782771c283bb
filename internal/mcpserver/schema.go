package mcpserver

import (
	"slices"

	"github.com/mark3labs/mcp-go/mcp"
)

// output declares the structured result of a tool: the JSON of a T, whose
// members are described by their jsonschema tags. What the generator cannot
// know is put right: nothing is ever null, and a later version may add members.
func output[T any]() mcp.ToolOption {
	generate := mcp.WithOutputSchema[T]()
	return func(t *mcp.Tool) {
		generate(t)
		t.OutputSchema.AdditionalProperties = nil
		for _, property := range t.OutputSchema.Properties {
			relax(property)
		}
	}
}

// relax removes "null" from types and the ban on further members from objects.
func relax(node any) {
	schema, ok := node.(map[string]any)
	if !ok {
		return
	}
	delete(schema, "additionalProperties")
	if types, ok := schema["type"].([]any); ok {
		types = slices.DeleteFunc(types, func(t any) bool { return t == "null" })
		if len(types) == 1 {
			schema["type"] = types[0]
		}
	}
	relax(schema["items"])
	if properties, ok := schema["properties"].(map[string]any); ok {
		for _, property := range properties {
			relax(property)
		}
	}
}

// visibleASCII and printableASCII are the alphabets of identifiers: what cannot
// be in one is refused before the database sees it. Client identifiers may hold
// spaces (RFC 6749 appendix A.1).
const (
	visibleASCII   = "^[!-~]+$"
	printableASCII = "^[ -~]+$"
)

// identifier is a required argument.
func identifier(name, description, pattern string, length int) mcp.ToolOption {
	return mcp.WithString(name, mcp.Required(), mcp.Description(description),
		mcp.MinLength(1), mcp.MaxLength(length), mcp.Pattern(pattern))
}
