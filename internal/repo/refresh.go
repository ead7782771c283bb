package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// successor is the sealed pair that a repeated refresh is answered with.
type successor struct {
	Access         string `json:"access_token"`
	AccessExpires  int64  `json:"access_expires_at"`
	Refresh        string `json:"refresh_token"`
	RefreshExpires int64  `json:"refresh_expires_at"`
	Scope          string `json:"scope"`
}

func successorPlace(token storage.Hash) place {
	return place{"oauth_refresh_tokens", "successor", string(token)}
}

// RefreshGrant implements storage.GrantStore.
func (r *Repo) RefreshGrant(
	ctx context.Context, token storage.Hash, clientID string, now time.Time,
) (storage.Grant, storage.User, error) {
	var grant storage.Grant
	var user storage.User
	err := r.read(ctx, "read a refresh token", func(ctx context.Context, q db.Querier) error {
		// This comes first: a check that finishes after it is seen by whoever starts
		// another one, and a token that was spent before it is seen to be spent.
		provider, err := q.GetProviderGrant(ctx, string(token))
		if err != nil && r.db.Classify(err) != db.NoRows {
			return err
		}
		row, err := q.GetRefreshToken(ctx, sqlitedb.GetRefreshTokenParams{
			TokenHash: string(token), ClientID: clientID, Now: unix(now),
		})
		if err != nil {
			return err
		}
		g, err := q.GetGrant(ctx, row.GrantID)
		if err != nil {
			return err
		}
		grant = grantOf(g)
		grant.Spent = row.SpentAt != nil
		if grant.Provider, err = r.providerState(provider); err != nil {
			return err
		}
		u, err := q.GetUser(ctx, g.UserID)
		if err != nil {
			return err
		}
		user, err = r.userOfRow(u)
		return err
	})
	return grant, user, err
}

// RotateRefreshToken implements storage.GrantStore.
func (r *Repo) RotateRefreshToken(
	ctx context.Context, x storage.RefreshRotation, now time.Time,
) (storage.Issued, error) {
	var issued storage.Issued
	var refusal error
	err := r.write(ctx, "rotate a refresh token", func(ctx context.Context, q db.Querier) error {
		issued, refusal = storage.Issued{}, nil
		row, err := q.GetRefreshToken(ctx, sqlitedb.GetRefreshTokenParams{
			TokenHash: string(x.Token), ClientID: x.ClientID, Now: unix(now),
		})
		if err != nil {
			return err
		}
		// This comes before the spending: of the grant's row it takes the lock
		// that revocation takes too, so that the two are in an order.
		grant, err := q.TouchGrant(ctx, sqlitedb.TouchGrantParams{Now: unix(now), ID: row.GrantID})
		if err != nil {
			return err
		}
		issued.Grant = grantOf(grant)
		spent, err := r.spendRefreshToken(ctx, q, x, grant.Scope, unix(now))
		if err != nil {
			return err
		}
		if spent {
			issued.Tokens = scoped(x.Next, grant.Scope)
			if err := storeTokens(ctx, q, grant.ID, issued.Tokens, unix(now)); err != nil {
				return err
			}
			return recordOfGrant(ctx, q, grant, nil, storage.EventTokensRefreshed, now)
		}
		issued.Repeated = true
		issued.Tokens, refusal, err = r.repeat(ctx, q, x, now)
		return err
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return storage.Issued{}, err
	}
	return issued, nil
}

// spendRefreshToken spends the token and seals its successor beside it; false
// when it was spent before.
func (r *Repo) spendRefreshToken(
	ctx context.Context, q db.Querier, x storage.RefreshRotation, grantScope string, now int64,
) (bool, error) {
	next := scoped(x.Next, grantScope)
	sealed, err := r.sealJSON(successorPlace(x.Token), successor{
		Access: next.Access.Value, AccessExpires: unix(next.Access.ExpiresAt),
		Refresh: next.Refresh.Value, RefreshExpires: unix(next.Refresh.ExpiresAt), Scope: next.Scope,
	})
	if err != nil {
		return false, err
	}
	_, err = q.SpendRefreshToken(ctx, sqlitedb.SpendRefreshTokenParams{
		Now: now, SuccessorHash: string(storage.HashOf(next.Refresh.Value)),
		Successor: sealed.Token, SuccessorKeyID: sealed.KeyID, TokenHash: string(x.Token), ClientID: x.ClientID,
	})
	if r.db.Classify(err) == db.NoRows {
		return false, nil
	}
	return err == nil, err
}

// repeat answers the use of a spent token: inside the window, which starts at
// the first use, with the newest successor of its line; after it with the
// revocation of the whole grant. The refusal is apart from the error, because
// the revocation must commit.
func (r *Repo) repeat(
	ctx context.Context, q db.Querier, x storage.RefreshRotation, now time.Time,
) (tokens storage.NewTokens, refusal, err error) {
	get := func(token string) (sqlitedb.OAuthRefreshToken, error) {
		return q.GetRefreshToken(ctx, sqlitedb.GetRefreshTokenParams{TokenHash: token, ClientID: x.ClientID, Now: unix(now)})
	}
	row, err := get(string(x.Token))
	if err != nil {
		return tokens, nil, err
	}
	if x.Grace <= 0 || row.SpentAt == nil || row.Successor == nil || now.Sub(at(*row.SpentAt)) >= x.Grace {
		err = revokeGrant(ctx, q, row.GrantID, storage.EventRefreshReuse, now)
		return tokens, storage.ErrSpent, ignoreRevoked(err)
	}
	// A successor is spent later than its predecessor, so its own window is
	// open as well: the walk ends at the token that nobody has used yet.
	for {
		next, err := get(*row.SuccessorHash)
		if err != nil {
			return tokens, nil, err
		}
		if next.SpentAt == nil {
			break
		}
		row = next
	}
	tokens, err = r.successorOf(row)
	return tokens, nil, err
}

// successorOf opens the successor of a spent token.
func (r *Repo) successorOf(row sqlitedb.OAuthRefreshToken) (storage.NewTokens, error) {
	p := successorPlace(storage.Hash(row.TokenHash))
	if row.Successor == nil {
		return storage.NewTokens{}, p.unreadable("")
	}
	var s successor
	if err := r.openJSON(p, keyring.Sealed{KeyID: deref(row.SuccessorKeyID), Token: *row.Successor}, &s); err != nil {
		return storage.NewTokens{}, err
	}
	return storage.NewTokens{
		Access:  storage.NewToken{Value: s.Access, ExpiresAt: at(s.AccessExpires)},
		Refresh: storage.NewToken{Value: s.Refresh, ExpiresAt: at(s.RefreshExpires)},
		Scope:   s.Scope,
	}, nil
}
