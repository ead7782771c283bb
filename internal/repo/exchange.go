package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ExchangeCode implements storage.GrantStore. The whole proof is in one UPDATE's
// predicate, so what does not fit matches no row and burns nothing.
func (r *Repo) ExchangeCode(ctx context.Context, x storage.CodeExchange, now time.Time) (storage.Issued, error) {
	var issued storage.Issued
	var refusal error
	err := r.db.Write(ctx, "exchange a code", func(ctx context.Context, q db.Querier) error {
		issued, refusal = storage.Issued{}, nil
		code, err := q.SpendCode(ctx, sqlitedb.SpendCodeParams{
			Now: unix(now), CodeHash: string(x.Code), CodeChallenge: x.Challenge,
			RedirectURI: x.RedirectURI, NormalUri: x.NormalURI, ClientID: x.ClientID,
		})
		if r.db.Classify(err) == db.NoRows {
			refusal, err = r.refuseCode(ctx, q, x, now)
			return err
		}
		if err != nil {
			return err
		}
		if _, err := q.TouchClient(ctx, sqlitedb.TouchClientParams{Now: unix(now), Key: fastmcp.ClientKey(x.ClientID)}); err != nil {
			return err
		}
		if err := r.replaceEarlier(ctx, q, code.GrantID, now); err != nil {
			return err
		}
		grant, err := q.ActivateGrant(ctx, sqlitedb.ActivateGrantParams{Now: unix(now), ID: code.GrantID})
		if err != nil {
			return err
		}
		if x.Resource != "" && x.Resource != grant.Resource {
			return storage.ErrOtherResource
		}
		issued = storage.Issued{Grant: grantOf(grant), Tokens: scoped(x.Next, grant.Scope)}
		if err := storeTokens(ctx, q, grant.ID, issued.Tokens, false, unix(now)); err != nil {
			return err
		}
		return recordOfGrant(ctx, q, grant, nil, storage.EventTokensIssued, now)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return storage.Issued{}, err
	}
	return issued, nil
}

// refuseCode finds out why no code matched. The refusal is apart from the
// error, because the revocation that goes with it must commit.
func (r *Repo) refuseCode(ctx context.Context, q db.Querier, x storage.CodeExchange, now time.Time) (refusal, err error) {
	sealed.Repeatable(ctx) // without an event it changes nothing
	spent, err := q.GetSpentCode(ctx, sqlitedb.GetSpentCodeParams{
		CodeHash: string(x.Code), CodeChallenge: x.Challenge, ClientID: x.ClientID, Now: unix(now),
	})
	if r.db.Classify(err) == db.NoRows {
		return storage.ErrNotFound, nil
	}
	if err != nil {
		return nil, err
	}
	return storage.ErrSpent, ignoreRevoked(r.revokeGrant(ctx, q, spent.GrantID, storage.EventCodeReuse, now))
}

// scoped fills in the scope of the access token.
func scoped(t storage.NewTokens, grantScope string) storage.NewTokens {
	if t.Scope == "" {
		t.Scope = grantScope
	}
	return t
}

// storeTokens stores the hashes of a pair of tokens. The first use of a pair that succeeds
// another one is to be recorded.
func storeTokens(ctx context.Context, q db.Querier, grantID string, t storage.NewTokens, succeeds bool, now int64) error {
	refresh := string(storage.HashOf(t.Refresh.Value))
	err := q.CreateRefreshToken(ctx, sqlitedb.CreateRefreshTokenParams{
		TokenHash: refresh, GrantID: grantID, CreatedAt: now, ExpiresAt: unix(t.Refresh.ExpiresAt), UseTracked: succeeds,
	})
	if err != nil {
		return err
	}
	if !succeeds {
		refresh = ""
	}
	return storeAccessToken(ctx, q, grantID, t, refresh, now)
}

// storeAccessToken stores the hash of the access token of t, which was issued with a refresh
// token; "" when its use does not matter.
func storeAccessToken(ctx context.Context, q db.Querier, grantID string, t storage.NewTokens, refresh string, now int64) error {
	return q.CreateAccessToken(ctx, sqlitedb.CreateAccessTokenParams{
		TokenHash: string(storage.HashOf(t.Access.Value)), GrantID: grantID, RefreshHash: db.Nullable(refresh), Scope: t.Scope,
		CreatedAt: now, ExpiresAt: unix(t.Access.ExpiresAt),
	})
}
