package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// EventsBefore implements storage.EventStore.
func (r *Repo) EventsBefore(ctx context.Context, f storage.EventFilter, before string, limit int) ([]storage.Event, error) {
	var events []storage.Event
	err := r.db.Read(ctx, "list events", func(ctx context.Context, q db.Querier) error {
		rows, err := eventsBefore(ctx, q, f, before, int64(limit))
		for _, row := range rows {
			events = append(events, eventOf(row))
		}
		return err
	})
	return events, err
}

// eventsBefore is listNewestEvents before an event.
func eventsBefore(
	ctx context.Context, q db.Querier, f storage.EventFilter, before string, limit int64,
) ([]sqlitedb.Event, error) {
	switch {
	case f.GrantID != "":
		return q.ListEventsOfGrantBefore(ctx, sqlitedb.ListEventsOfGrantBeforeParams{
			Before: before, GrantID: f.GrantID, Type: string(f.Type), UserID: f.UserID, ClientID: f.ClientID, MaxRows: limit,
		})
	case f.UserID != "":
		return q.ListEventsOfUserBefore(ctx, sqlitedb.ListEventsOfUserBeforeParams{
			Before: before, UserID: f.UserID, Type: string(f.Type), ClientID: f.ClientID, MaxRows: limit,
		})
	case f.ClientID != "":
		return q.ListEventsOfClientBefore(ctx, sqlitedb.ListEventsOfClientBeforeParams{
			Before: before, ClientID: f.ClientID, Type: string(f.Type), UserID: f.UserID, MaxRows: limit,
		})
	case f.Type != "":
		return q.ListEventsOfTypeBefore(ctx, sqlitedb.ListEventsOfTypeBeforeParams{Before: before, Type: string(f.Type), MaxRows: limit})
	}
	return q.ListEventsBefore(ctx, sqlitedb.ListEventsBeforeParams{Before: before, MaxRows: limit})
}
