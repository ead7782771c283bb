package adopt

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// recordFor bounds how long a refusal waits for the audit trail.
const recordFor = 2 * time.Second

// refuse logs and records why a token is not accepted. The client gets the same response
// whether that can be recorded or not.
func (a *Adopter) refuse(ctx context.Context, t storage.ForeignToken, why error) error {
	event := storage.Event{Type: storage.EventAdoptionRefused, ClientID: t.ClientID, Detail: reasonOf(why)}
	a.Logger.WarnContext(ctx, "token of FastMCP refused",
		logging.Event, "adoption_refused", logging.ClientID, t.ClientID, logging.Reason, event.Detail)
	if errors.Is(why, storage.ErrUnreadable) {
		a.Logger.ErrorContext(ctx, "row of FastMCP could not be decrypted", logging.Event, "row_unreadable", logging.Error, why)
	}
	if isInvented(why) {
		leftOut, ok := a.invented.admit(a.Now())
		if !ok {
			return ErrRefused
		}
		event.Type = storage.EventFastMCPTokenRefused
		event.Detail = storage.WithLeftOut(event.Detail, leftOut)
	}
	ctx, cancel := context.WithTimeout(ctx, recordFor)
	defer cancel()
	if err := a.Store.RecordEvent(ctx, event, a.Now()); err != nil {
		a.Logger.WarnContext(ctx, "event not recorded", logging.Event, string(event.Type), logging.Error, err)
	}
	return ErrRefused
}

// reasonOf is why a token is not accepted, in words that name no one.
func reasonOf(why error) string {
	var claim *fastmcp.TokenError
	switch {
	case errors.As(why, &claim):
		return claim.Reason
	case errors.Is(why, storage.ErrNotFound):
		return "FastMCP has ended it, or its rows do not belong together"
	case errors.Is(why, storage.ErrUnreadable):
		return "one of its rows cannot be read"
	case refusal(why) != "":
		return refusal(why)
	}
	return why.Error()
}
