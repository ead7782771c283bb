package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// countEvery is how often the number of clients is compared with the table, across all
	// replicas: another program may write there as well.
	countEvery = 5 * time.Minute
	// countedFor is how long the number is trusted: longer than countEvery, so that the
	// cleaner counts and no registration has to.
	countedFor = 3 * countEvery
	// countTimeout bounds a count of all rows.
	countTimeout = time.Minute
	// reclaimAtOnce bounds how many clients one registration evicts.
	reclaimAtOnce = 1000
)

// errNoRoom means that the count of clients leaves no room for a registration, or is too
// old to tell.
var errNoRoom = errors.New("no room in the count of clients")

// RegisterClient implements storage.ClientStore. The number of clients is a row. A
// statement increments it only below the ceiling, so however many registrations are
// concurrent, only as many succeed as there is room for.
func (r *Repo) RegisterClient(ctx context.Context, c storage.Client, ceiling storage.Ceiling) error {
	row, err := r.registrationOf(c)
	if err != nil {
		return err
	}
	defer r.vacuum(ctx, vacuumAfter)
	if ceiling.Unused > 0 {
		err := r.registrations.take(ctx, c.CreatedAt, func(ctx context.Context) (int64, error) {
			return r.roomForClients(ctx, ceiling, c.CreatedAt)
		})
		if err != nil {
			return err
		}
	}
	err = r.seeRoom(ctx, ceiling, c.CreatedAt)
	if err == nil {
		err = r.db.WriteTogether(ctx, "register a client", func(ctx context.Context, q db.Querier) error {
			if err := takeRoom(ctx, q, ceiling, c.CreatedAt); err != nil {
				return err
			}
			return r.insertRegistration(ctx, q, row, c)
		})
	}
	if errors.Is(err, errNoRoom) || r.db.Classify(err) == db.NotNull {
		return r.registerFull(ctx, row, c, ceiling)
	}
	return err
}

// registrationOf returns the row of a client that no one has used yet.
func (r *Repo) registrationOf(c storage.Client) (sqlitedb.CreateClientParams, error) {
	value, keyID, err := r.sealClient(c)
	created, unused := c.CreatedAt.UTC(), unix(c.CreatedAt)
	return sqlitedb.CreateClientParams{
		Key: fastmcp.ClientKey(c.ID), Value: value, CreatedAt: &created, UpdatedAt: &created, ValueKeyID: keyID,
		UnusedSince: &unused,
	}, err
}

// insertRegistration adds a client and its event.
func (r *Repo) insertRegistration(ctx context.Context, q db.Querier, row sqlitedb.CreateClientParams, c storage.Client) error {
	if err := q.CreateClient(ctx, row); err != nil {
		return err
	}
	if err := r.shareClient(ctx, q, c, c.CreatedAt); err != nil {
		return err
	}
	return sealed.Record(ctx, q, storage.Event{Type: storage.EventClientRegistered, ClientID: c.ID}, c.CreatedAt)
}

// seeRoom checks whether there may be room, so that a flood of registrations does not write
// rows only to roll them back.
func (r *Repo) seeRoom(ctx context.Context, ceiling storage.Ceiling, now time.Time) error {
	if ceiling.Clients == 0 {
		return nil
	}
	var count sqlitedb.ClientCount
	err := r.db.Read(ctx, "read the number of clients", func(ctx context.Context, q db.Querier) (err error) {
		count, err = q.GetClientCount(ctx)
		return err
	})
	if err == nil && (count.Clients >= ceiling.Clients || !within(count.CountedAt, now, countedFor)) {
		return errNoRoom
	}
	return err
}

// takeRoom counts one more client. The statement fails with NotNull if the ceiling
// does not allow it or the count cannot be trusted.
func takeRoom(ctx context.Context, q db.Querier, ceiling storage.Ceiling, now time.Time) error {
	if ceiling.Clients == 0 {
		return nil
	}
	return q.CountOneMoreClient(ctx, sqlitedb.CountOneMoreClientParams{
		Ceiling: ceiling.Clients, CountedAfter: unix(now.Add(-countedFor)), Latest: latest(now),
	})
}

// registerFull registers a client when the count shows no room: it counts again unless that
// was done recently, and evicts some that no one has used. It locks the row with the count
// first, so that concurrent calls do not take each other's room.
func (r *Repo) registerFull(
	ctx context.Context, row sqlitedb.CreateClientParams, c storage.Client, ceiling storage.Ceiling,
) error {
	var full error
	err := r.db.Write(ctx, "make room for a client", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx) // as long as it leaves no event
		full = nil
		count, err := lockedCount(ctx, q, c.CreatedAt, countedFor)
		if err != nil {
			return err
		}
		if count, err = r.reclaimFor(ctx, q, count, ceiling, c.CreatedAt); err != nil {
			return err
		}
		if count >= ceiling.Clients {
			full = storage.ErrFull // and what was done for it stays done
			return nil
		}
		if err := r.insertRegistration(ctx, q, row, c); err != nil {
			return err
		}
		return q.AddToClientCount(ctx, 1)
	})
	if err != nil {
		return err
	}
	return full
}

// reclaimFor evicts clients to make room for one more, and returns how many are left. It
// evicts some more than needed, so that not every registration has to.
func (r *Repo) reclaimFor(
	ctx context.Context, q db.Querier, count int64, ceiling storage.Ceiling, now time.Time,
) (int64, error) {
	if count < ceiling.Clients {
		return count, nil
	}
	limit := min(count-ceiling.Clients+ceiling.Clients/100+1, reclaimAtOnce)
	gone, err := r.evict(ctx, q, unix(now.Add(-ceiling.MinAge)), limit, now)
	return count - gone, err
}

// lockedCount returns the number of clients, which no other transaction changes
// before this one ends. One that is older than maxAge, or from a clock that was wrong, is
// counted again: the lock comes first, so that what others have counted is seen in the table.
func lockedCount(ctx context.Context, q db.Querier, now time.Time, maxAge time.Duration) (int64, error) {
	count, err := q.LockClientCount(ctx)
	if err == nil && !within(count.CountedAt, now, maxAge) {
		if err = q.SetClientCount(ctx, unix(now)); err == nil {
			count, err = q.GetClientCount(ctx)
		}
	}
	return count.Clients, err
}

// clientIDs are the IDs in the keys of clients.
func clientIDs(keys []string) []string {
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i], _ = fastmcp.ClientID(key)
	}
	return ids
}

// ReclaimClients implements storage.ClientStore.
func (r *Repo) ReclaimClients(ctx context.Context, registered time.Time, limit int, now time.Time) ([]string, error) {
	var ids []string
	err := r.db.Write(ctx, "reclaim clients", func(ctx context.Context, q db.Querier) error {
		var err error
		ids, err = r.reclaim(ctx, q, registered, int64(limit), now)
		return err
	})
	return ids, err
}

// reclaim deletes registrations that no one has used, and returns their IDs. Like every
// step, it locks the count before the clients.
func (r *Repo) reclaim(ctx context.Context, q db.Querier, registered time.Time, limit int64, now time.Time) ([]string, error) {
	if _, err := q.LockClientCount(ctx); err != nil {
		return nil, err
	}
	keys, err := q.ReclaimClients(ctx, sqlitedb.ReclaimClientsParams{
		UnusedSince: unix(registered), Now: unix(now), MaxRows: limit,
	})
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	ids := clientIDs(keys)
	if _, err := r.unshareClients(ctx, q, ids...); err != nil {
		return nil, err
	}
	for i := range ids {
		event := storage.Event{Type: storage.EventClientDeleted, ClientID: ids[i], Detail: "never used"}
		if err := sealed.Record(ctx, q, event, now); err != nil {
			return nil, err
		}
	}
	return ids, q.AddToClientCount(ctx, -int64(len(ids)))
}
