package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// AskAboutSignIn implements storage.SignInStore.
func (r *Repo) AskAboutSignIn(ctx context.Context, id string, browser storage.Hash, until, now time.Time) error {
	return r.changeRequest(ctx, id, browser, now, func(req *storage.Request) error {
		if req.Answer != nil || req.AskedUntil > unix(now) {
			return storage.ErrSpent
		}
		req.AskedUntil = unix(until)
		return nil
	})
}

// KeepAnswer implements storage.SignInStore.
func (r *Repo) KeepAnswer(ctx context.Context, id string, browser storage.Hash, answer *storage.SignInAnswer, now time.Time) error {
	return r.changeRequest(ctx, id, browser, now, func(req *storage.Request) error {
		if req.Answer != nil {
			return storage.ErrSpent
		}
		req.AskedUntil, req.Answer = 0, answer
		return nil
	})
}

// changeRequest changes the encrypted part of a sign-in in progress. If the row changes in
// the meantime, for example because keys are rotated, it reads the row again.
func (r *Repo) changeRequest(
	ctx context.Context, id string, browser storage.Hash, now time.Time, change func(*storage.Request) error,
) error {
	for {
		err := r.db.Write(ctx, "change an authorization", func(ctx context.Context, q db.Querier) error {
			row, err := q.GetAuthorization(ctx, sqlitedb.GetAuthorizationParams{ID: id, Now: unix(now)})
			switch {
			case err != nil:
				return err
			case row.BrowserHash != string(browser):
				return storage.ErrNotFound
			case row.FinishedAt != nil:
				return storage.ErrSpent
			}
			return r.replaceRequest(ctx, q, row, change)
		})
		if !errors.Is(err, storage.ErrChanged) {
			return err
		}
	}
}

// replaceRequest returns ErrChanged if the row has changed since it was read.
func (r *Repo) replaceRequest(
	ctx context.Context, q db.Querier, row sqlitedb.Authorization, change func(*storage.Request) error,
) error {
	a, err := r.authorizationOf(row)
	if err != nil {
		return err
	}
	if err := change(&a.Request); err != nil {
		return err
	}
	value, err := r.db.SealJSON(requestPlace(row.ID), a.Request)
	if err != nil {
		return err
	}
	changed, err := q.ChangeAuthorization(ctx, sqlitedb.ChangeAuthorizationParams{
		Request: value.Token, RequestKeyID: value.KeyID, ID: row.ID, OldRequest: row.Request,
	})
	if err == nil && changed == 0 {
		return storage.ErrChanged
	}
	return err
}

// withoutAnswer removes the provider's answer from a sign-in that is being finished: its
// token belongs to the grant. It also removes the note that one was requested, because
// another sign-in may start from the same request.
func (r *Repo) withoutAnswer(ctx context.Context, q db.Querier, row sqlitedb.Authorization, a *storage.Authorization) error {
	a.Request.AskedUntil = 0
	if a.Request.Answer == nil {
		return nil
	}
	a.Request.Answer = nil
	return r.replaceRequest(ctx, q, row, func(req *storage.Request) error {
		req.Answer = nil
		return nil
	})
}
