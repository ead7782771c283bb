package gateway_test

import (
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestStdioRules: rules mean the same for a server that speaks stdio. A tool that has to be
// read-only is asked for in the session.
func TestStdioRules(t *testing.T) {
	t.Parallel()
	p := commanded(t, map[string]any{"rules": []any{
		map[string]any{"tools": []string{"test_simple_*"}},
		map[string]any{"tools": []string{"*"}, "readonly": true},
	}})
	m := harness.Connect(t, signIn(t, p))
	for name, works := range map[string]bool{"test_simple_text": true, "test_error_handling": false, "test_tool_with_progress": false} {
		if err := harness.CallIn(t.Context(), m, name, nil); (err == nil) != works || err != nil && !strings.Contains(err.Error(), "Unknown tool: "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tools, err := m.ListTools(t.Context(), mcp.ListToolsRequest{})
	if err != nil || len(tools.Tools) == 0 {
		t.Fatalf("%v: %+v", err, tools)
	}
	for _, tool := range tools.Tools {
		readOnly := tool.Annotations.ReadOnlyHint != nil && *tool.Annotations.ReadOnlyHint
		if !strings.HasPrefix(tool.Name, "test_simple_") && !readOnly {
			t.Errorf("%s is listed", tool.Name)
		}
	}
}
