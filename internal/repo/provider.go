package repo

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func providerTokenPlace(grantID string) place {
	return place{"oauth_grants", "provider_token", grantID}
}

// providerState is what the row with a person's provider token says; none is said
// of a person without one.
func (r *Repo) providerState(row sqlitedb.OAuthGrant) (storage.ProviderState, error) {
	if row.ProviderToken == nil {
		return storage.ProviderState{}, nil
	}
	token, err := r.openOptional(providerTokenPlace(row.ID), row.ProviderToken, row.ProviderTokenKeyID)
	return storage.ProviderState{
		GrantID: row.ID, Token: token, CheckedAt: at(row.ProviderCheckedAt), RetryAt: optionalTime(row.ProviderRetryAt),
		CheckID: deref(row.ProviderLease), CheckUntil: optionalTime(row.ProviderLeaseUntil),
	}, err
}

// StartProviderCheck implements storage.GrantStore.
func (r *Repo) StartProviderCheck(ctx context.Context, c storage.ProviderCheck, now time.Time) error {
	return r.write(ctx, "start a provider check", func(ctx context.Context, q db.Querier) error {
		if err := r.canSeal(ctx, q); err != nil {
			return err
		}
		n, err := q.StartProviderCheck(ctx, sqlitedb.StartProviderCheckParams{
			Lease: c.ID, Until: unix(c.Until), ID: c.GrantID, Previous: c.Previous, Now: unix(now),
		})
		if err == nil && n == 0 {
			return storage.ErrSpent
		}
		return err
	})
}

// FinishProviderCheck implements storage.GrantStore.
func (r *Repo) FinishProviderCheck(
	ctx context.Context, c storage.ProviderCheck, a storage.ProviderAnswer, now time.Time,
) error {
	token, keyID, err := r.sealOptional(providerTokenPlace(c.GrantID), a.Token)
	if err != nil {
		return err
	}
	finish := sqlitedb.FinishProviderCheckParams{
		ProviderToken: token, ProviderTokenKeyID: keyID, ProviderRetryAt: optionalUnix(a.RetryAt), ID: c.GrantID, Lease: c.ID,
	}
	if a.Person != nil {
		finish.ProviderCheckedAt = optionalUnix(now)
	}
	return r.write(ctx, "finish a provider check", func(ctx context.Context, q db.Querier) error {
		row, err := q.FinishProviderCheck(ctx, finish)
		if err != nil {
			return err
		}
		if a.Person != nil {
			p := profile{Login: a.Person.Login, Name: a.Person.Name, Email: a.Person.Email}
			if err := r.saveProfile(ctx, q, row.UserID, p); err != nil {
				return err
			}
		}
		if a.Refused {
			return revokeGrantsOf(ctx, q, row.UserID, now)
		}
		return nil
	})
}

// revokeGrantsOf revokes all grants of a person, with an event for each.
func revokeGrantsOf(ctx context.Context, q db.Querier, userID string, now time.Time) error {
	grants, err := revokeSome(ctx, q, storage.GrantFilter{UserID: userID}, math.MaxInt32, unix(now))
	if err != nil {
		return err
	}
	for _, g := range grants {
		if err := recordOfGrant(ctx, q, g, nil, storage.EventGrantRevoked, now); err != nil {
			return err
		}
	}
	return nil
}

// TakeProviderTokens implements storage.Maintenance.
func (r *Repo) TakeProviderTokens(ctx context.Context, now time.Time, limit int) ([][]byte, error) {
	var taken [][]byte
	err := r.write(ctx, "take provider tokens", func(ctx context.Context, q db.Querier) error {
		taken = nil
		rows, err := q.ListUnneededProviderTokens(ctx, sqlitedb.ListUnneededProviderTokensParams{
			CreatedAfter: unix(now.Add(-pendingGrantLife)), Now: unix(now), MaxRows: int64(limit),
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			token, err := r.openOptional(providerTokenPlace(row.ID), row.ProviderToken, row.ProviderTokenKeyID)
			if errors.Is(err, storage.ErrUnavailable) {
				continue // another replica has the key
			}
			n, forgetErr := q.ForgetProviderToken(ctx, sqlitedb.ForgetProviderTokenParams{
				ID: row.ID, ProviderToken: deref(row.ProviderToken),
			})
			if forgetErr != nil {
				return forgetErr
			}
			if n == 1 && err == nil {
				taken = append(taken, token)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}
