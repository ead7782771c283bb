package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// signIn answers a POST to the authorization endpoint: an authorization request
// sent that way (RFC 6749 §3.1), or the password form of the local provider.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	noteNamed(w, form.Get("client_id"))
	ar, err := s.parseAuthorization(r.Context(), withoutForm(form))
	if err != nil {
		return err
	}
	noteAuthorization(w, ar)
	password := form.Get("password")
	if s.redirects() || !form.Has("password") {
		s.countAuthorization(ar, nil)
		return s.showFirstPage(w, r, ar, http.StatusOK, "")
	}
	b := s.browserOf(r)
	if err := s.checkCSRF(r, b, ar.subject(), form.Get("csrf")); err != nil {
		return err
	}
	user, err := s.checkPassword(r, password)
	if status, problem := s.passwordProblem(w, err); status != 0 {
		return s.showFirstPage(w, r, ar, status, problem)
	}
	if err != nil {
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

// passwordProblem returns what the form says when it is shown again after an attempt, with its
// status; 0 when there is nothing that another attempt would change.
func (s *Server) passwordProblem(w http.ResponseWriter, err error) (status int, text string) {
	var throttled *storage.ThrottledError
	switch {
	case errors.As(err, &throttled):
		wait := max(1, int(throttled.RetryAt.Sub(s.Now()).Seconds()))
		w.Header().Set("Retry-After", fmt.Sprint(wait))
		return http.StatusTooManyRequests, fmt.Sprintf("Too many attempts. Wait %d seconds and try again.", wait)
	case errors.Is(err, errWrongPassword):
		return http.StatusForbidden, "The password is incorrect. Try again."
	}
	return 0, ""
}

var errWrongPassword = errors.New("wrong password")

// checkPassword verifies the password of the local provider's person, even if the browser
// hangs up: an attempt that counts and is not verified would throttle the person.
func (s *Server) checkPassword(r *http.Request, password string) (user storage.User, err error) {
	defer func() { s.Metrics.SignIn(passwordOutcome(err)) }()
	ctx := context.WithoutCancel(r.Context())
	leave, err := s.bounds.password.enter()
	if err != nil {
		return storage.User{}, err // before the attempt counts
	}
	defer leave()
	person := recheck.Profile(identity.Local{}.Person())
	user, hash, err := s.Store.TryPassword(ctx, person, s.Now())
	if errors.Is(err, storage.ErrThrottled) {
		s.Logger.WarnContext(ctx, "too many attempts at the password", logging.Event, "sign_in_throttled")
		event := storage.Event{Type: storage.EventSignInThrottled, UserID: user.ID, Detail: "too many attempts at the password"}
		return storage.User{}, cmp.Or(s.Store.RecordEvent(ctx, event, s.Now()), err)
	}
	if err != nil {
		return storage.User{}, err
	}
	ok := false
	err = s.bounds.password.do(ctx, func() (err error) {
		ok, err = identity.VerifyPassword(hash, password)
		debug.FreeOSMemory() // or those of several attempts add up
		return err
	})
	if err != nil {
		return storage.User{}, fmt.Errorf("verify the password: %w", err)
	}
	if !ok {
		s.Logger.WarnContext(ctx, "wrong password", logging.Event, "sign_in_refused")
		event := storage.Event{Type: storage.EventSignInRefused, UserID: user.ID, Detail: "wrong password"}
		return storage.User{}, cmp.Or(s.Store.RecordEvent(ctx, event, s.Now()), errWrongPassword)
	}
	return user, s.Store.PasswordAccepted(ctx, user.ID)
}

// askConsent keeps the sign-in, bound to the browser, and continues to consent.
func (s *Server) askConsent(w http.ResponseWriter, r *http.Request, ar authorization, b browser, user storage.User) error {
	carried, err := s.carry(ar.client)
	if err != nil {
		return err
	}
	ar.request.Registration = carried
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
