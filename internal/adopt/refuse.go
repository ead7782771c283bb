package adopt

import (
	"context"
	"errors"
	"sync"
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
	var claim *fastmcp.TokenError
	if errors.As(why, &claim) && (!claim.Signed || claim.Expired) {
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

// intake bounds how many tokens reach the audit trail whose refusal needs no database, so
// that inventing them costs none.
type intake struct {
	mu      sync.Mutex
	began   time.Time // of the minute
	n       int       // admitted in it
	leftOut int64     // since the last that was admitted
}

// admit reports whether one more may be recorded, and how many were left out before it.
func (i *intake) admit(now time.Time) (leftOut int64, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Sub(i.began).Abs() >= time.Minute {
		i.began, i.n = now, 0
	}
	if i.n >= storage.LimitedEvents {
		i.leftOut++
		return 0, false
	}
	i.n++
	leftOut, i.leftOut = i.leftOut, 0
	return leftOut, true
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
