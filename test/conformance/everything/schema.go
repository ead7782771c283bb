package everything

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
)

// schema2020 is the schema that json-schema-2020-12 wants to get back.
const schema2020 = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"$defs": {"address": {
		"$anchor": "addressDef", "type": "object",
		"properties": {"street": {"type": "string"}, "city": {"type": "string"}}
	}},
	"properties": {
		"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"},
		"contactMethod": {"type": "string", "enum": ["phone", "email"]},
		"phone": {"type": "string"}, "email": {"type": "string"}
	},
	"allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
	"if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
	"then": {"required": ["phone"]},
	"else": {"required": ["email"]},
	"additionalProperties": false
}`

// headerSchema has an argument that travels in a header too (SEP-2243).
const headerSchema = `{
	"type": "object",
	"properties": {"region": {"type": "string", "x-mcp-header": "Region"}}
}`

// addSchemaTools adds tools whose schemas are what matters.
func (f fixture) addSchemaTools() {
	for name, schema := range map[string]string{
		"json_schema_2020_12_tool": schema2020, "test_header_parameter": headerSchema,
	} {
		f.AddTool(mcp.NewToolWithRawSchema(name, "Has a particular schema", json.RawMessage(schema)),
			func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				return mcp.NewToolResultText("ok"), nil
			})
	}
}
