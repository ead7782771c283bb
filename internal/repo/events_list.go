package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// listEvents runs the query that has an index for the filter that selects most.
func listEvents(
	ctx context.Context, q db.Querier, f storage.EventFilter, after string, limit int64,
) ([]sqlitedb.Event, error) {
	switch {
	case f.GrantID != "":
		return q.ListEventsOfGrant(ctx, sqlitedb.ListEventsOfGrantParams{
			After: after, Since: since(f), Until: until(f), GrantID: f.GrantID, Type: string(f.Type), UserID: f.UserID,
			ClientID: f.ClientID, MaxRows: limit,
		})
	case f.UserID != "":
		return q.ListEventsOfUser(ctx, sqlitedb.ListEventsOfUserParams{
			After: after, Since: since(f), Until: until(f), UserID: f.UserID, Type: string(f.Type),
			ClientID: f.ClientID, MaxRows: limit,
		})
	case f.ClientID != "":
		return q.ListEventsOfClient(ctx, sqlitedb.ListEventsOfClientParams{
			After: after, Since: since(f), Until: until(f), ClientID: f.ClientID, Type: string(f.Type),
			UserID: f.UserID, MaxRows: limit,
		})
	case f.Type != "":
		return q.ListEventsOfType(ctx, sqlitedb.ListEventsOfTypeParams{After: after, Since: since(f), Until: until(f), Type: string(f.Type), MaxRows: limit})
	}
	return q.ListEvents(ctx, sqlitedb.ListEventsParams{After: after, Since: since(f), Until: until(f), MaxRows: limit})
}

// listNewestEvents is listEvents from the newest one before an ID backwards.
func listNewestEvents(
	ctx context.Context, q db.Querier, f storage.EventFilter, after, before string, limit int64,
) ([]sqlitedb.Event, error) {
	switch {
	case f.GrantID != "":
		return q.ListNewestEventsOfGrant(ctx, sqlitedb.ListNewestEventsOfGrantParams{
			After: after, Before: before, Since: since(f), Until: until(f), GrantID: f.GrantID, Type: string(f.Type), UserID: f.UserID,
			ClientID: f.ClientID, MaxRows: limit,
		})
	case f.UserID != "":
		return q.ListNewestEventsOfUser(ctx, sqlitedb.ListNewestEventsOfUserParams{
			After: after, Before: before, Since: since(f), Until: until(f), UserID: f.UserID, Type: string(f.Type),
			ClientID: f.ClientID, MaxRows: limit,
		})
	case f.ClientID != "":
		return q.ListNewestEventsOfClient(ctx, sqlitedb.ListNewestEventsOfClientParams{
			After: after, Before: before, Since: since(f), Until: until(f), ClientID: f.ClientID, Type: string(f.Type),
			UserID: f.UserID, MaxRows: limit,
		})
	case f.Type != "":
		return q.ListNewestEventsOfType(ctx, sqlitedb.ListNewestEventsOfTypeParams{After: after, Before: before, Since: since(f), Until: until(f), Type: string(f.Type), MaxRows: limit})
	}
	return q.ListNewestEvents(ctx, sqlitedb.ListNewestEventsParams{After: after, Before: before, Since: since(f), Until: until(f), MaxRows: limit})
}
