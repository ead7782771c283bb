package repo

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func grantOf(row sqlitedb.OAuthGrant) storage.Grant {
	return storage.Grant{
		ID: row.ID, UserID: row.UserID, ClientID: row.ClientID, Scope: row.Scope, Resource: row.Resource,
		CreatedAt: at(row.CreatedAt), LastUsedAt: at(row.LastUsedAt),
	}
}

// Access implements storage.GrantStore.
func (r *Repo) Access(ctx context.Context, token storage.Hash, now time.Time) (storage.Access, error) {
	var access storage.Access
	err := r.read(ctx, "read an access token", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetAccess(ctx, sqlitedb.GetAccessParams{TokenHash: string(token), Now: unix(now)})
		if err != nil {
			return err
		}
		user, err := r.user(row.UserID, row.Issuer, row.Subject, keyring.Sealed{KeyID: row.ProfileKeyID, Token: row.Profile})
		access = storage.Access{
			GrantID: row.GrantID, ClientID: row.ClientID, User: user, Scope: row.Scope, Resource: row.Resource,
			IssuedAt: at(row.CreatedAt), ExpiresAt: at(row.ExpiresAt), LastUsedAt: at(row.LastUsedAt),
		}
		return err
	})
	return access, err
}

// TouchGrant implements storage.GrantStore.
func (r *Repo) TouchGrant(ctx context.Context, grantID string, now time.Time) error {
	return r.write(ctx, "touch a grant", func(ctx context.Context, q db.Querier) error {
		_, err := q.TouchGrant(ctx, sqlitedb.TouchGrantParams{Now: unix(now), ID: grantID})
		return err
	})
}

// RevokeToken implements storage.GrantStore.
func (r *Repo) RevokeToken(ctx context.Context, token storage.Hash, clientID string, now time.Time) error {
	return r.write(ctx, "revoke a token", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetRefreshToken(ctx, sqlitedb.GetRefreshTokenParams{
			TokenHash: string(token), ClientID: clientID, Now: unix(now),
		})
		if err == nil {
			return ignoreRevoked(revokeGrant(ctx, q, row.GrantID, storage.EventTokenRevoked, now))
		}
		if r.db.Classify(err) != db.NoRows {
			return err
		}
		return revokeAccessToken(ctx, q, token, clientID, now)
	})
}

// revokeAccessToken deletes an access token, which leaves its grant alive.
func revokeAccessToken(ctx context.Context, q db.Querier, token storage.Hash, clientID string, now time.Time) error {
	id, err := q.DeleteAccessTokenOfClient(ctx, sqlitedb.DeleteAccessTokenOfClientParams{
		TokenHash: string(token), ClientID: clientID,
	})
	if err != nil {
		return ignoreRevoked(err)
	}
	grant, err := q.GetGrant(ctx, id)
	if err != nil {
		return err
	}
	return record(ctx, q, storage.Event{
		Type: storage.EventTokenRevoked, UserID: grant.UserID, ClientID: clientID, GrantID: id, Detail: "access token",
	}, now)
}

// revokeGrant revokes a live grant and records why: an event of the given type.
func revokeGrant(ctx context.Context, q db.Querier, id string, why storage.EventType, now time.Time) error {
	grant, err := q.RevokeGrant(ctx, sqlitedb.RevokeGrantParams{Now: unix(now), ID: id})
	return recordOfGrant(ctx, q, grant, err, why, now)
}

// recordOfGrant records an event about the grant that a statement returned.
func recordOfGrant(
	ctx context.Context, q db.Querier, grant sqlitedb.OAuthGrant, err error, what storage.EventType, now time.Time,
) error {
	if err != nil {
		return err
	}
	return record(ctx, q, storage.Event{
		Type: what, UserID: grant.UserID, ClientID: grant.ClientID, GrantID: grant.ID,
	}, now)
}

// ignoreRevoked takes "revoked before" for success.
func ignoreRevoked(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// RevokeGrant implements storage.GrantStore.
func (r *Repo) RevokeGrant(ctx context.Context, grantID string, now time.Time) error {
	return r.write(ctx, "revoke a grant", func(ctx context.Context, q db.Querier) error {
		return revokeGrant(ctx, q, grantID, storage.EventGrantRevoked, now)
	})
}

// RevokeUserGrant implements storage.GrantStore.
func (r *Repo) RevokeUserGrant(ctx context.Context, userID, grantID string, now time.Time) error {
	return r.write(ctx, "revoke a grant", func(ctx context.Context, q db.Querier) error {
		grant, err := q.RevokeGrantOfUser(ctx, sqlitedb.RevokeGrantOfUserParams{
			Now: unix(now), ID: grantID, UserID: userID,
		})
		return recordOfGrant(ctx, q, grant, err, storage.EventGrantRevoked, now)
	})
}

// ListGrants implements storage.GrantStore.
func (r *Repo) ListGrants(
	ctx context.Context, userID, after string, limit int, now time.Time,
) ([]storage.Grant, error) {
	var grants []storage.Grant
	err := r.read(ctx, "list grants", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListLiveGrants(ctx, sqlitedb.ListLiveGrantsParams{
			UserID: userID, After: after, Now: unix(now), MaxRows: int64(limit),
		})
		if err != nil {
			return err
		}
		names := r.clientNames(ctx, q)
		for _, row := range rows {
			g := grantOf(row)
			if g.ClientName, err = names(row.ClientID); err != nil {
				return err
			}
			grants = append(grants, g)
		}
		return nil
	})
	return grants, err
}
