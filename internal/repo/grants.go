package repo

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func grantOf(row sqlitedb.Grant) storage.Grant {
	return storage.Grant{
		ID: row.ID, UserID: row.UserID, ClientID: row.ClientID, Scope: row.Scope, Resource: row.Resource,
		RedirectURI: db.Text(row.RedirectURI), CreatedAt: at(row.CreatedAt), LastUsedAt: at(row.LastUsedAt), ReplacedAt: optionalAt(row.ReplacedAt),
		Adopted: row.UpstreamTokenID != nil,
	}
}

// Access implements storage.GrantStore.
func (r *Repo) Access(ctx context.Context, token storage.Hash, now time.Time) (storage.Access, error) {
	var access storage.Access
	err := r.db.ReadAccess(ctx, "read an access token", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetAccess(ctx, sqlitedb.GetAccessParams{TokenHash: string(token), Now: unix(now)})
		if err != nil {
			return err
		}
		user, err := r.user(row.UserID, row.Issuer, row.Subject, keyring.Sealed{KeyID: row.ProfileKeyID, Token: row.Profile})
		access = storage.Access{
			GrantID: row.GrantID, ClientID: row.ClientID, User: user, Scope: row.Scope, Resource: row.Resource,
			IssuedAt: at(row.CreatedAt), ExpiresAt: at(row.ExpiresAt), LastUsedAt: at(row.LastUsedAt),
			ConfirmedAt: optionalAt(row.ProviderCheckedAt), RetryAt: optionalAt(row.ProviderRetryAt),
			Unused: storage.Hash(db.Text(row.UnusedPair)),
		}
		return err
	})
	return access, err
}

// TouchGrant implements storage.GrantStore.
func (r *Repo) TouchGrant(ctx context.Context, grantID string, now time.Time) error {
	return r.db.Write(ctx, "touch a grant", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		_, err := q.TouchGrant(ctx, sqlitedb.TouchGrantParams{Now: unix(now), ID: grantID})
		return err
	})
}

// RevokeToken implements storage.GrantStore.
func (r *Repo) RevokeToken(ctx context.Context, token storage.Hash, clientID string, now time.Time) error {
	return r.db.Write(ctx, "revoke a token", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		row, err := q.GetRefreshToken(ctx, sqlitedb.GetRefreshTokenParams{
			TokenHash: string(token), ClientID: clientID, Now: unix(now),
		})
		if err == nil {
			return ignoreRevoked(r.revokeGrant(ctx, q, row.GrantID, storage.EventTokenRevoked, now))
		}
		if r.db.Classify(err) != db.NoRows {
			return err
		}
		return r.revokeAccessToken(ctx, q, token, clientID, now)
	})
}

// revokeAccessToken deletes an access token, which leaves its grant alive. Its client has
// the answer that it came in.
func (r *Repo) revokeAccessToken(ctx context.Context, q db.Querier, token storage.Hash, clientID string, now time.Time) error {
	if err := r.endForeignAccess(ctx, q, token, clientID); err != nil {
		return err
	}
	row, err := q.DeleteAccessTokenOfClient(ctx, sqlitedb.DeleteAccessTokenOfClientParams{
		TokenHash: string(token), ClientID: clientID,
	})
	if err != nil {
		return ignoreRevoked(err)
	}
	if row.RefreshHash != nil {
		if _, err := q.UseTokens(ctx, sqlitedb.UseTokensParams{Now: unix(now), TokenHash: *row.RefreshHash}); err != nil {
			return err
		}
	}
	grant, err := q.GetGrant(ctx, row.GrantID)
	if err != nil {
		return err
	}
	return sealed.Record(ctx, q, storage.Event{
		Type: storage.EventTokenRevoked, UserID: grant.UserID, ClientID: clientID, GrantID: grant.ID, Detail: "access token",
	}, now)
}

// revokeGrant revokes a live grant and records why: an event of the given type.
func (r *Repo) revokeGrant(ctx context.Context, q db.Querier, id string, why storage.EventType, now time.Time) error {
	grant, err := q.RevokeGrant(ctx, sqlitedb.RevokeGrantParams{Now: unix(now), ID: id})
	return r.grantRevoked(ctx, q, grant, err, why, now)
}

// grantRevoked completes the revocation of a grant that a statement returned: FastMCP's
// session that it was made of ends with it, and it is recorded.
func (r *Repo) grantRevoked(
	ctx context.Context, q db.Querier, grant sqlitedb.Grant, err error, why storage.EventType, now time.Time,
) error {
	if err == nil && grant.UpstreamTokenID != nil {
		err = r.endSessions(ctx, q, endedSession{grant.ID, *grant.UpstreamTokenID})
	}
	return recordOfGrant(ctx, q, grant, err, why, now)
}

// recordOfGrant records an event about the grant that a statement returned.
func recordOfGrant(
	ctx context.Context, q db.Querier, grant sqlitedb.Grant, err error, what storage.EventType, now time.Time,
) error {
	if err != nil {
		return err
	}
	return sealed.Record(ctx, q, storage.Event{
		Type: what, UserID: grant.UserID, ClientID: grant.ClientID, GrantID: grant.ID,
	}, now)
}

// ignoreRevoked treats an earlier revocation as success.
func ignoreRevoked(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// RevokeGrant implements storage.GrantStore.
func (r *Repo) RevokeGrant(ctx context.Context, grantID string, now time.Time) error {
	return r.db.Write(ctx, "revoke a grant", func(ctx context.Context, q db.Querier) error {
		return r.revokeGrant(ctx, q, grantID, storage.EventGrantRevoked, now)
	})
}

// RevokeUserGrant implements storage.GrantStore.
func (r *Repo) RevokeUserGrant(ctx context.Context, userID, grantID string, now time.Time) error {
	return r.db.Write(ctx, "revoke a grant", func(ctx context.Context, q db.Querier) error {
		grant, err := q.RevokeGrantOfUser(ctx, sqlitedb.RevokeGrantOfUserParams{
			Now: unix(now), ID: grantID, UserID: userID,
		})
		return r.grantRevoked(ctx, q, grant, err, storage.EventGrantRevoked, now)
	})
}

// ListGrants implements storage.GrantStore.
func (r *Repo) ListGrants(
	ctx context.Context, userID, after string, limit int, now time.Time,
) ([]storage.Grant, error) {
	var grants []storage.Grant
	err := r.db.Read(ctx, "list grants", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListLiveGrants(ctx, sqlitedb.ListLiveGrantsParams{
			UserID: userID, After: after, Now: unix(now), MaxRows: int64(limit),
		})
		if err != nil {
			return err
		}
		names := r.clientNames(ctx, q)
		for _, row := range rows {
			g := grantOf(row)
			if err := names(&g); err != nil {
				return err
			}
			grants = append(grants, g)
		}
		return nil
	})
	return grants, err
}
