package repo

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// RecordEvent implements storage.EventStore.
func (r *Repo) RecordEvent(ctx context.Context, e storage.Event, now time.Time) error {
	limited := false
	err := r.db.Read(ctx, "look for events of the type", func(ctx context.Context, q db.Querier) (err error) {
		limited, err = isLimited(ctx, q, e.Type, now) // a flood must not queue for the writer
		return err
	})
	if err != nil || limited {
		if err == nil {
			r.leftOut.add(e.Type)
		}
		return err
	}
	return r.db.Write(ctx, "record an event", func(ctx context.Context, q db.Querier) error {
		return r.recordLimited(ctx, q, e, now)
	})
}

// eventsOutOfOrder is how far replicas may be apart in what they take for the time before a
// listing that begins or ends at a time misses an event: they make the IDs.
const eventsOutOfOrder = time.Hour

// ListEvents implements storage.EventStore.
func (r *Repo) ListEvents(ctx context.Context, f storage.EventFilter, after string, limit int) ([]storage.Event, error) {
	return r.events(ctx, f, after, func(ctx context.Context, q db.Querier, after string) ([]sqlitedb.Event, error) {
		return listEvents(ctx, q, f, after, int64(limit))
	})
}

// NewestEvents implements storage.EventStore.
func (r *Repo) NewestEvents(ctx context.Context, f storage.EventFilter, limit int) ([]storage.Event, error) {
	list, err := r.events(ctx, f, "", func(ctx context.Context, q db.Querier, after string) ([]sqlitedb.Event, error) {
		before := afterAllEvents
		if !f.Until.IsZero() {
			before = storage.FirstEventID(f.Until.Add(eventsOutOfOrder))
		}
		return listNewestEvents(ctx, q, f, after, before, int64(limit))
	})
	slices.Reverse(list)
	return list, err
}

// afterAllEvents is an ID after those of all events.
const afterAllEvents = storage.EventIDPrefix + "~"

// EventsBefore implements storage.EventStore.
func (r *Repo) EventsBefore(ctx context.Context, f storage.EventFilter, before string, limit int) ([]storage.Event, error) {
	f.Since, f.Until = time.Time{}, time.Time{}
	return r.events(ctx, f, "", func(ctx context.Context, q db.Querier, after string) ([]sqlitedb.Event, error) {
		return listNewestEvents(ctx, q, f, after, cmp.Or(before, afterAllEvents), int64(limit))
	})
}

// events lists events after an id. Those since a time come after the id that an event
// of this time has, which spares the look at all that are older.
func (r *Repo) events(
	ctx context.Context, f storage.EventFilter, after string,
	list func(ctx context.Context, q db.Querier, after string) ([]sqlitedb.Event, error),
) ([]storage.Event, error) {
	var events []storage.Event
	err := r.db.Read(ctx, "list events", func(ctx context.Context, q db.Querier) error {
		if !f.Since.IsZero() {
			first, err := q.GetFirstEventSince(ctx, since(f))
			if r.db.Classify(err) == db.NoRows {
				return nil
			}
			if err != nil {
				return err
			}
			if made, ok := storage.EventIDTime(first); ok {
				after = max(after, storage.FirstEventID(made.Add(-eventsOutOfOrder)))
			}
		}
		rows, err := list(ctx, q, after)
		for _, row := range rows {
			events = append(events, eventOf(row))
		}
		return err
	})
	return events, err
}

func eventOf(row sqlitedb.Event) storage.Event {
	return storage.Event{
		ID: row.ID, Type: storage.EventType(row.Type), Actor: row.Actor, UserID: db.Text(row.UserID),
		ClientID: db.Text(row.ClientID), GrantID: db.Text(row.GrantID), Reference: db.Text(row.Reference),
		Detail: db.Text(row.Detail), At: at(row.CreatedAt),
	}
}

// since is the filter's time as columns hold it.
func since(f storage.EventFilter) int64 {
	if f.Since.IsZero() {
		return 0
	}
	return unix(f.Since)
}

// until is the filter's other time as columns hold it.
func until(f storage.EventFilter) int64 {
	if f.Until.IsZero() {
		return math.MaxInt64
	}
	return unix(f.Until)
}
