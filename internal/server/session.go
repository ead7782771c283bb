package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// A session shows a user their own connections. It has no part in authorization: consent is
// asked as ever.
var sessionCookie = cookie{"__Host-mcpkeep-session", "mcpkeep_session"}

// setSession sets the cookie of a session; "" removes it.
func (s *Server) setSession(w http.ResponseWriter, secret browser) {
	age := storage.BrowserSessionLife
	if secret == "" {
		age = -time.Second
	}
	s.setCookie(w, sessionCookie, string(secret), "/", age)
}

// session returns the session of a request and the secret in its cookie, with
// storage.ErrNotFound if there is none. One of a user who is not on the lists any more ends.
func (s *Server) session(w http.ResponseWriter, r *http.Request) (storage.BrowserSession, browser, error) {
	secret := s.secretOf(r, sessionCookie)
	if secret == "" {
		return storage.BrowserSession{}, "", storage.ErrNotFound
	}
	session, err := s.Store.BrowserSession(r.Context(), secret.hash(), s.Now())
	if err != nil {
		return session, "", err
	}
	user := session.User
	if user.Issuer != s.Provider.Issuer() {
		return session, "", storage.ErrNotFound // of a provider that was replaced
	}
	if !s.redirects() { // the lists name accounts of providers
		return session, secret, nil
	}
	if err := s.Policy.Check(recheck.PersonOf(user.Person)); err != nil {
		s.Logger.WarnContext(r.Context(), "session ended: the user is refused", logging.Event, "session_closed", logging.UserID, user.ID)
		s.setSession(w, "")
		if gone := s.Store.CloseBrowserSession(r.Context(), secret.hash(), s.Now()); gone != nil {
			return session, "", gone
		}
		return session, "", refusedAtPage(err)
	}
	return session, secret, nil
}

// openSession begins the session of someone who has signed in at a page, in place of an
// earlier one, and reports whether no grant needs the provider's token.
func (s *Server) openSession(w http.ResponseWriter, r *http.Request, opened storage.NewBrowserSession) (spare bool, err error) {
	if earlier := s.secretOf(r, sessionCookie); earlier != "" {
		if err := s.Store.CloseBrowserSession(r.Context(), earlier.hash(), s.Now()); err != nil {
			return false, err
		}
	}
	secret := newBrowser()
	opened.ID = secret.hash()
	spare, err = s.Store.OpenBrowserSession(r.Context(), opened, s.Now())
	if errors.Is(err, storage.ErrDisabled) {
		return false, errDisabledAtPage
	}
	if err != nil {
		return false, err
	}
	s.setSession(w, secret)
	return spare, nil
}

var errDisabledAtPage = &pageError{
	status: http.StatusForbidden, title: "This account may not sign in",
	message: "The administrator of this server has disabled it.",
}

// refusedAtPage is the page for an account that the policy refuses.
func refusedAtPage(err error) error {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) {
		return err
	}
	return &pageError{
		status: http.StatusForbidden, title: "This account may not sign in", message: "Reason: " + refusal.Reason + ".",
		hint: "Ask the administrator of this server for access.", account: refusal.Login,
	}
}

// inSession shows a page to a user who has signed in, and leads others to where they can.
func (s *Server) inSession(h func(http.ResponseWriter, *http.Request, storage.BrowserSession, browser) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		session, secret, err := s.session(w, r)
		if errors.Is(err, storage.ErrNotFound) {
			leadTo(w, connectionsPath, http.StatusSeeOther)
			return nil
		}
		if err != nil {
			return err
		}
		return h(w, r, session, secret)
	}
}
