package server

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// signIn answers a POST to the authorization endpoint: an authorization request
// sent that way (RFC 6749 §3.1), or the password form of the local provider.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	ar, err := s.parseAuthorization(r.Context(), withoutForm(form))
	if err != nil {
		return err
	}
	password := form.Get("password")
	if s.Upstream != nil || !form.Has("password") {
		return s.showFirstPage(w, r, ar, http.StatusOK, "")
	}
	b := s.browserOf(r)
	if err := s.checkCSRF(r, b, ar.subject(), form.Get("csrf")); err != nil {
		return err
	}
	user, err := s.checkPassword(r, password)
	var throttled *storage.ThrottledError
	switch {
	case errors.As(err, &throttled):
		wait := max(1, int(throttled.RetryAt.Sub(s.Now()).Seconds()))
		w.Header().Set("Retry-After", fmt.Sprint(wait))
		return s.showFirstPage(w, r, ar, http.StatusTooManyRequests,
			fmt.Sprintf("Too many attempts. Wait %d seconds and try again.", wait))
	case errors.Is(err, errWrongPassword):
		return s.showFirstPage(w, r, ar, http.StatusForbidden, "That is not the password. Try again.")
	case err != nil:
		return err
	}
	return s.askConsent(w, r, ar, b, user)
}

// withoutForm takes the form's own fields out of the parameters.
func withoutForm(form url.Values) url.Values {
	values := make(url.Values, len(form))
	for name, list := range form {
		if name != "password" && name != "csrf" {
			values[name] = list
		}
	}
	return values
}

var errWrongPassword = errors.New("wrong password")

// checkPassword verifies the password of the local provider's person.
func (s *Server) checkPassword(r *http.Request, password string) (storage.User, error) {
	person := personOf(identity.LocalPerson())
	user, hash, err := s.Store.TryPassword(r.Context(), person, s.Now())
	if err != nil {
		return storage.User{}, err
	}
	ok, err := identity.VerifyPassword(hash, password)
	if err != nil {
		return storage.User{}, fmt.Errorf("verify the password: %w", err)
	}
	if !ok {
		s.log(r).Warn("wrong password", "event", "sign_in_refused")
		event := storage.Event{Type: storage.EventSignInRefused, UserID: user.ID, Detail: "wrong password"}
		return storage.User{}, cmp.Or(s.Store.RecordEvent(r.Context(), event, s.Now()), errWrongPassword)
	}
	return user, s.Store.PasswordAccepted(r.Context(), user.ID)
}

// askConsent keeps the sign-in, bound to the browser, and goes on to consent.
func (s *Server) askConsent(w http.ResponseWriter, r *http.Request, ar authorization, b browser, user storage.User) error {
	a := s.newAuthorization(ar.request, b)
	a.UserID = user.ID
	if err := s.Store.StartAuthorization(r.Context(), a); err != nil {
		return err
	}
	http.Redirect(w, r, "/consent?id="+url.QueryEscape(a.ID), http.StatusSeeOther)
	return nil
}

func (s *Server) newAuthorization(req storage.Request, b browser) storage.Authorization {
	now := s.Now().Truncate(time.Second)
	return storage.Authorization{
		ID: oauth.NewID("az"), Browser: b.hash(), Request: req,
		CreatedAt: now, ExpiresAt: now.Add(authorizationLifetime),
	}
}

// personOf maps a provider's person to the one that is kept.
func personOf(p identity.Person) storage.Person {
	kept := storage.Person{Issuer: p.Issuer, Subject: p.Subject, Login: p.Login, Name: p.Name}
	if p.EmailVerified {
		kept.Email = p.Email
	}
	return kept
}
