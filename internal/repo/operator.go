package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ListUnusedClients implements storage.OperatorStore.
func (r *Repo) ListUnusedClients(
	ctx context.Context, registered time.Time, after string, limit int, now time.Time,
) ([]storage.ClientSummary, error) {
	var list []storage.ClientSummary
	registered = registered.UTC()
	err := r.db.Read(ctx, "list unused clients", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListUnusedClients(ctx, sqlitedb.ListUnusedClientsParams{
			After: fastmcp.ClientKey(after), Registered: &registered, Now: unix(now), MaxRows: int64(limit),
		})
		for _, row := range rows {
			list = append(list, r.summaryOf(row, 0))
		}
		return err
	})
	return list, err
}

// DeleteUnusedClients implements storage.OperatorStore. Using a client writes to its row,
// or has written a sign-in or a grant before. The predicate of the DELETE sees both, and
// rereads the row if it had to wait for the lock.
func (r *Repo) DeleteUnusedClients(ctx context.Context, ids []string, registered, now time.Time) (int64, error) {
	var deleted int64
	registered = registered.UTC()
	err := r.db.Write(ctx, "delete unused clients", func(ctx context.Context, q db.Querier) error {
		deleted = 0
		if _, err := q.LockClientCount(ctx); err != nil { // first, as everywhere: see reclaim
			return err
		}
		for _, id := range ids {
			n, err := q.DeleteUnusedClient(ctx, sqlitedb.DeleteUnusedClientParams{
				Key: fastmcp.ClientKey(id), Registered: &registered, ClientID: id, Now: unix(now),
			})
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			deleted++
			if _, err := r.unshareClients(ctx, q, id); err != nil {
				return err
			}
			err = sealed.Record(ctx, q, storage.Event{Type: storage.EventClientDeleted, ClientID: id, Detail: "never used"}, now)
			if err != nil {
				return err
			}
		}
		return q.AddToClientCount(ctx, -deleted)
	})
	return deleted, err
}

// RevokeGrants implements storage.OperatorStore.
func (r *Repo) RevokeGrants(ctx context.Context, f storage.GrantFilter, limit int, now time.Time) (int64, error) {
	if !f.Since.IsZero() && f.ID == "" {
		return r.revokeSince(ctx, f, limit, now)
	}
	var revoked int64
	err := r.db.Write(ctx, "revoke grants", func(ctx context.Context, q db.Querier) error {
		grants, err := revokeSome(ctx, q, f, limit, unix(now))
		if err != nil {
			return err
		}
		revoked = int64(len(grants))
		var ended []endedSession
		for _, grant := range grants {
			if grant.UpstreamTokenID != nil {
				ended = append(ended, endedSession{grant.ID, *grant.UpstreamTokenID})
			}
			if err := recordOfGrant(ctx, q, grant, nil, storage.EventGrantRevoked, now); err != nil {
				return err
			}
		}
		return r.endSessions(ctx, q, ended...)
	})
	return revoked, err
}

// revokeSince revokes grants by their time, each in its own transaction: they belong to
// many users and clients, whose rows are locked before grants.
func (r *Repo) revokeSince(ctx context.Context, f storage.GrantFilter, limit int, now time.Time) (int64, error) {
	var ids []string
	err := r.db.Read(ctx, "list grants", func(ctx context.Context, q db.Querier) (err error) {
		ids, err = grantsSince(ctx, q, f, "", int64(limit))
		return err
	})
	if err != nil {
		return 0, err
	}
	for i, id := range ids {
		err := r.db.Write(ctx, "revoke a grant", func(ctx context.Context, q db.Querier) error {
			return ignoreRevoked(r.revokeGrant(ctx, q, id, storage.EventGrantRevoked, now))
		})
		if err != nil {
			return int64(i), err
		}
	}
	return int64(len(ids)), nil
}

// errNoFilter reports a bug in the caller, which must not revoke everything by mistake.
var errNoFilter = errors.New("a user, a client or a time is required")

func revokeSome(
	ctx context.Context, q db.Querier, f storage.GrantFilter, limit int, now int64,
) ([]sqlitedb.Grant, error) {
	switch {
	case f.ID != "" || f.UserID == "" && f.ClientID == "":
		return nil, errNoFilter
	case f.UserID == "":
		if _, err := q.LockClient(ctx, fastmcp.ClientKey(f.ClientID)); err != nil {
			return nil, err
		}
		if err := db.LockGrants(ctx, q, db.GrantsOf{ClientID: f.ClientID, Limit: limit}); err != nil {
			return nil, err
		}
		return q.RevokeSomeGrantsOfClient(ctx, sqlitedb.RevokeSomeGrantsOfClientParams{
			Now: now, ClientID: f.ClientID, MaxRows: int64(limit),
		})
	}
	if _, err := q.LockUser(ctx, f.UserID); err != nil {
		return nil, err
	}
	if err := db.LockGrants(ctx, q, db.GrantsOf{UserID: f.UserID}); err != nil {
		return nil, err
	}
	return q.RevokeSomeGrantsOfUser(ctx, sqlitedb.RevokeSomeGrantsOfUserParams{
		Now: now, UserID: f.UserID, ClientID: f.ClientID, MaxRows: int64(limit),
	})
}

// DisableUser implements storage.OperatorStore. Once it has the user's lock, no one else
// creates a grant of this user.
func (r *Repo) DisableUser(ctx context.Context, id string, now time.Time) (int64, error) {
	var revoked int64
	err := r.db.Write(ctx, "disable a user", func(ctx context.Context, q db.Querier) error {
		if err := affected(q.DisableUser(ctx, sqlitedb.DisableUserParams{Now: unix(now), ID: id})); err != nil {
			return err
		}
		err := db.LockGrants(ctx, q, db.GrantsOf{UserID: id})
		if err != nil {
			return err
		}
		revoked, err = q.RevokeGrantsOfUser(ctx, sqlitedb.RevokeGrantsOfUserParams{Now: unix(now), UserID: id})
		if err != nil {
			return err
		}
		if err := r.endSessionsOfUser(ctx, q, id, now); err != nil {
			return err
		}
		if _, err := q.DeleteBrowserSessionsOfUser(ctx, id); err != nil {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{
			Type: storage.EventUserDisabled, UserID: id, Detail: fmt.Sprintf("%d grants revoked", revoked),
		}, now)
	})
	return revoked, err
}

// EnableUser implements storage.OperatorStore.
func (r *Repo) EnableUser(ctx context.Context, id string, now time.Time) error {
	return r.db.Write(ctx, "enable a user", func(ctx context.Context, q db.Querier) error {
		if err := affected(q.EnableUser(ctx, id)); err != nil {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{Type: storage.EventUserEnabled, UserID: id}, now)
	})
}
