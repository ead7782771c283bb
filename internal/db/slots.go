package db

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// slotWait is how long a request waits for a connection of the pool when the
	// server takes no further ones.
	slotWait = 10 * time.Second
	// slotRetry is how long no connection is tried after the server refused one.
	slotRetry = time.Second
	slotPoll  = 10 * time.Millisecond
)

// errNoSlot stands for a connection that was not tried, soon after a refusal.
var errNoSlot = errors.New("the server accepts no more connections")

// slots remembers when the server refused a connection for want of a slot.
type slots struct{ refused atomic.Int64 } // by sinceBoot, 0 for never

// mayConnect keeps the waiting requests from trying the server all together.
func (s *slots) mayConnect() error {
	if refused := s.refused.Load(); refused > 0 && sinceBoot()-time.Duration(refused) < slotRetry {
		return errNoSlot
	}
	return nil
}

// noSlot reports whether a connection was refused because there are too many: the
// server's, or those of the role or the database (too_many_connections).
func noSlot(err error) bool {
	var pgErr *pgconn.PgError
	return errors.Is(err, errNoSlot) || errors.As(err, &pgErr) && pgErr.Code == "53300"
}

func (s *slots) waiting() *slotWaiting { return &slotWaiting{slots: s} }

// slotWaiting is one request's.
type slotWaiting struct {
	slots *slots
	until time.Time
}

// pause returns true when it is worth another try, and false when the request has
// waited long enough.
func (w *slotWaiting) pause(ctx context.Context, pool *pgxpool.Pool) bool {
	if w.until.IsZero() {
		w.until = time.Now().Add(slotWait)
	}
	if w.slots.mayConnect() == nil {
		w.slots.refused.Store(int64(sinceBoot()))
	}
	for time.Now().Before(w.until) {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(slotPoll + rand.N(slotPoll)): //nolint:gosec // spreads load, guards nothing
		}
		if pool.Stat().IdleConns() > 0 || w.slots.mayConnect() == nil {
			return true
		}
	}
	return false
}
