package mcpserver

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// askForMore refuses a call for want of scope: by the status of the HTTP answer, a
// 403 with a challenge (RFC 6750 §3.1, MCP authorization, step-up) to which clients
// react by asking the person, and in the result for clients that do so from there
// (ChatGPT: _meta["mcp/www_authenticate"]). It is decided where the tool runs and not
// by reading the message a second time, which two parsers could understand
// differently.
func (s *service) askForMore(ctx context.Context, granted string, t tool) *mcp.CallToolResult {
	challenge := s.resource.Challenge(oauth.ChallengeParams{
		Code: oauth.InsufficientScope, Description: "this tool needs more permission", Scope: oauth.StepUp(granted, t.scope),
	})
	if a := answerOf(ctx); a != nil {
		a.challenge = challenge
	}
	s.log(ctx).Info("scope does not suffice", "event", "insufficient_scope", "tool", t.Name)
	result := mcp.NewToolResultError("This needs a permission that the app does not have (" + t.scope +
		"). Connect the app again and allow it; the app asks by itself if it can.")
	result.Meta = &mcp.Meta{AdditionalFields: map[string]any{"mcp/www_authenticate": []string{challenge}}}
	return result
}
