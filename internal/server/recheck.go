package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// recheckWait is how long a refresh waits for the provider, whoever asks it:
	// clients wait for tokens five seconds or so.
	recheckWait = 4 * time.Second
	// recheckPoll is how often a refresh looks what came of another one's question.
	recheckPoll = 100 * time.Millisecond
)

// recheck makes sure that the person of a grant may still sign in: the provider is
// asked again, once for all refreshes at the same time, in whatever replica. Only a
// definite no ends the session. While there is no answer it goes on until the last
// confirmation is older than the grace period; after that the refresh has to be
// repeated, and nothing is lost. A token that was used before asks nobody: it brings
// nothing new, or the end of the grant.
func (s *Server) recheck(r *http.Request, token storage.Hash, g storage.Grant, user storage.User) error {
	if g.Spent || s.Upstream == nil && user.Issuer == identity.LocalIssuer {
		return nil
	}
	if s.Upstream == nil || user.Issuer != s.Upstream.Issuer() || g.Provider.Token == nil {
		return s.endOtherProvider(r, g, user)
	}
	ctx, cancel := context.WithTimeout(r.Context(), recheckWait)
	defer cancel()
	first, began := g.Provider, s.Now()
	for !askedSince(first, g.Provider) && !s.Now().Before(g.Provider.RetryAt) {
		if !g.Provider.CheckUnderWay(s.Now()) {
			answered, err := s.startCheck(r, g, user)
			if err == nil {
				return s.await(ctx, answered, g.Provider, began)
			}
			if !errors.Is(err, storage.ErrSpent) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return s.tolerate(g.Provider, began, ctx.Err())
		case <-time.After(recheckPoll):
		}
		var err error
		if g, _, err = s.Store.RefreshGrant(r.Context(), token, g.ClientID, s.Now()); err != nil {
			return grantError(err)
		}
		if g.Spent {
			return nil
		}
	}
	return s.tolerate(g.Provider, began, nil)
}

// askedSince says whether the provider was asked since the first look: a check that
// was not there or under way then has finished, or there was another sign-in.
func askedSince(first, now storage.ProviderState) bool {
	finished := now.CheckUntil.IsZero() && (now.CheckID != first.CheckID || !first.CheckUntil.IsZero())
	return finished || now.GrantID != first.GrantID
}

// await waits for the answer to a question of this refresh's own.
func (s *Server) await(ctx context.Context, answered <-chan error, p storage.ProviderState, began time.Time) error {
	var err error
	select {
	case err = <-answered:
	case <-ctx.Done():
		err = &identity.UnavailableError{Reason: "no answer yet", Cause: ctx.Err()}
	}
	if errors.Is(err, identity.ErrUnavailable) || errors.Is(err, identity.ErrMisconfigured) {
		return s.tolerate(p, began, err)
	}
	return err
}

// tolerate lets a refresh go on that got no answer of its own: if the provider has
// confirmed the person since it began, or not too long ago.
func (s *Server) tolerate(p storage.ProviderState, began time.Time, cause error) error {
	now := s.Now()
	if !p.CheckedAt.Before(began.Truncate(time.Second)) || now.Sub(p.CheckedAt) < s.Lifetimes.ProviderGrace {
		return nil
	}
	unconfirmed := &identity.UnavailableError{
		Reason:     "the person was not confirmed for longer than the grace period",
		RetryAfter: max(0, p.RetryAt.Sub(now)), Cause: cause,
	}
	var unavailable *identity.UnavailableError
	if errors.As(cause, &unavailable) {
		unconfirmed.RetryAfter = unavailable.RetryAfter
	}
	return unconfirmed
}

// endOtherProvider ends the session of somebody whom the configured provider does
// not know: who signs people in was changed.
func (s *Server) endOtherProvider(r *http.Request, g storage.Grant, user storage.User) error {
	const reason = "signed in by another provider than the configured one"
	s.log(r).Warn("person may no longer sign in: grant revoked",
		"event", "sign_in_refused", "user_id", user.ID, "grant_id", g.ID, "reason", reason)
	err := s.Store.RevokeGrant(because(r, reason), g.ID, s.Now())
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return errInvalidGrant
}
