package mcpserver

import (
	"context"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// stepUpWriter is the answer to one message. A tool that needs more scope than
// the token has makes it a 403 with a challenge (RFC 6750 §3.1, MCP
// authorization, step-up), which clients answer by asking the person. That is
// decided where the tool runs and not by reading the message a second time, which
// two parsers could understand differently.
//
// It has no http.Flusher: every answer is a single JSON document.
type stepUpWriter struct {
	http.ResponseWriter
	challenge string // "" when the token's scope was enough
}

// WriteHeader writes the status, or the challenge.
func (w *stepUpWriter) WriteHeader(status int) {
	if w.challenge != "" {
		w.Header().Set("WWW-Authenticate", w.challenge)
		status = http.StatusForbidden
	}
	w.ResponseWriter.WriteHeader(status)
}

type stepUpKey struct{}

func withStepUp(ctx context.Context, w *stepUpWriter) context.Context {
	return context.WithValue(ctx, stepUpKey{}, w)
}

// askForMore refuses a call for want of scope: by the status of the HTTP answer,
// and in the result for clients that ask the person from there (ChatGPT:
// _meta["mcp/www_authenticate"]).
func (s *service) askForMore(ctx context.Context, granted string, t tool) *mcp.CallToolResult {
	challenge := s.resource.Challenge(oauth.ChallengeParams{
		Code: oauth.InsufficientScope, Description: "this tool needs more permission", Scope: oauth.StepUp(granted, t.scope),
	})
	if w, ok := ctx.Value(stepUpKey{}).(*stepUpWriter); ok {
		w.challenge = challenge
	}
	s.Logger.InfoContext(ctx, "scope does not suffice", "event", "insufficient_scope", "tool", t.Name)
	result := mcp.NewToolResultError("This needs a permission that the app does not have (" + t.scope +
		"). Connect the app again and allow it; the app asks by itself if it can.")
	result.Meta = &mcp.Meta{AdditionalFields: map[string]any{"mcp/www_authenticate": []string{challenge}}}
	return result
}
