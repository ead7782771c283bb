package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// askForSession shows the sign-in of the pages.
func (s *Server) askForSession(w http.ResponseWriter, r *http.Request, e entry) error {
	b := s.ensureBrowser(w, r)
	page := pages.Entry{
		Status: e.status, Server: s.serverView(), Error: e.problem, Admin: e.next != "", Again: e.again,
		Form: pages.Form{Action: pageSignInPath, Hidden: []pages.Field{{Name: "csrf", Value: b.csrf(e.subject())}}},
	}
	if e.next != "" {
		page.Form.Hidden = append(page.Form.Hidden, pages.Field{Name: "next", Value: e.next})
	}
	if e.again {
		page.Form.Hidden = append(page.Form.Hidden, pages.Field{Name: "again", Value: "1"})
	}
	if p, ok := s.Provider.(identity.RedirectProvider); ok {
		page.Provider = p.Title()
		page.Form.FormActions = []string{p.FormAction()}
	} else {
		page.Username = identity.Local{}.Person().Login
	}
	return page.Write(w)
}

// signInAtPage takes the password, or sends the browser to the provider.
func (s *Server) signInAtPage(w http.ResponseWriter, r *http.Request) error {
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	b, e := s.browserOf(r), entry{next: form.Get("next"), again: form.Has("again")}
	if s.checkCSRF(r, b, e.subject(), form.Get("csrf")) != nil {
		return errForeignPageForm
	}
	if p, ok := s.Provider.(identity.RedirectProvider); ok {
		return s.leaveForProvider(w, r, p, b, e)
	}
	user, err := s.checkPassword(r, form.Get("password"))
	if e.status, e.problem = s.passwordProblem(w, err); e.status != 0 {
		return s.askForSession(w, r, e)
	}
	if err != nil {
		return err
	}
	if _, err := s.openSession(w, r, storage.NewBrowserSession{UserID: user.ID, AuthenticatedAt: s.Now()}); err != nil {
		return err
	}
	leadTo(w, afterSignIn(e.next), http.StatusSeeOther)
	return nil
}

// pageSignInCookie is that of a page's own sign-in, so that an app's does not replace it.
var pageSignInCookie = cookie{"__Secure-mcpkeep-page-signin", "mcpkeep_page_signin"}

// leaveForProvider sends the browser to the provider. Only the browser keeps the sign-in:
// nothing depends on it but this page, and so no stranger fills a table.
func (s *Server) leaveForProvider(w http.ResponseWriter, r *http.Request, p identity.RedirectProvider, b browser, e entry) error {
	a, target, err := s.newAtProvider(r, p, storage.Request{Next: e.next, Reauthenticate: e.again}, b, false)
	if err != nil {
		return err
	}
	carried, err := s.Store.CarryAuthorization(a)
	if err != nil {
		return err
	}
	s.setCookie(w, pageSignInCookie, carried, s.CallbackPath, authorizationLifetime)
	leadTo(w, target, http.StatusSeeOther)
	return nil
}

// pageSignIn returns the sign-in of a page with this state, if the browser keeps one.
func (s *Server) pageSignIn(r *http.Request, state string) (storage.Authorization, bool) {
	cookie, err := r.Cookie(s.named(pageSignInCookie))
	if err != nil || state == "" {
		return storage.Authorization{}, false
	}
	a, err := s.Store.CarriedAuthorization(storage.HashOf(state), cookie.Value, s.Now())
	return a, err == nil && a.Request.ClientID == ""
}

// finishAtPage takes the provider's answer for a page's sign-in.
func (s *Server) finishAtPage(
	w http.ResponseWriter, r *http.Request, p identity.RedirectProvider, a storage.Authorization, params map[string]string,
) error {
	if err := checkOwn(a, s.browserOf(r), nil); err != nil || a.Request.Provider != p.Issuer() {
		return errForeignPageForm
	}
	ctx := context.WithoutCancel(r.Context()) // the code is good once, also when the browser hangs up
	person, token, err := s.whoAtPage(ctx, p, a, params)
	s.Metrics.SignIn(providerOutcome(err))
	if err != nil {
		return s.refusedSignIn(r, person, err)
	}
	sealable, err := identity.EncodeToken(token)
	if err != nil {
		return err
	}
	profile := recheck.Profile(person)
	spare, err := s.openSession(w, r, storage.NewBrowserSession{
		Person: profile, ProviderToken: sealable, KeepToken: s.mayHavePersonal(storage.User{Person: profile}),
		AuthenticatedAt: s.authenticatedAt(p, person, a.Request.Reauthenticate),
	})
	if err != nil {
		return err
	}
	// Other providers may end everything that the user has granted this server.
	if _, single := p.(*identity.GitHub); spare && single {
		if err := p.Revoke(ctx, token); err != nil {
			s.Logger.WarnContext(ctx, "could not revoke a token at the sign-in provider", logging.Error, err)
		}
	}
	s.setCookie(w, pageSignInCookie, "", s.CallbackPath, -time.Second)
	leadTo(w, afterSignIn(a.Request.Next), http.StatusSeeOther)
	return nil
}

// authenticatedAt is when the provider authenticated someone who has just signed in. One that
// was asked to and does not say so is believed, as is GitHub, which cannot be asked.
func (s *Server) authenticatedAt(p identity.RedirectProvider, person identity.Person, again bool) time.Time {
	now, said := s.Now(), person.AuthenticatedAt
	_, silent := p.(*identity.GitHub)
	switch {
	case said.IsZero() && (again || silent), said.After(now): // with a clock that is ahead
		return now
	}
	return said
}

// whoAtPage returns who has signed in and may do so.
func (s *Server) whoAtPage(
	ctx context.Context, p identity.RedirectProvider, a storage.Authorization, params map[string]string,
) (person identity.Person, token identity.Token, err error) {
	if err := answerError(ctx, p, params); err != nil {
		return person, token, err
	}
	person, token, err = p.Exchange(ctx, identity.ExchangeRequest{
		Code: params["code"], Verifier: a.Request.Verifier, Nonce: a.Request.Nonce, RedirectURI: s.callbackURL(),
	})
	if err == nil {
		err = s.Policy.Check(person)
	}
	return person, token, err
}

// refusedSignIn records that someone could not sign in at the page, and says why.
func (s *Server) refusedSignIn(r *http.Request, who identity.Person, err error) error {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) {
		return err
	}
	s.Logger.WarnContext(r.Context(), "user refused", logging.Event, "sign_in_refused", logging.Reason, refusal.Reason)
	event := storage.Event{Type: storage.EventSignInRefused, Detail: refusal.Reason, Account: storage.AccountOf(recheck.Profile(who))}
	if err := s.Store.RecordEvent(r.Context(), event, s.Now()); err != nil {
		return err
	}
	if refusal.Login == "" {
		return &pageError{
			status: http.StatusForbidden, title: "You are not signed in", message: "The sign-in was not completed.",
			next: toConnections,
		}
	}
	return refusedAtPage(err)
}
