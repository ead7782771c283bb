package mcpserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// refusal is an error whose text the model and the person may read: why it
// cannot be done and what to do instead.
type refusal string

func (r refusal) Error() string { return string(r) }

var errNotPermitted = errors.New("a user without permission reached a tool")

const unavailable = "The database is unavailable. Nothing was changed. Try again in a moment."

// errorResult is the one place where errors become tool results. What is neither
// expected nor transient is a defect: logged with a reference, never shown.
func (s *service) errorResult(ctx context.Context, t tool, err error) *mcp.CallToolResult {
	var refused refusal
	var unreadable *storage.UnreadableError
	switch {
	case errors.As(err, &refused):
		return mcp.NewToolResultError(string(refused))
	case errors.Is(err, storage.ErrNotFound) && t.notFound != "":
		return mcp.NewToolResultError(t.notFound)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return mcp.NewToolResultError("The call was canceled.")
	case errors.Is(err, storage.ErrUnavailable):
		s.Logger.WarnContext(ctx, "storage unavailable", logging.Tool, t.Name, logging.Error, err)
		return mcp.NewToolResultError(unavailable)
	case errors.As(err, &unreadable) && t.adminOnly:
		return mcp.NewToolResultError(explainUnreadable(unreadable))
	}
	ref := storage.ReferenceOf(ctx)
	if ref == "" { // no request: a test, or another transport
		ref = newReference()
		ctx = storage.WithActor(ctx, storage.Actor{Reference: ref})
	}
	s.Logger.ErrorContext(ctx, "tool failed", logging.Tool, t.Name, logging.Error, err)
	return mcp.NewToolResultError("Internal error. An administrator can find the cause in the server log under reference " + ref + ".")
}

// explainUnreadable tells an administrator which row and which key it is about;
// neither is secret.
func explainUnreadable(e *storage.UnreadableError) string {
	key := "an unknown key"
	if e.KeyID != "" {
		key = fmt.Sprintf("key %q", clean(e.KeyID, maxName))
	}
	return fmt.Sprintf("Row %q of table %s cannot be decrypted. It was encrypted with %s: configure that key again, or delete the row.",
		clean(e.Row, maxID), e.Table, key)
}

// newReference identifies one failure in an answer and in the log, when the request
// has no reference.
func newReference() string { return strings.ToLower(rand.Text()[:10]) }

// maxErrorText is where the text of an error ends, in runes.
const maxErrorText = 1000

// explainArguments refuses arguments in a way that a model can act on: what is wrong,
// and what the tool takes.
func (s *service) explainArguments(tool string, why error) error {
	return refusal(why.Error() + "\nThe arguments must match this JSON Schema: " + s.inputSchemas[tool])
}
