package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func requestPlace(id string) place { return place{"oauth_authorizations", "request", id} }

// StartAuthorization implements storage.SignInStore.
func (r *Repo) StartAuthorization(ctx context.Context, a storage.Authorization) error {
	sealed, err := r.sealJSON(requestPlace(a.ID), a.Request)
	if err != nil {
		return err
	}
	return r.write(ctx, "start an authorization", func(ctx context.Context, q db.Querier) error {
		return q.CreateAuthorization(ctx, sqlitedb.CreateAuthorizationParams{
			ID: a.ID, ClientID: a.Request.ClientID, BrowserHash: string(a.Browser), StateHash: optional(string(a.StateHash)),
			Request: sealed.Token, RequestKeyID: sealed.KeyID, UserID: optional(a.UserID),
			CreatedAt: unix(a.CreatedAt), ExpiresAt: unix(a.ExpiresAt),
		})
	})
}

// Authorization implements storage.SignInStore.
func (r *Repo) Authorization(ctx context.Context, id string, now time.Time) (storage.Authorization, error) {
	return r.authorization(ctx, func(ctx context.Context, q db.Querier) (sqlitedb.OAuthAuthorization, error) {
		return q.GetAuthorization(ctx, sqlitedb.GetAuthorizationParams{ID: id, Now: unix(now)})
	})
}

// AuthorizationByState implements storage.SignInStore.
func (r *Repo) AuthorizationByState(ctx context.Context, state storage.Hash, now time.Time) (storage.Authorization, error) {
	return r.authorization(ctx, func(ctx context.Context, q db.Querier) (sqlitedb.OAuthAuthorization, error) {
		return q.GetAuthorizationByState(ctx, sqlitedb.GetAuthorizationByStateParams{StateHash: string(state), Now: unix(now)})
	})
}

func (r *Repo) authorization(
	ctx context.Context, get func(context.Context, db.Querier) (sqlitedb.OAuthAuthorization, error),
) (storage.Authorization, error) {
	var a storage.Authorization
	err := r.read(ctx, "read an authorization", func(ctx context.Context, q db.Querier) error {
		row, err := get(ctx, q)
		if err != nil {
			return err
		}
		a, err = r.authorizationOf(row)
		return err
	})
	return a, err
}

func (r *Repo) authorizationOf(row sqlitedb.OAuthAuthorization) (storage.Authorization, error) {
	a := storage.Authorization{
		ID: row.ID, Browser: storage.Hash(row.BrowserHash), StateHash: storage.Hash(deref(row.StateHash)),
		UserID: deref(row.UserID), CreatedAt: at(row.CreatedAt), ExpiresAt: at(row.ExpiresAt),
		Finished: row.FinishedAt != nil,
	}
	sealed := keyring.Sealed{KeyID: row.RequestKeyID, Token: row.Request}
	return a, r.openJSON(requestPlace(row.ID), sealed, &a.Request)
}

// FinishAuthorization implements storage.SignInStore. The person's row is written
// before the grant: that takes the lock that DisableUser takes too, so that the
// two are in an order.
func (r *Repo) FinishAuthorization(ctx context.Context, c storage.Completion, now time.Time) (storage.Request, error) {
	var a storage.Authorization
	var refusal error
	anew, err := r.readoptionOf(c.Client)
	if err != nil {
		return storage.Request{}, err
	}
	err = r.write(ctx, "finish an authorization", func(ctx context.Context, q db.Querier) error {
		var err error
		refusal = nil
		if a, err = r.finish(ctx, q, c.AuthorizationID, c.Browser, now); err != nil {
			return err
		}
		event := storage.Event{Type: storage.EventGrantCreated, ClientID: a.Request.ClientID, GrantID: c.GrantID, Detail: a.Request.Scope}
		if c.ProviderToken != nil { // steps that need both lock a person's grants before the person
			_, err := q.ForgetProviderTokensOf(ctx, sqlitedb.ForgetProviderTokensOfParams{Issuer: c.Person.Issuer, Subject: c.Person.Subject})
			if err != nil {
				return err
			}
		}
		if event.UserID, err = r.signIn(ctx, q, a.UserID, c.Person, unix(now)); errors.Is(err, storage.ErrDisabled) {
			refusal = err
			event.Type, event.GrantID, event.Detail = storage.EventSignInRefused, "", err.Error()
			return record(ctx, q, event, now)
		}
		if err != nil {
			return err
		}
		if err := readopt(ctx, q, anew, event.UserID, now); err != nil {
			return err
		}
		if err := r.createGrant(ctx, q, a.Request, c, event.UserID, unix(now)); err != nil {
			return err
		}
		return record(ctx, q, event, now)
	})
	if err == nil {
		err = refusal
	}
	return a.Request, err
}

// signIn records that somebody signs in, whose id is known or who is described, and
// returns the id. ErrDisabled goes with the id of somebody who may not.
func (r *Repo) signIn(ctx context.Context, q db.Querier, id string, p storage.Person, now int64) (string, error) {
	if id == "" {
		return r.saveUser(ctx, q, p, now, &now)
	}
	signedIn, err := q.SignInUser(ctx, sqlitedb.SignInUserParams{Now: now, ID: id})
	if err == nil && signedIn == 0 {
		err = storage.ErrDisabled
	}
	return id, err
}

// DenyAuthorization implements storage.SignInStore.
func (r *Repo) DenyAuthorization(ctx context.Context, id string, browser storage.Hash, now time.Time) (storage.Request, error) {
	return r.finishWithout(ctx, storage.EventAuthorizationDenied, id, browser, now)
}

// RefuseAuthorization implements storage.SignInStore.
func (r *Repo) RefuseAuthorization(ctx context.Context, id string, browser storage.Hash, now time.Time) (storage.Request, error) {
	return r.finishWithout(ctx, storage.EventSignInRefused, id, browser, now)
}

// finishWithout finishes a sign-in without a grant.
func (r *Repo) finishWithout(
	ctx context.Context, why storage.EventType, id string, browser storage.Hash, now time.Time,
) (storage.Request, error) {
	var a storage.Authorization
	err := r.write(ctx, "deny an authorization", func(ctx context.Context, q db.Querier) error {
		var err error
		if a, err = r.finish(ctx, q, id, browser, now); err != nil {
			return err
		}
		return record(ctx, q, storage.Event{Type: why, UserID: a.UserID, ClientID: a.Request.ClientID}, now)
	})
	return a.Request, err
}

// finish is the gate: one caller gets the row, all others learn why not.
func (r *Repo) finish(
	ctx context.Context, q db.Querier, id string, browser storage.Hash, now time.Time,
) (storage.Authorization, error) {
	row, err := q.FinishAuthorization(ctx, sqlitedb.FinishAuthorizationParams{
		Now: unix(now), ID: id, BrowserHash: string(browser),
	})
	if r.db.Classify(err) == db.NoRows {
		row, err = q.GetAuthorization(ctx, sqlitedb.GetAuthorizationParams{ID: id, Now: unix(now)})
		if err == nil && row.FinishedAt != nil && row.BrowserHash == string(browser) {
			return storage.Authorization{}, storage.ErrSpent
		}
		if err == nil {
			return storage.Authorization{}, storage.ErrNotFound
		}
	}
	if err != nil {
		return storage.Authorization{}, err
	}
	return r.authorizationOf(row)
}

// createGrant stores the approved grant with its code.
func (r *Repo) createGrant(
	ctx context.Context, q db.Querier, req storage.Request, c storage.Completion, userID string, now int64,
) error {
	token, keyID, err := r.sealOptional(providerTokenPlace(c.GrantID), c.ProviderToken)
	if err != nil {
		return err
	}
	err = q.CreateGrant(ctx, sqlitedb.CreateGrantParams{
		ID: c.GrantID, UserID: userID, ClientID: req.ClientID, Scope: req.Scope, Resource: req.Resource,
		ProviderToken: token, ProviderTokenKeyID: keyID, ProviderCheckedAt: now, CreatedAt: now, LastUsedAt: now,
	})
	if err != nil {
		return err
	}
	return q.CreateCode(ctx, sqlitedb.CreateCodeParams{
		CodeHash: string(c.Code), GrantID: c.GrantID, RedirectURI: req.RedirectURI, CodeChallenge: req.CodeChallenge,
		CreatedAt: now, ExpiresAt: unix(c.CodeExpiresAt),
	})
}
