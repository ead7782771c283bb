package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// extendEvery is how much longer a session has to last for its row to be written.
const extendEvery = time.Minute

// OpenBrowserSession implements storage.BrowserSessionStore.
func (r *Repo) OpenBrowserSession(ctx context.Context, s storage.NewBrowserSession, now time.Time) (bool, error) {
	var spare bool
	var refusal error
	err := r.db.Write(ctx, "open a browser session", func(ctx context.Context, q db.Querier) error {
		refusal = nil
		userID, err := r.signIn(ctx, q, s.UserID, s.Person, unix(now))
		event := storage.Event{Type: storage.EventSessionOpened, UserID: userID}
		if errors.Is(err, storage.ErrDisabled) {
			refusal = err
			event.Type, event.Detail, event.Account = storage.EventSignInRefused, err.Error(), storage.AccountOf(s.Person)
			return r.recordLimited(ctx, q, event, now)
		}
		if err != nil {
			return err
		}
		err = q.CreateBrowserSession(ctx, sqlitedb.CreateBrowserSessionParams{
			SessionHash: string(s.ID), UserID: userID, CreatedAt: unix(now), ExpiresAt: unix(now.Add(storage.BrowserSessionIdle)),
			AuthenticatedAt: optionalUnix(s.AuthenticatedAt),
		})
		if err != nil {
			return err
		}
		if spare, err = r.keepToken(ctx, q, userID, s.ProviderToken, now); err != nil {
			return err
		}
		if spare && s.KeepToken {
			spare = false
			if err := r.holdToken(ctx, q, userID, s.ProviderToken, unix(now)); err != nil {
				return err
			}
		}
		return sealed.Record(ctx, q, event, now)
	})
	if err == nil {
		err = refusal
	}
	return spare, err
}

// keepToken gives the user's grants a newer provider token, and reports whether there are
// none that have one. Grants that were taken over use FastMCP's.
func (r *Repo) keepToken(ctx context.Context, q db.Querier, userID string, token []byte, now time.Time) (spare bool, err error) {
	if token == nil {
		return false, nil
	}
	grant, err := q.GetProviderGrantOfUser(ctx, userID)
	if r.db.Classify(err) == db.NoRows {
		return true, nil
	}
	if err != nil || grant.UpstreamTokenID != nil {
		return false, err
	}
	value, err := r.db.Seal(providerTokenPlace(grant.ID), token)
	if err != nil {
		return false, err
	}
	n, err := q.ReplaceProviderToken(ctx, sqlitedb.ReplaceProviderTokenParams{
		ID: grant.ID, ProviderToken: value.Token, ProviderTokenKeyID: value.KeyID, Lease: newID("chk"), Now: unix(now),
	})
	return n == 0, err
}

// BrowserSession implements storage.BrowserSessionStore.
func (r *Repo) BrowserSession(ctx context.Context, id storage.Hash, now time.Time) (storage.BrowserSession, error) {
	var s storage.BrowserSession
	err := r.db.Read(ctx, "read a browser session", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetBrowserSession(ctx, sqlitedb.GetBrowserSessionParams{SessionHash: string(id), Now: unix(now)})
		if err != nil {
			return err
		}
		s = storage.BrowserSession{CreatedAt: at(row.CreatedAt), ExpiresAt: at(row.ExpiresAt), AuthenticatedAt: optionalAt(row.AuthenticatedAt)}
		s.User, err = r.user(row.UserID, row.Issuer, row.Subject, keyring.Sealed{KeyID: row.ProfileKeyID, Token: row.Profile})
		return err
	})
	if err != nil {
		return s, err
	}
	until := now.Add(storage.BrowserSessionIdle)
	if end := s.CreatedAt.Add(storage.BrowserSessionLife); until.After(end) {
		until = end
	}
	if until.Sub(s.ExpiresAt) < extendEvery {
		return s, nil
	}
	s.ExpiresAt = until
	return s, r.db.Write(ctx, "extend a browser session", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		_, err := q.ExtendBrowserSession(ctx, sqlitedb.ExtendBrowserSessionParams{
			ExpiresAt: unix(until), SessionHash: string(id), Now: unix(now),
		})
		return err
	})
}

// CloseBrowserSession implements storage.BrowserSessionStore.
func (r *Repo) CloseBrowserSession(ctx context.Context, id storage.Hash, now time.Time) error {
	return r.db.Write(ctx, "close a browser session", func(ctx context.Context, q db.Querier) error {
		userID, err := q.DeleteBrowserSession(ctx, string(id))
		if r.db.Classify(err) == db.NoRows {
			sealed.Repeatable(ctx)
			return nil
		}
		if err != nil {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{Type: storage.EventSessionClosed, UserID: userID}, now)
	})
}
