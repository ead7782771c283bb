package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// UseTokens implements storage.GrantStore.
func (r *Repo) UseTokens(ctx context.Context, refresh storage.Hash, now time.Time) error {
	return r.db.Write(ctx, "record the first use of tokens", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		_, err := q.UseTokens(ctx, sqlitedb.UseTokensParams{Now: unix(now), TokenHash: string(refresh)})
		return err
	})
}

// repeat handles the use of a spent token. While it can be repeated, it returns the newest
// successor in its line; after that, it revokes the whole grant. The refusal is separate
// from the error because the revocation must commit. The caller holds the lock on the
// grant's row, so that of two repeats one renews the access token.
func (r *Repo) repeat(
	ctx context.Context, q db.Querier, x storage.RefreshRotation, now time.Time,
) (tokens storage.NewTokens, refusal, err error) {
	get := func(token string) (sqlitedb.RefreshToken, error) {
		return q.GetRefreshToken(ctx, sqlitedb.GetRefreshTokenParams{TokenHash: token, ClientID: x.ClientID, Now: unix(now)})
	}
	row, err := get(string(x.Token))
	if err != nil {
		return tokens, nil, err
	}
	repeat, err := r.repeatOf(ctx, q, row)
	if err != nil {
		return tokens, nil, err
	}
	if row.Successor == nil || !now.Before(repeat.Until(x.Grace)) {
		sealed.Repeatable(ctx) // a revoked grant stays as it is
		err = r.revokeGrant(ctx, q, row.GrantID, storage.EventRefreshReuse, now)
		return tokens, storage.ErrSpent, ignoreRevoked(err)
	}
	// A successor is first used no later than it is spent, and its own successor later
	// than that, so that one can be repeated as well: the walk ends at the token that no
	// one has spent yet.
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
	if tokens, err = r.successorOf(row); err == nil && !now.Before(tokens.Access.ExpiresAt) {
		tokens.Access = x.Next.Access
		err = r.renewAccess(ctx, q, row, tokens, now)
	}
	return tokens, nil, err
}

// repeatOf returns what decides whether a row's token can be repeated, or the zero value if
// the token is unspent. Replicas of a release that records no first use spend successors
// too.
func (r *Repo) repeatOf(ctx context.Context, q db.Querier, row sqlitedb.RefreshToken) (storage.Repeat, error) {
	if row.SpentAt == nil {
		return storage.Repeat{}, nil
	}
	next, err := q.GetSuccessor(ctx, *row.SuccessorHash)
	if r.db.Classify(err) == db.NoRows {
		return storage.Repeat{SpentAt: at(*row.SpentAt)}, nil // it expired earlier than the token
	}
	if err != nil {
		return storage.Repeat{}, err
	}
	used := next.FirstUsedAt
	if used == nil {
		used = next.SpentAt
	}
	return storage.Repeat{SpentAt: at(*row.SpentAt), Tracked: next.UseTracked, FirstUse: optionalAt(used)}, nil
}

// renewAccess replaces the expired access token that succeeded a row's token with the one
// in tokens.
func (r *Repo) renewAccess(
	ctx context.Context, q db.Querier, row sqlitedb.RefreshToken, tokens storage.NewTokens, now time.Time,
) error {
	if err := storeAccessToken(ctx, q, row.GrantID, tokens, *row.SuccessorHash, unix(now)); err != nil {
		return err
	}
	value, err := r.sealSuccessor(storage.Hash(row.TokenHash), tokens)
	if err != nil {
		return err
	}
	_, err = q.RenewSuccessor(ctx, sqlitedb.RenewSuccessorParams{
		Successor: value.Token, SuccessorKeyID: value.KeyID, TokenHash: row.TokenHash,
	})
	return err
}
