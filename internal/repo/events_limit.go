package repo

import (
	"context"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// leftOut counts the events that were not recorded, by type.
type leftOut struct {
	mu     sync.Mutex
	number map[storage.EventType]int64
}

// add counts one more.
func (l *leftOut) add(t storage.EventType) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.number == nil {
		l.number = make(map[storage.EventType]int64)
	}
	l.number[t]++
}

// take returns how many there are, and begins again.
func (l *leftOut) take(t storage.EventType) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.number[t]
	delete(l.number, t)
	return n
}

// recentEvents is the time of LimitedEvents.
const recentEvents = time.Minute

// isLimited reports whether there are as many events of a type as there may be.
func isLimited(ctx context.Context, q db.Querier, t storage.EventType, now time.Time) (bool, error) {
	if !t.Limited() {
		return false, nil
	}
	n, err := q.CountEventsOfTypeAfter(ctx, sqlitedb.CountEventsOfTypeAfterParams{
		Type: string(t), After: storage.FirstEventID(now.Add(-recentEvents)), MaxRows: storage.LimitedEvents,
	})
	return n >= storage.LimitedEvents, err
}

// recordLimited is sealed.Record for types that may be limited.
func (r *Repo) recordLimited(ctx context.Context, q db.Querier, e storage.Event, now time.Time) error {
	limited, err := isLimited(ctx, q, e.Type, now)
	switch {
	case err != nil:
		return err
	case limited:
		r.leftOut.add(e.Type)
		return nil
	}
	e.Detail = storage.WithLeftOut(e.Detail, r.leftOut.take(e.Type))
	if e.Account != nil {
		return r.recordRefused(ctx, q, e, now)
	}
	return sealed.Record(ctx, q, e, now)
}

// eventsKeptFor is how long every event is kept: a deleted client is known by its event.
const eventsKeptFor = time.Hour

// beyondKept deletes the oldest events of a type that are more than there are to keep.
func (r *Repo) beyondKept(t storage.EventType, now time.Time) expiryStep {
	until := ""
	return func(ctx context.Context, p *pager) (int64, error) {
		if until == "" {
			err := r.db.Read(ctx, "look for events beyond the number to keep", func(ctx context.Context, q db.Querier) (err error) {
				until, err = q.GetEventBeyond(ctx, sqlitedb.GetEventBeyondParams{
					Type: string(t), Before: storage.FirstEventID(now.Add(-eventsKeptFor)), Kept: t.Kept(),
				})
				if r.db.Classify(err) == db.NoRows {
					return nil
				}
				return err
			})
			if err != nil || until == "" {
				return 0, err
			}
		}
		return deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteEventsOfType(ctx, sqlitedb.DeleteEventsOfTypeParams{Type: string(t), Until: until, MaxRows: n})
		})(ctx, p)
	}
}
