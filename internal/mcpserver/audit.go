package mcpserver

import (
	"context"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// recorded notes each call of a tool.
func (s *service) recorded(tool string, run server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		began := time.Now()
		result, err := run(ctx, r)
		p, _ := principal.FromContext(ctx)
		outcome := audit.OK
		if err != nil || result == nil || result.IsError {
			outcome = audit.Error
		}
		s.Called(audit.Call{
			UserID: p.User.ID, ClientID: p.ClientID, GrantID: p.GrantID, Reference: storage.ReferenceOf(ctx),
			Upstream: audit.BuiltIn, Tool: tool, Outcome: outcome, Took: time.Since(began),
		})
		return result, err
	}
}
