package mcpserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/text"
)

// refusal is an error whose text the model and the person may read: why it
// cannot be done and what to do instead.
type refusal string

func (r refusal) Error() string { return string(r) }

var errNotPermitted = errors.New("a tool was reached by a caller it is not for")

const unavailable = "The database cannot be reached right now, and nothing was changed. Try again in a moment."

// answer is the one place where errors become tool results. What is neither
// expected nor transient is a defect: logged with a reference, never shown.
func (s *service) answer(ctx context.Context, t tool, err error) *mcp.CallToolResult {
	var refused refusal
	var unreadable *storage.UnreadableError
	switch {
	case errors.As(err, &refused):
		return mcp.NewToolResultError(string(refused))
	case errors.Is(err, storage.ErrNotFound) && t.notFound != "":
		return mcp.NewToolResultError(t.notFound)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return mcp.NewToolResultError("The call was cancelled.")
	case errors.Is(err, storage.ErrUnavailable):
		s.log(ctx).Warn("storage unavailable", "tool", t.Name, "error", err)
		return mcp.NewToolResultError(unavailable)
	case errors.As(err, &unreadable) && t.adminOnly:
		return mcp.NewToolResultError(explainUnreadable(unreadable))
	}
	ref := cmp.Or(storage.ActorOf(ctx).Reference, newReference())
	s.Logger.ErrorContext(ctx, "tool failed", "reference", ref, "tool", t.Name, "error", err)
	return mcp.NewToolResultError("Internal error. An administrator finds the cause in the server's log under reference " + ref + ".")
}

// explainUnreadable tells an administrator which row and which key it is about;
// neither is secret.
func explainUnreadable(e *storage.UnreadableError) string {
	key := "an unknown key"
	if e.KeyID != "" {
		key = fmt.Sprintf("key %q", clean(e.KeyID, maxName))
	}
	return fmt.Sprintf("Row %q of table %s does not open. It was sealed with %s: give the server that key again, or delete the row.",
		clean(e.Row, maxID), e.Table, key)
}

// log is the log with the reference of the request, as all its other lines have it.
func (s *service) log(ctx context.Context) *slog.Logger {
	return s.Logger.With("reference", storage.ActorOf(ctx).Reference)
}

// newReference identifies one failure in an answer and in the log, when the request
// has no reference.
func newReference() string { return strings.ToLower(rand.Text()[:10]) }

// maxErrorText is where the text of an error ends, in runes.
const maxErrorText = 1000

// invalidArguments is how mcp-go's messages about arguments begin. What follows
// is terse, and quotes the arguments however long they are.
const invalidArguments = "input schema validation failed"

// explainArguments makes a message about invalid arguments one that a model can
// act on: it ends somewhere, and says what the tool takes.
func (s *service) explainArguments(_ context.Context, _ any, r *mcp.CallToolRequest, result any) {
	failed, ok := result.(*mcp.CallToolResult)
	if !ok || !failed.IsError || len(failed.Content) != 1 {
		return
	}
	content, ok := failed.Content[0].(mcp.TextContent)
	if !ok || !strings.HasPrefix(content.Text, invalidArguments) {
		return
	}
	content.Text = text.Cut(content.Text, maxErrorText) + "\nThe arguments must match this JSON Schema: " + s.inputSchemas[r.Params.Name]
	failed.Content[0] = content
}
