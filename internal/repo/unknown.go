package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// maxUnknownClients bounds the IDs that are remembered: anyone can send any number.
const maxUnknownClients = 10_000

// SeeUnknownClient implements storage.ClientStore.
func (r *Repo) SeeUnknownClient(ctx context.Context, id storage.Hash, now time.Time) (again bool, err error) {
	var first *bool // what the first run saw: a further one may see that
	err = r.db.Write(ctx, "remember an unknown client", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		before, err := q.SeeUnknownClient(ctx, sqlitedb.SeeUnknownClientParams{IDHash: string(id), Now: unix(now)})
		if err != nil {
			return err
		}
		if first == nil {
			lately := within(before, now, storage.UnknownClientLife)
			first = &lately
		}
		again = *first
		return nil
	})
	if err != nil || again {
		return again && err == nil, err
	}
	return false, r.db.Write(ctx, "forget the oldest unknown clients", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		_, err := q.DeleteAheadUnknownClients(ctx, sqlitedb.DeleteAheadUnknownClientsParams{Latest: latest(now), MaxRows: maxUnknownClients})
		if err != nil {
			return err
		}
		_, err = q.ForgetUnknownClients(ctx, sqlitedb.ForgetUnknownClientsParams{MaxRows: maxUnknownClients, Kept: maxUnknownClients})
		return err
	})
}
