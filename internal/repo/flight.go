package repo

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ForeignRequest implements storage.FlightStore.
func (r *Repo) ForeignRequest(ctx context.Context, id string, now time.Time) (storage.ForeignRequest, error) {
	var t fastmcp.Transaction
	err := r.readShared(ctx, fastmcp.TransactionCollection, id, now, func(plaintext []byte) (err error) {
		t, err = fastmcp.DecodeTransaction(plaintext, id)
		return err
	})
	return storage.ForeignRequest{
		ID: t.ID, ClientID: t.ClientID, RedirectURI: t.RedirectURI, State: t.State, CodeChallenge: t.CodeChallenge,
		CodeChallengeMethod: t.CodeChallengeMethod, Scope: strings.Join(t.Scopes, " "), Resource: t.Resource, Verifier: t.Verifier,
		CreatedAt: t.CreatedAt,
	}, err
}

// ForeignCode implements storage.FlightStore.
func (r *Repo) ForeignCode(ctx context.Context, code string, now time.Time) (storage.ForeignCode, error) {
	var c fastmcp.Code
	err := r.readShared(ctx, fastmcp.CodeCollection, code, now, func(plaintext []byte) (err error) {
		c, err = fastmcp.DecodeCode(plaintext, code)
		return err
	})
	return storage.ForeignCode{
		Code: c.Code, ClientID: c.ClientID, RedirectURI: c.RedirectURI, CodeChallenge: c.CodeChallenge,
		CodeChallengeMethod: c.CodeChallengeMethod, ExpiresAt: c.ExpiresAt, Upstream: storage.UpstreamTokens(c.Upstream),
	}, err
}

// readShared reads a row of FastMCP. One that is not what it should be cannot be read.
func (r *Repo) readShared(ctx context.Context, collection, key string, now time.Time, decode func(plaintext []byte) error) error {
	return r.db.Read(ctx, "read a row of FastMCP", func(ctx context.Context, q db.Querier) error {
		plaintext, err := r.sharedRow(ctx, q, collection, key, now)
		if err == nil && decode(plaintext) != nil {
			err = unreadableRow(collection, key)
		}
		return err
	})
}

// AdoptCode implements storage.FlightStore. Only the caller that takes FastMCP's row away
// continues, so that row comes before the user and the grant; no other step locks it after these.
func (r *Repo) AdoptCode(ctx context.Context, c storage.CodeAdoption, now time.Time) error {
	var refusal error
	err := r.db.Write(ctx, "adopt a code", func(ctx context.Context, q db.Querier) error {
		refusal = nil
		event := storage.Event{Type: storage.EventGrantAdopted, ClientID: c.Code.ClientID, GrantID: c.GrantID, Detail: c.Scope}
		err := lockClient(ctx, q, c.Code.ClientID, nil)
		if err == nil {
			err = r.shared(q).take(ctx, fastmcp.CodeCollection, c.Code.Code)
		}
		if err == nil {
			event.UserID, err = r.makeGrantOfCode(ctx, q, c, unix(now))
		}
		if errors.Is(err, storage.ErrDisabled) {
			refusal = err
			event.Type, event.GrantID, event.Detail = storage.EventAdoptionRefused, "", err.Error()
		} else if err != nil {
			return err
		}
		return sealed.Record(ctx, q, event, now)
	})
	if err == nil {
		err = refusal
	}
	return err
}

// makeGrantOfCode stores the grant with its code, and returns the user's ID, also with
// ErrDisabled.
func (r *Repo) makeGrantOfCode(ctx context.Context, q db.Querier, c storage.CodeAdoption, now int64) (string, error) {
	userID, err := r.signIn(ctx, q, "", c.Person, now)
	if err != nil {
		return userID, err
	}
	if err := forgetProviderTokens(ctx, q, userID, c.Person); err != nil {
		return userID, err
	}
	return userID, r.createGrant(ctx, q, storage.Request{
		ClientID: c.Code.ClientID, RedirectURI: c.RedirectURI, Scope: c.Scope, Resource: c.Resource, CodeChallenge: c.Code.CodeChallenge,
	}, storage.Completion{
		GrantID: c.GrantID, ProviderToken: c.ProviderToken, Code: storage.HashOf(c.Code.Code), CodeExpiresAt: c.ExpiresAt,
	}, userID, now)
}

// endTransaction deletes FastMCP's transaction of a sign-in that ends here.
func (r *Repo) endTransaction(ctx context.Context, q db.Querier, req storage.Request) error {
	if req.Transaction == "" {
		return nil
	}
	return r.shared(q).delete(ctx, fastmcp.TransactionCollection, req.Transaction)
}
