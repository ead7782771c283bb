package everything

import (
	"context"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// pause is the time between notifications that the suite asks for. There is one
// after the last of them too: mcp-go drops a notification that is still on its way
// when the handler returns.
const pause = 50 * time.Millisecond

// addNotifyingTools adds tools that send notifications while they run.
func (f fixture) addNotifyingTools() {
	f.AddTool(mcp.NewTool("test_tool_with_logging", mcp.WithDescription("Sends log messages")), f.logs)
	f.AddTool(mcp.NewTool("test_logging_tool", mcp.WithDescription("Sends log messages to who asked for them")), f.logs)
	f.AddTool(mcp.NewTool("test_tool_with_progress", mcp.WithDescription("Reports progress")), f.progresses)
}

func (f fixture) logs(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	for _, message := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
		err := f.SendLogMessageToClient(ctx, mcp.NewLoggingMessageNotification(mcp.LoggingLevelInfo, "everything", message))
		if err != nil {
			return nil, err
		}
		time.Sleep(pause)
	}
	return mcp.NewToolResultText("logged"), nil
}

func (f fixture) progresses(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	for _, progress := range []int{0, 50, 100} {
		if r.Params.Meta != nil && r.Params.Meta.ProgressToken != nil {
			err := f.SendNotificationToClient(ctx, string(mcp.MethodNotificationProgress), object{
				"progressToken": r.Params.Meta.ProgressToken, "progress": progress, "total": 100,
			})
			if err != nil {
				return nil, err
			}
		}
		time.Sleep(pause)
	}
	return mcp.NewToolResultText("done"), nil
}
