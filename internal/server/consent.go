package server

import (
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// showConsent shows the consent page of a sign-in in flight. Its id is no
// authority: the browser must be the one that signed in.
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request) error {
	values, err := parseQuery(r)
	if err != nil {
		return err
	}
	b := s.browserOf(r)
	a, client, anew, err := s.ownAuthorization(r, b, values.Get("id"))
	if err != nil {
		return err
	}
	ar := authorization{request: a.Request, client: client, anew: anew != nil}
	form := pages.Form{Action: "/consent", Hidden: []pages.Field{{Name: "id", Value: a.ID}, {Name: "csrf", Value: b.csrf(a.ID)}}}
	return s.showConsentPage(w, ar, form, "the owner of this server")
}

// decideConsent takes the person's decision: about a sign-in in flight when
// there is an id, otherwise about the authorization request in the form.
func (s *Server) decideConsent(w http.ResponseWriter, r *http.Request) error {
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	action := form.Get("action")
	if action != "approve" && action != "deny" {
		return badRequestPage("The form holds no decision.")
	}
	if form.Has("id") {
		return s.decideSignedIn(w, r, form.Get("id"), form.Get("csrf"), action == "approve")
	}
	form.Del("action")
	ar, err := s.parseAuthorization(r.Context(), withoutForm(form))
	if err != nil {
		return err
	}
	b := s.browserOf(r)
	if err := s.checkCSRF(r, b, ar.subject(), form.Get("csrf")); err != nil {
		return err
	}
	if action == "deny" {
		return s.redirectError(w, r, ar.request, errDenied)
	}
	if s.Upstream == nil {
		return s.showFirstPage(w, r, ar, http.StatusOK, "")
	}
	return s.goUpstream(w, r, ar, b)
}

var errDenied = oauth.NewError(oauth.AccessDenied, "the person denied the request")

// decideSignedIn finishes a sign-in in flight.
func (s *Server) decideSignedIn(w http.ResponseWriter, r *http.Request, id, csrf string, approved bool) error {
	b := s.browserOf(r)
	a, _, anew, err := s.ownAuthorization(r, b, id)
	if err != nil {
		return err
	}
	if err := s.checkCSRF(r, b, id, csrf); err != nil {
		return err
	}
	if a.UserID == "" {
		return errFlowExpired // waits for its provider: only the callback finishes it
	}
	if !approved {
		return s.deny(w, r, a.ID, b, errDenied)
	}
	return s.finish(w, r, storage.Completion{AuthorizationID: a.ID, Browser: b.hash(), Client: anew})
}

// ownAuthorization returns a sign-in in flight that is bound to the browser, with
// its client: see stillRegistered.
func (s *Server) ownAuthorization(
	r *http.Request, b browser, id string,
) (a storage.Authorization, client storage.Client, anew *storage.Client, err error) {
	a, err = s.Store.Authorization(r.Context(), id, s.Now())
	if err := checkOwn(a, b, err); err != nil {
		return a, client, nil, err
	}
	client, anew, err = s.stillRegistered(r, a.Request)
	return a, client, anew, err
}

// stillRegistered looks at client and redirect URI once more when a sign-in goes
// on: the client may have been deleted or changed meanwhile. One that was not there
// when it began, and still is not, is to be registered anew.
func (s *Server) stillRegistered(r *http.Request, req storage.Request) (client storage.Client, anew *storage.Client, err error) {
	client, err = s.currentClient(r.Context(), req.ClientID)
	switch {
	case errors.Is(err, storage.ErrNotFound) && req.Readopt:
		client, err = s.readopted(req.ClientID, req.RedirectURI, err)
		return client, &client, err
	case errors.Is(err, storage.ErrNotFound):
		return client, nil, errUnknownClient
	case err != nil:
		return client, nil, err
	case !oauth.MatchRedirectURI(client.RedirectURIs, req.RedirectURI):
		return client, nil, errRedirectURI
	}
	return client, nil, nil
}

// checkOwn says whether a looked-up sign-in is this browser's and unfinished.
func checkOwn(a storage.Authorization, b browser, err error) error {
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errFlowExpired
	case err != nil:
		return err
	case !b.is(a.Browser):
		return errForeignForm
	case a.Finished:
		return errFlowFinished
	}
	return nil
}

// deny finishes a sign-in without a grant and tells the client why.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, id string, b browser, why error) error {
	req, err := s.Store.DenyAuthorization(r.Context(), id, b.hash(), s.Now())
	if err != nil {
		return flowError(err)
	}
	s.log(r).Info("authorization denied", "event", "authorization_denied", "client_id", req.ClientID)
	return s.redirectError(w, r, req, why)
}

// finish turns a sign-in into a grant and sends the code to the client.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, c storage.Completion) error {
	code := oauth.NewCode()
	c.GrantID, c.Code, c.CodeExpiresAt = oauth.NewOrderedID("gr"), storage.HashOf(code), s.Now().Add(codeLifetime)
	req, err := s.Store.FinishAuthorization(r.Context(), c, s.Now())
	if errors.Is(err, storage.ErrDisabled) {
		return s.disabled(w, r, req, c.Person)
	}
	if err != nil {
		return flowError(err)
	}
	if c.Client != nil {
		s.log(r).Warn("client registered anew under an id that was not known", "event", "client_readopted", "client_id", req.ClientID)
	}
	s.log(r).Info("authorization granted", "event", "grant_created", "client_id", req.ClientID, "grant_id", c.GrantID)
	s.redirect(w, req.RedirectURI, oauth.RedirectParams{Code: code, State: req.State, Issuer: s.BaseURL})
	return nil
}

// disabled tells somebody whom an operator keeps out. The sign-in has ended without
// a grant.
func (s *Server) disabled(w http.ResponseWriter, r *http.Request, req storage.Request, p storage.Person) error {
	if s.Upstream != nil {
		return s.refusal(w, r, req, p.Login, "an operator of this server has disabled the account")
	}
	return &pageError{
		status: http.StatusForbidden, title: "This account may not sign in",
		message: "Reason: an operator of this server has disabled the account.",
		code:    oauth.AccessDenied, back: s.errorLink(req, errDenied),
	}
}

// flowError turns what finishing answers into pages.
func flowError(err error) error {
	switch {
	case errors.Is(err, storage.ErrSpent):
		return errFlowFinished
	case errors.Is(err, storage.ErrNotFound):
		return errFlowExpired
	}
	return err
}
