package sealed

import (
	"cmp"
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Record adds an event to the audit trail, in the transaction of its step. The
// context names the actor (storage.WithActor). An event without an ID gets one.
func Record(ctx context.Context, q db.Querier, e storage.Event, now time.Time) error {
	actor := storage.ActorOf(ctx)
	event := sqlitedb.CreateEventParams{
		ID: cmp.Or(e.ID, storage.NewOrderedID(storage.EventIDPrefix, now)), Type: string(e.Type), Actor: actor.Name, UserID: db.Nullable(e.UserID),
		ClientID: db.Nullable(e.ClientID), GrantID: db.Nullable(e.GrantID), Reference: db.Nullable(actor.Reference),
		Detail: db.Nullable(cmp.Or(actor.Reason, e.Detail)), CreatedAt: now.Unix(),
	}
	row := func(ctx context.Context, q db.Querier) error { return q.CreateEvent(ctx, event) }
	Leave(ctx, row)
	Note(ctx, e.Type)
	return row(ctx, q)
}
