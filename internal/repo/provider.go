package repo

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func providerTokenPlace(grantID string) sealed.Place {
	return sealed.Place{Table: "mcpkeep_grants", Column: "provider_token", Row: grantID}
}

// providerState is the state in the row that holds a user's provider token; the zero value
// stands for a user without one.
func (r *Repo) providerState(ctx context.Context, q db.Querier, row sqlitedb.Grant, now time.Time) (storage.ProviderState, error) {
	if row.ProviderToken == nil {
		return storage.ProviderState{}, nil
	}
	token, err := r.db.OpenOptional(providerTokenPlace(row.ID), row.ProviderToken, row.ProviderTokenKeyID)
	state := storage.ProviderState{
		GrantID: row.ID, Token: token, CheckedAt: at(row.ProviderCheckedAt), RetryAt: optionalAt(row.ProviderRetryAt),
		CheckID: db.Text(row.ProviderLease), CheckUntil: optionalAt(row.ProviderLeaseUntil),
	}
	if err == nil && row.UpstreamTokenID != nil {
		state.Upstream, err = r.upstreamOf(ctx, q, *row.UpstreamTokenID, now)
	}
	return state, err
}

// upstreamOf returns the provider's tokens of a session, which FastMCP may have renewed; nil
// when the session is gone, or its row cannot be read: then what the grant has counts.
func (r *Repo) upstreamOf(ctx context.Context, q db.Querier, sessionID string, now time.Time) (*storage.UpstreamTokens, error) {
	s, err := r.session(ctx, q, sessionID, now)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnreadable) {
		return nil, nil //nolint:nilnil // none is no error
	}
	if err != nil {
		return nil, err
	}
	return &storage.UpstreamTokens{AccessToken: s.AccessToken, RefreshToken: s.RefreshToken, ExpiresAt: s.ExpiresAt}, nil
}

// StartProviderCheck implements storage.GrantStore.
func (r *Repo) StartProviderCheck(ctx context.Context, c storage.ProviderCheck, now time.Time) error {
	return r.db.Write(ctx, "start a provider check", func(ctx context.Context, q db.Querier) error {
		if err := r.db.CanSeal(ctx, q); err != nil {
			return err
		}
		n, err := q.StartProviderCheck(ctx, sqlitedb.StartProviderCheckParams{
			Lease: c.ID, Until: unix(c.Until), ID: c.GrantID, Previous: c.Previous, Now: unix(now), Latest: unix(now) + longestLease,
		})
		if err == nil && n == 0 {
			return storage.ErrSpent
		}
		return err
	})
}

// ExtendProviderCheck implements storage.GrantStore.
func (r *Repo) ExtendProviderCheck(ctx context.Context, c storage.ProviderCheck) error {
	return r.db.Write(ctx, "extend a provider check", func(ctx context.Context, q db.Querier) error {
		return affected(q.ExtendProviderCheck(ctx, sqlitedb.ExtendProviderCheckParams{Until: unix(c.Until), ID: c.GrantID, Lease: c.ID}))
	})
}

// FinishProviderCheck implements storage.GrantStore.
func (r *Repo) FinishProviderCheck(
	ctx context.Context, c storage.ProviderCheck, a storage.ProviderAnswer, now time.Time,
) error {
	token, keyID, err := r.db.SealOptional(providerTokenPlace(c.GrantID), a.Token)
	if err != nil {
		return err
	}
	finish := sqlitedb.FinishProviderCheckParams{
		ProviderToken: token, ProviderTokenKeyID: keyID, ProviderRetryAt: optionalUnix(a.RetryAt), ID: c.GrantID, Lease: c.ID,
	}
	if a.Person != nil {
		finish.ProviderCheckedAt = optionalUnix(now)
	}
	return r.db.Write(ctx, "finish a provider check", func(ctx context.Context, q db.Querier) error {
		grant, err := q.GetGrant(ctx, c.GrantID)
		if err != nil {
			return err
		}
		if a.Person != nil {
			if err := r.saveProfile(ctx, q, grant.UserID, profileOf(*a.Person)); err != nil {
				return err
			}
		}
		if a.Limited {
			if err := r.limit(ctx, q, grant.UserID); err != nil {
				return err
			}
		}
		if a.Refused {
			if err := r.revokeGrantsOf(ctx, q, grant.UserID, now); err != nil {
				return err
			}
			if _, err := q.DeleteBrowserSessionsOfUser(ctx, grant.UserID); err != nil {
				return err
			}
		}
		if grant, err = q.FinishProviderCheck(ctx, finish); err != nil || grant.UpstreamTokenID == nil {
			return err
		}
		return r.keepRenewed(ctx, q, *grant.UpstreamTokenID, a.Upstream, now)
	})
}

// revokeGrantsOf revokes all grants of a user, with an event for each.
func (r *Repo) revokeGrantsOf(ctx context.Context, q db.Querier, userID string, now time.Time) error {
	grants, err := revokeSome(ctx, q, storage.GrantFilter{UserID: userID}, math.MaxInt32, unix(now))
	if err != nil {
		return err
	}
	for _, g := range grants {
		if err := r.grantRevoked(ctx, q, g, nil, storage.EventGrantRevoked, now); err != nil {
			return err
		}
	}
	return nil
}

// LiveGrant implements storage.GrantStore.
func (r *Repo) LiveGrant(ctx context.Context, grantID string, now time.Time) (storage.Grant, storage.User, error) {
	var grant storage.Grant
	var user storage.User
	err := r.db.Read(ctx, "read a grant", func(ctx context.Context, q db.Querier) error {
		provider, err := q.GetProviderGrantOfGrant(ctx, grantID) // first, as in RefreshGrant
		if err != nil && r.db.Classify(err) != db.NoRows {
			return err
		}
		g, err := q.GetGrant(ctx, grantID)
		if err != nil {
			return err
		}
		if g.RevokedAt != nil {
			return storage.ErrNotFound
		}
		grant = grantOf(g)
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

// forgetProviderTokens forgets those of a user whose newest sign-in has the token of all. The
// user's row is locked.
func forgetProviderTokens(ctx context.Context, q db.Querier, userID string, who storage.Person) error {
	if err := db.LockGrants(ctx, q, db.GrantsOf{UserID: userID}); err != nil {
		return err
	}
	_, err := q.ForgetProviderTokensOf(ctx, sqlitedb.ForgetProviderTokensOfParams{Issuer: who.Issuer, Subject: who.Subject})
	return err
}
