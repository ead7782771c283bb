package everything

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"
)

// addChangingTools adds tools that change what the server lists, so that it tells
// those who listen.
func (f fixture) addChangingTools() {
	f.AddTool(mcp.NewTool("test_trigger_tool_change", mcp.WithDescription("Adds and removes a tool")),
		func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			f.answer("test_new_tool", "Was added", text("new"))
			f.DeleteTools("test_new_tool")
			return mcp.NewToolResultText("changed"), nil
		})
	f.AddTool(mcp.NewTool("test_trigger_prompt_change", mcp.WithDescription("Adds and removes a prompt")),
		func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			f.AddPrompt(mcp.NewPrompt("test_new_prompt", mcp.WithPromptDescription("Was added")), says("new"))
			f.DeletePrompts("test_new_prompt")
			return mcp.NewToolResultText("changed"), nil
		})
}
