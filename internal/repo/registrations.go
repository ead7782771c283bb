package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// countEvery is how often the number of clients is held against the table, on
	// all replicas together: another program may write there as well.
	countEvery = 5 * time.Minute
	// countedFor is how long it is trusted: longer, so that the cleaner counts and
	// no registration has to.
	countedFor = 3 * countEvery
	// reclaimAtOnce bounds what one registration clears away.
	reclaimAtOnce = 1000
)

// errNoRoom rolls back a registration that the count has no room for.
var errNoRoom = errors.New("no room in the count of clients")

// RegisterClient implements storage.ClientStore. The number of clients is a row,
// which the last statement changes if it is below the ceiling: of any number of
// registrations at once those get in that there is room for.
func (r *Repo) RegisterClient(ctx context.Context, c storage.Client, ceiling storage.Ceiling) error {
	row, err := r.registrationOf(c)
	if err != nil {
		return err
	}
	err = r.write(ctx, "register a client", func(ctx context.Context, q db.Querier) error {
		if err := seeRoom(ctx, q, ceiling, c.CreatedAt); err != nil {
			return err
		}
		if err := insertRegistration(ctx, q, row, c); err != nil {
			return err
		}
		return takeRoom(ctx, q, ceiling, c.CreatedAt)
	})
	if errors.Is(err, errNoRoom) {
		return r.registerFull(ctx, row, c, ceiling)
	}
	return err
}

// registrationOf is the row of a client that nobody has used yet.
func (r *Repo) registrationOf(c storage.Client) (sqlitedb.RegisterClientParams, error) {
	value, err := r.sealClient(c)
	created, primary := c.CreatedAt.UTC(), r.keys.Primary()
	return sqlitedb.RegisterClientParams{
		Key: fastmcp.ClientKey(c.ID), Value: value, CreatedAt: &created, UpdatedAt: &created, ValueKeyID: &primary,
		UnusedSince: unix(created),
	}, err
}

func insertRegistration(ctx context.Context, q db.Querier, row sqlitedb.RegisterClientParams, c storage.Client) error {
	n, err := q.RegisterClient(ctx, row)
	if err != nil {
		return err
	}
	if n == 0 {
		return storage.ErrExists
	}
	return record(ctx, q, storage.Event{Type: storage.EventClientRegistered, ClientID: c.ID}, c.CreatedAt)
}

// seeRoom looks whether there may be room, so that a flood of registrations writes
// nothing that is rolled back.
func seeRoom(ctx context.Context, q db.Querier, ceiling storage.Ceiling, now time.Time) error {
	if ceiling.Clients == 0 {
		return nil
	}
	count, err := q.GetClientCount(ctx)
	if err == nil && (count.Clients >= ceiling.Clients || count.CountedAt <= unix(now.Add(-countedFor))) {
		return errNoRoom
	}
	return err
}

// takeRoom counts one more client, if the ceiling allows it and the count can be
// trusted.
func takeRoom(ctx context.Context, q db.Querier, ceiling storage.Ceiling, now time.Time) error {
	if ceiling.Clients == 0 {
		return nil
	}
	n, err := q.CountOneMoreClient(ctx, sqlitedb.CountOneMoreClientParams{
		Ceiling: ceiling.Clients, CountedAfter: unix(now.Add(-countedFor)),
	})
	if err == nil && n == 0 {
		return errNoRoom
	}
	return err
}

// registerFull registers a client when the count shows no room: it counts anew,
// if that was not done lately, and clears away some that nobody uses. The row with
// the count is locked first, so that many of these do not take each other's room.
func (r *Repo) registerFull(
	ctx context.Context, row sqlitedb.RegisterClientParams, c storage.Client, ceiling storage.Ceiling,
) error {
	var full error
	err := r.write(ctx, "make room for a client", func(ctx context.Context, q db.Querier) error {
		full = nil
		count, err := lockedCount(ctx, q, c.CreatedAt, countedFor)
		if err != nil {
			return err
		}
		if count, err = reclaimFor(ctx, q, count, ceiling, c.CreatedAt); err != nil {
			return err
		}
		if count >= ceiling.Clients {
			full = storage.ErrFull // and what was done for it stays done
			return nil
		}
		if err := insertRegistration(ctx, q, row, c); err != nil {
			return err
		}
		return q.AddToClientCount(ctx, 1)
	})
	if err != nil {
		return err
	}
	return full
}

// reclaimFor clears away what one more client has no room for, and returns how
// many are left: some more than needed, so that not every registration does this.
func reclaimFor(
	ctx context.Context, q db.Querier, count int64, ceiling storage.Ceiling, now time.Time,
) (int64, error) {
	if count < ceiling.Clients {
		return count, nil
	}
	limit := min(count-ceiling.Clients+ceiling.Clients/100+1, reclaimAtOnce)
	ctx = storage.WithActor(ctx, storage.Actor{Name: storage.ActorServer, Reference: storage.ActorOf(ctx).Reference})
	gone, err := reclaim(ctx, q, now.Add(-ceiling.MinAge), limit, now)
	return count - int64(len(gone)), err
}

// lockedCount returns the number of clients, which no other transaction changes
// before this one ends. One that is older than maxAge is counted anew: the lock
// comes first, so that what others have counted is seen in the table.
func lockedCount(ctx context.Context, q db.Querier, now time.Time, maxAge time.Duration) (int64, error) {
	count, err := q.LockClientCount(ctx)
	if err == nil && count.CountedAt <= unix(now.Add(-maxAge)) {
		if err = q.SetClientCount(ctx, unix(now)); err == nil {
			count, err = q.GetClientCount(ctx)
		}
	}
	return count.Clients, err
}

// ReclaimClients implements storage.ClientStore.
func (r *Repo) ReclaimClients(ctx context.Context, registered time.Time, limit int, now time.Time) ([]string, error) {
	var ids []string
	err := r.write(ctx, "reclaim clients", func(ctx context.Context, q db.Querier) error {
		var err error
		ids, err = reclaim(ctx, q, registered, int64(limit), now)
		return err
	})
	return ids, err
}

// reclaim deletes registrations that nobody has used, and returns their ids. Like
// every step, it locks the count before the clients.
func reclaim(ctx context.Context, q db.Querier, registered time.Time, limit int64, now time.Time) ([]string, error) {
	if _, err := q.LockClientCount(ctx); err != nil {
		return nil, err
	}
	keys, err := q.ReclaimClients(ctx, sqlitedb.ReclaimClientsParams{
		UnusedSince: unix(registered), Now: unix(now), MaxRows: limit,
	})
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i], _ = fastmcp.ClientID(key)
		event := storage.Event{Type: storage.EventClientDeleted, ClientID: ids[i], Detail: "never used"}
		if err := record(ctx, q, event, now); err != nil {
			return nil, err
		}
	}
	return ids, q.AddToClientCount(ctx, -int64(len(ids)))
}
