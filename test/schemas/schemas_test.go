package schemas_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Where the tests of internal/mcpserver keep what tools/list and the tools return.
const golden = "../../internal/mcpserver/testdata"

// TestResultsMatchOutputSchemas: each result matches the output schema of its tool, and
// each tool has a result.
func TestResultsMatchOutputSchemas(t *testing.T) {
	t.Parallel()
	schemas := outputSchemas(t)
	var results []struct {
		Tool      string
		Arguments map[string]any
		Result    json.RawMessage
	}
	read(t, "results.json", &results)
	seen := make(map[string]bool)
	for _, r := range results {
		seen[r.Tool] = true
		result, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.Result))
		if err != nil {
			t.Fatal(err)
		}
		schema, ok := schemas[r.Tool]
		if !ok {
			t.Fatalf("tools/list has no output schema of %s", r.Tool)
		}
		if err := schema.Validate(result); err != nil {
			t.Errorf("%s %v: %v", r.Tool, r.Arguments, err)
		}
	}
	for tool := range schemas {
		if !seen[tool] {
			t.Errorf("results.json has no result of %s", tool)
		}
	}
}

// outputSchemas compiles what an administrator sees in tools/list, by the tool's name.
func outputSchemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	var tools []struct {
		Name         string
		OutputSchema json.RawMessage
	}
	read(t, "tools_admin.json", &tools)
	schemas := make(map[string]*jsonschema.Schema)
	for _, tool := range tools {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(tool.OutputSchema))
		if err != nil {
			t.Fatalf("%s: %v", tool.Name, err)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource(tool.Name, document); err != nil {
			t.Fatal(err)
		}
		if schemas[tool.Name], err = compiler.Compile(tool.Name); err != nil {
			t.Fatal(err)
		}
	}
	return schemas
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
