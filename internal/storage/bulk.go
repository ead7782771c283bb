package storage

import (
	"context"
	"time"
)

// BulkAdoptionStore takes over sessions of FastMCP before one of their tokens comes.
type BulkAdoptionStore interface {
	AdoptionStore
	// SessionByID is ForeignSession without a token.
	SessionByID(ctx context.Context, id string, now time.Time) (ForeignSession, error)
	// AdoptedSessions returns the IDs of sessions that a grant was made of, whether it lives
	// or not, in order, from the first one after the given one, at most limit.
	AdoptedSessions(ctx context.Context, after string, limit int) ([]string, error)
}
