package repo

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func requestPlace(id string) sealed.Place {
	return sealed.Place{Table: "mcpkeep_authorizations", Column: "request", Row: id}
}

// StartAuthorization implements storage.SignInStore.
func (r *Repo) StartAuthorization(ctx context.Context, a storage.Authorization) error {
	if a.UserID == "" { // anyone can start one
		defer r.vacuum(ctx, vacuumAfter)
		err := r.signIns.take(ctx, a.CreatedAt, func(ctx context.Context) (int64, error) {
			return r.roomForSignIns(ctx, a.ExpiresAt)
		})
		if err != nil {
			return err
		}
	}
	return r.RestoreAuthorization(ctx, a)
}

// RestoreAuthorization implements storage.SignInStore.
func (r *Repo) RestoreAuthorization(ctx context.Context, a storage.Authorization) error {
	value, err := r.db.SealJSON(requestPlace(a.ID), a.Request)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, "start an authorization", func(ctx context.Context, q db.Querier) error {
		_, err := q.EndOlderSignIns(ctx, sqlitedb.EndOlderSignInsParams{
			BrowserHash: string(a.Browser), Kept: maxSignInsBrowser - 1, MaxRows: evictMost,
		})
		if err != nil {
			return err
		}
		row := func(ctx context.Context, q db.Querier) error {
			return q.CreateAuthorization(ctx, sqlitedb.CreateAuthorizationParams{
				ID: a.ID, ClientID: a.Request.ClientID, BrowserHash: string(a.Browser), StateHash: db.Nullable(string(a.StateHash)),
				Request: value.Token, RequestKeyID: value.KeyID, UserID: db.Nullable(a.UserID),
				CreatedAt: unix(a.CreatedAt), ExpiresAt: unix(a.ExpiresAt),
			})
		}
		sealed.Leave(ctx, row)
		return row(ctx, q)
	})
}

// Authorization implements storage.SignInStore.
func (r *Repo) Authorization(ctx context.Context, id string, now time.Time) (storage.Authorization, error) {
	return r.authorization(ctx, func(ctx context.Context, q db.Querier) (sqlitedb.Authorization, error) {
		return q.GetAuthorization(ctx, sqlitedb.GetAuthorizationParams{ID: id, Now: unix(now)})
	})
}

// AuthorizationByState implements storage.SignInStore.
func (r *Repo) AuthorizationByState(ctx context.Context, state storage.Hash, now time.Time) (storage.Authorization, error) {
	return r.authorization(ctx, func(ctx context.Context, q db.Querier) (sqlitedb.Authorization, error) {
		return q.GetAuthorizationByState(ctx, sqlitedb.GetAuthorizationByStateParams{StateHash: string(state), Now: unix(now)})
	})
}

func (r *Repo) authorization(
	ctx context.Context, get func(context.Context, db.Querier) (sqlitedb.Authorization, error),
) (storage.Authorization, error) {
	var a storage.Authorization
	err := r.db.Read(ctx, "read an authorization", func(ctx context.Context, q db.Querier) error {
		row, err := get(ctx, q)
		if err != nil {
			return err
		}
		a, err = r.authorizationOf(row)
		return err
	})
	return a, err
}

func (r *Repo) authorizationOf(row sqlitedb.Authorization) (storage.Authorization, error) {
	a := storage.Authorization{
		ID: row.ID, Browser: storage.Hash(row.BrowserHash), StateHash: storage.Hash(db.Text(row.StateHash)),
		UserID: db.Text(row.UserID), CreatedAt: at(row.CreatedAt), ExpiresAt: at(row.ExpiresAt),
		Finished: row.FinishedAt != nil,
	}
	value := keyring.Sealed{KeyID: row.RequestKeyID, Token: row.Request}
	return a, r.db.OpenJSON(requestPlace(row.ID), value, &a.Request)
}

// FinishAuthorization implements storage.SignInStore.
func (r *Repo) FinishAuthorization(ctx context.Context, c storage.Completion, now time.Time) (storage.Request, error) {
	var a storage.Authorization
	var refusal error
	readopted, err := r.readoptionOf(c.Client)
	if err != nil {
		return storage.Request{}, err
	}
	err = r.db.Write(ctx, "finish an authorization", func(ctx context.Context, q db.Querier) error {
		var err error
		refusal = nil
		if a, err = r.finish(ctx, q, c.AuthorizationID, c.Browser, now); err != nil {
			return err
		}
		event := storage.Event{Type: storage.EventGrantCreated, ClientID: a.Request.ClientID, GrantID: c.GrantID, Detail: a.Request.Scope}
		if err := lockClient(ctx, q, a.Request.ClientID, readopted); err != nil {
			return err
		}
		if err := r.checkApproved(ctx, q, a.Request.ClientID, c); err != nil {
			return err
		}
		if event.UserID, err = r.signIn(ctx, q, a.UserID, c.Person, unix(now)); errors.Is(err, storage.ErrDisabled) {
			refusal = err
			event.Type, event.GrantID, event.Detail = storage.EventSignInRefused, "", err.Error()
			event.Account = storage.AccountOf(c.Person)
			return r.recordLimited(ctx, q, event, now)
		}
		if err != nil {
			return err
		}
		if err := r.readopt(ctx, q, readopted, event.UserID, now); err != nil {
			return err
		}
		if err := recordFurther(ctx, q, a.Request, c, event.UserID, now); err != nil {
			return err
		}
		if c.ProviderToken != nil {
			if err := forgetProviderTokens(ctx, q, event.UserID, c.Person); err != nil {
				return err
			}
		}
		if err := r.createGrant(ctx, q, a.Request, c, event.UserID, unix(now)); err != nil {
			return err
		}
		if err := r.endTransaction(ctx, q, a.Request); err != nil {
			return err
		}
		return sealed.Record(ctx, q, event, now)
	})
	if err == nil {
		err = refusal
	}
	return a.Request, err
}

// lockClient locks the row of a client that a user approves, or its documents, and the
// count if approval registers the client again. It returns ErrNoClient if there is nothing
// to lock: the client was deleted, with all its grants.
func lockClient(ctx context.Context, q db.Querier, id string, readopted *readoption) error {
	if readopted != nil && readopted.client.Origin != storage.OriginUnread {
		if _, err := q.LockClientCount(ctx); err != nil {
			return err
		}
	}
	n, err := q.LockClient(ctx, fastmcp.ClientKey(id))
	if err == nil && n == 0 {
		n, err = q.LockClientDocuments(ctx, id)
	}
	if err == nil && n == 0 && readopted == nil {
		err = storage.ErrNoClient
	}
	return err
}

// checkApproved compares the metadata of a client's row, which is locked, with those that
// were approved. A further redirect URI needs a readopted client.
func (r *Repo) checkApproved(ctx context.Context, q db.Querier, id string, c storage.Completion) error {
	if c.Approved == nil && !c.Further {
		return nil
	}
	row, err := q.GetClient(ctx, fastmcp.ClientKey(id))
	if r.db.Classify(err) == db.NoRows {
		return storage.ErrChanged
	}
	if err != nil {
		return err
	}
	is, err := r.clientOf(row)
	if err == nil && (c.Further && !is.Readopted() || c.Approved != nil && !reflect.DeepEqual(is.Client, *c.Approved)) {
		err = storage.ErrChanged
	}
	return err
}

// signIn records a sign-in of a user, known by ID or described by the provider, and returns
// the user's ID. For a disabled user it returns the ID with ErrDisabled.
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
	return r.finishWithout(ctx, storage.Event{Type: storage.EventAuthorizationDenied}, id, browser, now)
}

// RefuseAuthorization implements storage.SignInStore.
func (r *Repo) RefuseAuthorization(
	ctx context.Context, id string, browser storage.Hash, who storage.Person, now time.Time,
) (storage.Request, error) {
	return r.finishWithout(ctx, storage.Event{Type: storage.EventSignInRefused, Account: storage.AccountOf(who)}, id, browser, now)
}

// finishWithout finishes a sign-in without a grant.
func (r *Repo) finishWithout(
	ctx context.Context, why storage.Event, id string, browser storage.Hash, now time.Time,
) (storage.Request, error) {
	var a storage.Authorization
	err := r.db.Write(ctx, "deny an authorization", func(ctx context.Context, q db.Querier) error {
		var err error
		if a, err = r.finish(ctx, q, id, browser, now); err != nil {
			return err
		}
		if err := r.endTransaction(ctx, q, a.Request); err != nil {
			return err
		}
		why.UserID, why.ClientID = a.UserID, a.Request.ClientID
		return r.recordLimited(ctx, q, why, now)
	})
	return a.Request, err
}

// finish lets one caller take the row and tells all others why they cannot.
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
	a, err := r.authorizationOf(row)
	if err != nil {
		return a, err
	}
	err = r.withoutAnswer(ctx, q, row, &a)
	return a, err
}

// createGrant stores the approved grant with its code.
func (r *Repo) createGrant(
	ctx context.Context, q db.Querier, req storage.Request, c storage.Completion, userID string, now int64,
) error {
	token, keyID, err := r.db.SealOptional(providerTokenPlace(c.GrantID), c.ProviderToken)
	if err != nil {
		return err
	}
	err = q.CreateGrant(ctx, sqlitedb.CreateGrantParams{
		ID: c.GrantID, UserID: userID, ClientID: req.ClientID, Scope: req.Scope, Resource: req.Resource,
		RedirectURI: db.Nullable(anyPort(req.RedirectURI)), ProviderToken: token, ProviderTokenKeyID: keyID, ProviderCheckedAt: now, CreatedAt: now, LastUsedAt: now,
		ReviewAt: now + int64(pendingGrantLife.Seconds()),
	})
	if err != nil {
		return err
	}
	return q.CreateCode(ctx, sqlitedb.CreateCodeParams{
		CodeHash: string(c.Code), GrantID: c.GrantID, RedirectURI: req.RedirectURI, CodeChallenge: req.CodeChallenge,
		CreatedAt: now, ExpiresAt: unix(c.CodeExpiresAt),
	})
}
