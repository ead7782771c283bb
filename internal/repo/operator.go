package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ListUnusedClients implements storage.OperatorStore.
func (r *Repo) ListUnusedClients(
	ctx context.Context, registered time.Time, after string, limit int, now time.Time,
) ([]storage.ClientSummary, error) {
	var list []storage.ClientSummary
	registered = registered.UTC()
	err := r.read(ctx, "list unused clients", func(ctx context.Context, q db.Querier) error {
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

// DeleteUnusedClients implements storage.OperatorStore. Whoever uses a client
// writes to its row, or has written a sign-in or a grant before: the predicate of
// the DELETE sees either, the row also when it waited for its lock.
func (r *Repo) DeleteUnusedClients(ctx context.Context, ids []string, registered, now time.Time) (int64, error) {
	var deleted int64
	registered = registered.UTC()
	err := r.write(ctx, "delete unused clients", func(ctx context.Context, q db.Querier) error {
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
			err = record(ctx, q, storage.Event{Type: storage.EventClientDeleted, ClientID: id, Detail: "never used"}, now)
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
	var revoked int64
	err := r.write(ctx, "revoke grants", func(ctx context.Context, q db.Querier) error {
		grants, err := revokeSome(ctx, q, f, limit, unix(now))
		if err != nil {
			return err
		}
		revoked = int64(len(grants))
		for _, grant := range grants {
			if err := recordOfGrant(ctx, q, grant, nil, storage.EventGrantRevoked, now); err != nil {
				return err
			}
		}
		return nil
	})
	return revoked, err
}

// errNoFilter is a defect of the caller, who must not revoke everything by mistake.
var errNoFilter = errors.New("grants of a person, of a client, or both")

func revokeSome(
	ctx context.Context, q db.Querier, f storage.GrantFilter, limit int, now int64,
) ([]sqlitedb.OAuthGrant, error) {
	switch {
	case f.ID != "" || f.UserID == "" && f.ClientID == "":
		return nil, errNoFilter
	case f.UserID == "":
		return q.RevokeSomeGrantsOfClient(ctx, sqlitedb.RevokeSomeGrantsOfClientParams{
			Now: now, ClientID: f.ClientID, MaxRows: int64(limit),
		})
	}
	return q.RevokeSomeGrantsOfUser(ctx, sqlitedb.RevokeSomeGrantsOfUserParams{
		Now: now, UserID: f.UserID, ClientID: f.ClientID, MaxRows: int64(limit),
	})
}

// DisableUser implements storage.OperatorStore. Steps that need both lock a grant
// before its person, and so does this; what was granted until it had the person's
// lock is revoked in the second go.
func (r *Repo) DisableUser(ctx context.Context, id string, now time.Time) (int64, error) {
	var revoked int64
	err := r.write(ctx, "disable a person", func(ctx context.Context, q db.Querier) error {
		revoke := func() (int64, error) {
			return q.RevokeGrantsOfUser(ctx, sqlitedb.RevokeGrantsOfUserParams{Now: unix(now), UserID: id})
		}
		first, err := revoke()
		if err != nil {
			return err
		}
		if err := affected(q.DisableUser(ctx, sqlitedb.DisableUserParams{Now: unix(now), ID: id})); err != nil {
			return err
		}
		second, err := revoke()
		if err != nil {
			return err
		}
		revoked = first + second
		return record(ctx, q, storage.Event{
			Type: storage.EventUserDisabled, UserID: id, Detail: fmt.Sprintf("%d grants revoked", revoked),
		}, now)
	})
	return revoked, err
}

// EnableUser implements storage.OperatorStore.
func (r *Repo) EnableUser(ctx context.Context, id string, now time.Time) error {
	return r.write(ctx, "enable a person", func(ctx context.Context, q db.Querier) error {
		if err := affected(q.EnableUser(ctx, id)); err != nil {
			return err
		}
		return record(ctx, q, storage.Event{Type: storage.EventUserEnabled, UserID: id}, now)
	})
}
