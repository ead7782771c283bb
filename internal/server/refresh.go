package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// recheckWait bounds the question to the provider: clients wait for tokens
	// five seconds or so, and no answer is no reason to refuse.
	recheckWait = 4 * time.Second
	// A provider's token that another refresh is renewing is looked for again.
	renewalTries = 4
	renewalWait  = 250 * time.Millisecond
)

// refresh rotates a refresh token (RFC 6749 §6, RFC 9700 §4.14).
func (s *Server) refresh(
	r *http.Request, client storage.Client, params map[string]string, resource []string,
) (storage.Issued, error) {
	if params["refresh_token"] == "" {
		return storage.Issued{}, oauth.NewError(oauth.InvalidRequest, "refresh_token is missing")
	}
	if _, err := s.resource.Canonical(resource); err != nil {
		return storage.Issued{}, err
	}
	token := storage.HashOf(params["refresh_token"])
	grant, user, err := s.Store.RefreshGrant(r.Context(), token, client.ID, s.Now())
	if err != nil {
		return storage.Issued{}, grantError(err)
	}
	if err := s.recheck(r, token, grant, user); err != nil {
		return storage.Issued{}, err
	}
	next := s.newTokens()
	next.Scope = oauth.Narrow(grant.Scope, params["scope"])
	issued, err := s.Store.RotateRefreshToken(r.Context(), storage.RefreshRotation{
		Token: token, ClientID: client.ID, Grace: s.Lifetimes.Grace, Next: next,
	}, s.Now())
	if errors.Is(err, storage.ErrSpent) {
		s.log(r).Warn("refresh token used again after its time: grant revoked",
			"event", "refresh_reuse", "client_id", client.ID, "grant_id", grant.ID)
	}
	return issued, grantError(err)
}

// recheck asks whether the person may still sign in. Only a definite no ends the
// session: a provider that is down, slow or misconfigured says nothing.
func (s *Server) recheck(r *http.Request, token storage.Hash, g storage.Grant, user storage.User) error {
	err := s.askAgain(r, g, user)
	for range renewalTries {
		if !renewedElsewhere(err, g) {
			break
		}
		time.Sleep(renewalWait)
		again, _, lookUpErr := s.Store.RefreshGrant(r.Context(), token, g.ClientID, s.Now())
		if lookUpErr != nil {
			return grantError(lookUpErr)
		}
		g = again
		err = s.askAgain(r, g, user)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, identity.ErrRefused):
		s.log(r).Warn("person may no longer sign in: grant revoked",
			"event", "sign_in_refused", "user_id", user.ID, "grant_id", g.ID, "reason", err.Error())
		if err := s.Store.RevokeGrant(because(r, reasonOf(err)), g.ID, s.Now()); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		return errInvalidGrant
	case errors.Is(err, identity.ErrUnavailable), errors.Is(err, identity.ErrMisconfigured):
		s.log(r).Warn("could not ask the sign-in provider again", "error", err, "grant_id", g.ID)
		return nil
	}
	return err
}

// reasonOf is why somebody was refused, without the account's name, which is
// kept sealed.
func reasonOf(err error) string {
	var refusal *identity.RefusedError
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}

// renewedElsewhere says whether a refusal may only mean that another refresh is
// renewing the provider's token just now: such tokens are good for one renewal.
func renewedElsewhere(err error, g storage.Grant) bool {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) || refusal.Login != "" || g.ProviderToken == nil {
		return false // it is the person who was refused
	}
	token, err := identity.DecodeToken(g.ProviderToken)
	return err == nil && token.RefreshToken != ""
}

// askAgain asks provider and policy about the person of a grant.
func (s *Server) askAgain(r *http.Request, g storage.Grant, user storage.User) error {
	if s.Upstream == nil {
		if user.Issuer != identity.LocalIssuer {
			return errOtherProvider
		}
		return nil
	}
	if user.Issuer != s.Upstream.Issuer() || g.ProviderToken == nil {
		return errOtherProvider
	}
	token, err := identity.DecodeToken(g.ProviderToken)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), recheckWait)
	defer cancel()
	person, fresh, err := s.Upstream.Recheck(ctx, token)
	if err != nil {
		// The token may have been renewed before the check failed.
		return errors.Join(err, s.keepToken(r, g, user.Person, token, fresh))
	}
	if person.Subject != user.Subject {
		return &identity.RefusedError{Reason: "the provider's token belongs to another account"}
	}
	if err := s.Policy.Check(person); err != nil {
		return err
	}
	return s.keepToken(r, g, personOf(person), identity.Token{}, fresh)
}

// keepToken keeps what the provider said and gave now, unless the token is
// still the one before.
func (s *Server) keepToken(r *http.Request, g storage.Grant, p storage.Person, before, now identity.Token) error {
	if now == before || now == (identity.Token{}) {
		return nil
	}
	sealable, err := identity.EncodeToken(now)
	if err != nil {
		return err
	}
	// Also for a client that hung up: the provider has renewed the token, and the
	// one before is worth nothing.
	err = s.Store.ProviderChecked(context.WithoutCancel(r.Context()), g.ProviderGrantID, p, sealable, s.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return nil // that grant was revoked meanwhile; this one decides for itself
	}
	return err
}

// errOtherProvider ends sessions of people whom the configured provider does
// not know: who signs people in was changed.
var errOtherProvider = &identity.RefusedError{Reason: "signed in by another provider than the configured one"}
