package repo

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// record adds an event to the audit trail, in the transaction of its step.
func record(ctx context.Context, q db.Querier, e storage.Event, now time.Time) error {
	actor := storage.ActorOf(ctx)
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return q.CreateEvent(ctx, sqlitedb.CreateEventParams{
		ID: storage.EventIDPrefix + id.String(), Type: string(e.Type), Actor: actor.Name, UserID: optional(e.UserID),
		ClientID: optional(e.ClientID), GrantID: optional(e.GrantID), Reference: optional(actor.Reference),
		Detail: optional(cmp.Or(actor.Reason, e.Detail)), CreatedAt: unix(now),
	})
}

// RecordEvent implements storage.EventStore.
func (r *Repo) RecordEvent(ctx context.Context, e storage.Event, now time.Time) error {
	return r.write(ctx, "record an event", func(ctx context.Context, q db.Querier) error {
		return record(ctx, q, e, now)
	})
}

// ListEvents implements storage.EventStore.
func (r *Repo) ListEvents(ctx context.Context, f storage.EventFilter, after string, limit int) ([]storage.Event, error) {
	return r.events(ctx, func(ctx context.Context, q db.Querier) ([]sqlitedb.Event, error) {
		return q.ListEvents(ctx, sqlitedb.ListEventsParams{
			After: after, Since: since(f), Type: string(f.Type), UserID: f.UserID, ClientID: f.ClientID, GrantID: f.GrantID,
			MaxRows: int64(limit),
		})
	})
}

// NewestEvents implements storage.EventStore.
func (r *Repo) NewestEvents(ctx context.Context, f storage.EventFilter, limit int) ([]storage.Event, error) {
	list, err := r.events(ctx, func(ctx context.Context, q db.Querier) ([]sqlitedb.Event, error) {
		return q.ListNewestEvents(ctx, sqlitedb.ListNewestEventsParams{
			Since: since(f), Type: string(f.Type), UserID: f.UserID, ClientID: f.ClientID, GrantID: f.GrantID,
			MaxRows: int64(limit),
		})
	})
	slices.Reverse(list)
	return list, err
}

func (r *Repo) events(
	ctx context.Context, list func(context.Context, db.Querier) ([]sqlitedb.Event, error),
) ([]storage.Event, error) {
	var events []storage.Event
	err := r.read(ctx, "list events", func(ctx context.Context, q db.Querier) error {
		rows, err := list(ctx, q)
		for _, row := range rows {
			events = append(events, eventOf(row))
		}
		return err
	})
	return events, err
}

func eventOf(row sqlitedb.Event) storage.Event {
	return storage.Event{
		ID: row.ID, Type: storage.EventType(row.Type), Actor: row.Actor, UserID: deref(row.UserID),
		ClientID: deref(row.ClientID), GrantID: deref(row.GrantID), Reference: deref(row.Reference),
		Detail: deref(row.Detail), At: at(row.CreatedAt),
	}
}

// since is the filter's time as columns hold it.
func since(f storage.EventFilter) int64 {
	if f.Since.IsZero() {
		return 0
	}
	return unix(f.Since)
}
