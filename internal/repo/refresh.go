package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// successor is the pair of tokens that a repeated refresh returns, stored encrypted.
type successor struct {
	Access         string `json:"access_token"`
	AccessExpires  int64  `json:"access_expires_at"`
	Refresh        string `json:"refresh_token"`
	RefreshExpires int64  `json:"refresh_expires_at"`
	Scope          string `json:"scope"`
}

func successorPlace(token storage.Hash) sealed.Place {
	return sealed.Place{Table: "mcpkeep_refresh_tokens", Column: "successor", Row: string(token)}
}

// RefreshGrant implements storage.GrantStore.
func (r *Repo) RefreshGrant(
	ctx context.Context, token storage.Hash, clientID string, now time.Time,
) (storage.Grant, storage.User, error) {
	var grant storage.Grant
	var user storage.User
	err := r.db.Read(ctx, "read a refresh token", func(ctx context.Context, q db.Querier) error {
		// This comes first: a check that finishes after it is seen by a caller that starts
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
		grant.Unused = row.UseTracked && row.FirstUsedAt == nil
		if grant.Repeat, err = r.repeatOf(ctx, q, row); err != nil {
			return err
		}
		if provider.ID == "" && g.UpstreamTokenID != nil { // it was adopted between the two looks
			provider, err = q.GetProviderGrantOfGrant(ctx, g.ID)
			if err != nil && r.db.Classify(err) != db.NoRows {
				return err
			}
		}
		if grant.Provider, err = r.providerState(ctx, q, provider, now); err != nil {
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
	err := r.db.Write(ctx, "rotate a refresh token", func(ctx context.Context, q db.Querier) error {
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
			if err := storeTokens(ctx, q, grant.ID, issued.Tokens, true, unix(now)); err != nil {
				return err
			}
			if err := recordOfGrant(ctx, q, grant, nil, storage.EventTokensRefreshed, now); err != nil || grant.UpstreamTokenID == nil {
				return err
			}
			return r.endForeignToken(ctx, q, x.Token)
		}
		issued.Repeated = true
		if issued.Tokens, refusal, err = r.repeat(ctx, q, x, now); err != nil || refusal != nil {
			return err
		}
		return r.recordLimited(ctx, q, storage.Event{
			Type: storage.EventRefreshRepeated, UserID: grant.UserID, ClientID: grant.ClientID, GrantID: grant.ID,
		}, now)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return storage.Issued{}, err
	}
	return issued, nil
}

// spendRefreshToken spends the token and stores its encrypted successor next to it. It
// returns false if the token was spent before.
func (r *Repo) spendRefreshToken(
	ctx context.Context, q db.Querier, x storage.RefreshRotation, grantScope string, now int64,
) (bool, error) {
	next := scoped(x.Next, grantScope)
	value, err := r.sealSuccessor(x.Token, next)
	if err != nil {
		return false, err
	}
	_, err = q.SpendRefreshToken(ctx, sqlitedb.SpendRefreshTokenParams{
		Now: now, SuccessorHash: string(storage.HashOf(next.Refresh.Value)),
		Successor: value.Token, SuccessorKeyID: value.KeyID, TokenHash: string(x.Token), ClientID: x.ClientID,
	})
	if r.db.Classify(err) == db.NoRows {
		return false, nil
	}
	return err == nil, err
}

// sealSuccessor encrypts the pair that succeeds a token.
func (r *Repo) sealSuccessor(token storage.Hash, next storage.NewTokens) (keyring.Sealed, error) {
	return r.db.SealJSON(successorPlace(token), successor{
		Access: next.Access.Value, AccessExpires: unix(next.Access.ExpiresAt),
		Refresh: next.Refresh.Value, RefreshExpires: unix(next.Refresh.ExpiresAt), Scope: next.Scope,
	})
}

// successorOf decrypts the successor of a spent token.
func (r *Repo) successorOf(row sqlitedb.RefreshToken) (storage.NewTokens, error) {
	p := successorPlace(storage.Hash(row.TokenHash))
	if row.Successor == nil {
		return storage.NewTokens{}, p.Unreadable("")
	}
	var s successor
	if err := r.db.OpenJSON(p, keyring.Sealed{KeyID: db.Text(row.SuccessorKeyID), Token: *row.Successor}, &s); err != nil {
		return storage.NewTokens{}, err
	}
	return storage.NewTokens{
		Access:  storage.NewToken{Value: s.Access, ExpiresAt: at(s.AccessExpires)},
		Refresh: storage.NewToken{Value: s.Refresh, ExpiresAt: at(s.RefreshExpires)},
		Scope:   s.Scope,
	}, nil
}
