package mcpserver

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// askForMore refuses a call for want of scope: by the status of the HTTP answer, a
// 403 with a challenge (RFC 6750 §3.1, MCP authorization, step-up) to which clients
// react by asking the person, and in the result for clients that do so from there
// (ChatGPT: _meta["mcp/www_authenticate"]). It is decided where the tool runs and not
// by reading the message a second time, which two parsers could understand
// differently.
func (s *service) askForMore(ctx context.Context, p principal.Principal, t tool) *mcp.CallToolResult {
	challenge := oauth.Resource{URI: p.Resource}.Challenge(oauth.ChallengeParams{
		Code: oauth.InsufficientScope, Description: "this tool requires another scope", Scope: oauth.StepUp(p.Scope, t.scope),
	})
	if a := responseOf(ctx); a != nil {
		a.challenge = challenge
	}
	s.Logger.InfoContext(ctx, "insufficient scope", logging.Event, "insufficient_scope", logging.Tool, t.Name)
	result := mcp.NewToolResultError("This tool requires a scope that the app does not have (" + t.scope +
		"). Connect the app again and approve that scope; apps that support step-up ask for it automatically.")
	result.Meta = &mcp.Meta{AdditionalFields: map[string]any{"mcp/www_authenticate": []string{challenge}}}
	return result
}
