package adopt

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// waitFor is how long a request waits for the provider, whichever replica asks it:
	// clients wait five seconds or so.
	waitFor = 4 * time.Second
	// pollEvery is how often a request looks for the result of another one's attempt.
	pollEvery = 100 * time.Millisecond
)

// ErrRefused means that a token of FastMCP is not taken over.
var ErrRefused = errors.New("the token of FastMCP is not accepted")

// Store keeps sessions. It is the part of storage.Store that this package uses; the
// promises are written there.
type Store interface {
	storage.AdoptionStore
	Client(ctx context.Context, id string) (storage.Client, error)
	RefreshGrant(ctx context.Context, token storage.Hash, clientID string, now time.Time) (storage.Grant, storage.User, error)
	RecordEvent(ctx context.Context, e storage.Event, now time.Time) error
}

// Config is what an adopter is made of. All of it is required.
type Config struct {
	Store    Store
	Verifier *fastmcp.Verifier
	Provider identity.Provider
	Policy   identity.Policy
	Scope    string // of the grants
	Resource string
	// Grace is how long after the first attempt a refusal may only mean that an earlier
	// attempt has used up the provider's token.
	Grace time.Duration
	// LegacyUntil is until when refresh tokens of FastMCP 2.13.0 and 2.13.1 are taken, which
	// have no row of their own; zero for never.
	LegacyUntil time.Time
	Logger      *slog.Logger
	Now         func() time.Time
}

// Adopter takes over sessions.
type Adopter struct {
	Config
	background sync.WaitGroup
	invented   intake // tokens that anyone can make up
}

// New returns an adopter.
func New(cfg Config) *Adopter { return &Adopter{Config: cfg} }

// Recognizes reports whether a token may be one of FastMCP, by its form alone. A nil adopter
// recognizes none.
func (a *Adopter) Recognizes(token string) bool { return a != nil && fastmcp.IsToken(token) }

// Check verifies an access token's claims, without the database. The error is ErrRefused.
func (a *Adopter) Check(ctx context.Context, token string) error {
	if _, err := a.Verifier.Verify(token, false, a.Now()); err != nil {
		return a.refuse(ctx, storage.ForeignToken{}, err)
	}
	return nil
}

// AccessToken makes an access token of FastMCP one that the store knows. Errors are
// ErrRefused, identity.ErrUnavailable and identity.ErrMisconfigured, or those of the store.
func (a *Adopter) AccessToken(ctx context.Context, token string) error {
	return a.adopt(ctx, token, false, "")
}

// RefreshToken is AccessToken for a refresh token that a client presents.
func (a *Adopter) RefreshToken(ctx context.Context, token, clientID string) error {
	return a.adopt(ctx, token, true, clientID)
}

func (a *Adopter) adopt(ctx context.Context, token string, refresh bool, clientID string) error {
	t, err := a.verify(token, refresh)
	if err == nil && refresh && t.ClientID != clientID {
		err = errOtherClient
	}
	if err != nil {
		return a.refuse(ctx, t, err)
	}
	if err = a.knows(ctx, t.ClientID); err == nil {
		err = a.settle(ctx, t)
	}
	if errors.Is(err, storage.ErrNotFound) && refresh && a.wasAdopted(ctx, t) {
		return nil
	}
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnreadable) {
		return a.refuse(ctx, t, err)
	}
	return err
}

// wasAdopted reports whether a refresh token is one of ours: another request may have taken
// it over and rotated it meanwhile, which ends it at FastMCP.
func (a *Adopter) wasAdopted(ctx context.Context, t storage.ForeignToken) bool {
	_, _, err := a.Store.RefreshGrant(ctx, t.Hash, t.ClientID, a.Now())
	return err == nil
}

// verify verifies a token's claims.
func (a *Adopter) verify(token string, refresh bool) (storage.ForeignToken, error) {
	claims, err := a.Verifier.Verify(token, refresh, a.Now())
	if err != nil {
		return storage.ForeignToken{}, err
	}
	return storage.ForeignToken{
		Hash: storage.HashOf(token), ID: claims.ID, ClientID: claims.ClientID, Refresh: claims.Refresh,
		IssuedAt: claims.IssuedAt, ExpiresAt: claims.ExpiresAt, Legacy: claims.Refresh && a.Now().Before(a.LegacyUntil),
	}, nil
}

// Revoke ends a token of FastMCP that a client revokes, whether it was taken over or not. Like
// one that is unknown, a token that is not valid is no error (RFC 7009 §2.2).
func (a *Adopter) Revoke(ctx context.Context, token, clientID string) error {
	t, err := a.verify(token, true)
	if err != nil {
		if t, err = a.verify(token, false); err != nil {
			return nil //nolint:nilerr // there is nothing to revoke
		}
	}
	if t.ClientID != clientID {
		return nil
	}
	err = a.Store.RevokeForeignToken(ctx, t, a.Now())
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnreadable) {
		return nil
	}
	return err
}

var errOtherClient = errors.New("it is for another client")

// knows returns an error for a client that is not registered: an operator may have deleted
// it before its sessions were taken over. One whose document cannot be fetched is known.
func (a *Adopter) knows(ctx context.Context, clientID string) error {
	_, err := a.Store.Client(ctx, clientID)
	if errors.Is(err, storage.ErrDocument) {
		return nil
	}
	return err
}

// settle adopts a token whose claims are verified: with a question to the provider for the
// first one of a session. Other requests wait for that one's answer.
func (a *Adopter) settle(ctx context.Context, t storage.ForeignToken) error {
	ctx, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	for {
		s, err := a.Store.ForeignSession(ctx, t, a.Now())
		if err != nil {
			return err
		}
		if s.Adopted {
			return nil
		}
		if s.GrantID != "" {
			return a.Store.AdoptToken(ctx, t, a.Now())
		}
		if err := a.tooEarly(s); err != nil {
			return err
		}
		if !storage.Ahead(s.CheckUntil, a.Now(), storage.LongestLease) {
			k, err := a.start(ctx, t, s)
			if err == nil {
				return await(ctx, k)
			}
			if !errors.Is(err, storage.ErrSpent) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return noResponse(ctx)
		case <-time.After(pollEvery):
			storage.Excuse(ctx, pollEvery)
		}
	}
}

// tooEarly returns the result of the last attempt while the next one may not be made.
func (a *Adopter) tooEarly(s storage.ForeignSession) error {
	switch now := a.Now(); {
	case !storage.Ahead(s.RetryAt, now, storage.LongestRest):
		return nil
	case !s.RefusedAt.IsZero():
		return ErrRefused
	default:
		return &identity.UnavailableError{Reason: "it did not answer a moment ago", RetryAfter: s.RetryAt.Sub(now)}
	}
}

// await waits for the result of an attempt: for the provider, whose time is its own, and then
// for the database to store it.
func await(ctx context.Context, k *attempt) error {
	asked := time.Now()
	select {
	case <-k.answered:
	case <-ctx.Done():
	}
	storage.Excuse(ctx, time.Since(asked))
	ctx, cancel := storage.Step(ctx)
	defer cancel()
	select {
	case err := <-k.done:
		return err
	case <-ctx.Done():
		return noResponse(ctx)
	}
}

func noResponse(ctx context.Context) error {
	return &identity.UnavailableError{Reason: "no response yet", Cause: ctx.Err()}
}

// Wait waits until the attempts that no request waits for have finished too, or the context
// ends.
func (a *Adopter) Wait(ctx context.Context) {
	if a == nil {
		return
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		a.background.Wait()
	}()
	select {
	case <-finished:
	case <-ctx.Done():
	}
}
