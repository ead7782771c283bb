package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// RecordCalls writes events in one transaction, as they are. The same ones are written once,
// however often they come.
func (r *Repo) RecordCalls(ctx context.Context, events []storage.Event) error {
	if len(events) == 0 {
		return nil
	}
	err := r.db.WriteTogether(ctx, "record calls", func(ctx context.Context, q db.Querier) error {
		for _, e := range events {
			if err := q.CreateEvent(ctx, callRow(e)); err != nil {
				return err
			}
			sealed.Note(ctx, e.Type)
		}
		sealed.Leave(ctx, func(ctx context.Context, q db.Querier) error { return q.CreateEvent(ctx, callRow(events[0])) })
		return nil
	})
	if errors.Is(err, storage.ErrExists) {
		for _, e := range events { // an earlier call committed them, and did not hear of it
			r.db.Observer().Committed(string(e.Type))
		}
		return nil
	}
	return err
}

func callRow(e storage.Event) sqlitedb.CreateEventParams {
	return sqlitedb.CreateEventParams{
		ID: e.ID, Type: string(e.Type), Actor: e.Actor, UserID: db.Nullable(e.UserID), ClientID: db.Nullable(e.ClientID),
		GrantID: db.Nullable(e.GrantID), Reference: db.Nullable(e.Reference), Detail: db.Nullable(e.Detail), CreatedAt: unix(e.At),
	}
}

// oldCalls deletes calls of tools until a time. Their IDs tell it, and are indexed by type.
func oldCalls(until time.Time) expiryStep {
	return deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
		return q.DeleteEventsOfType(ctx, sqlitedb.DeleteEventsOfTypeParams{
			Type: string(storage.EventToolCalled), Until: storage.FirstEventID(until.Add(time.Millisecond)), MaxRows: n,
		})
	})
}
