package server

import (
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// showConsent shows the consent page of a sign-in in progress. The ID alone proves
// nothing: the browser must be the one that signed in.
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request) error {
	values, err := parseQuery(r)
	if err != nil {
		return err
	}
	if values.Has(transactionField) && !values.Has("id") {
		return s.startOver(w, r, values.Get(transactionField))
	}
	b := s.browserOf(r)
	a, ar, err := s.ownAuthorization(r, b, values.Get("id"))
	noteClient(w, a.Request.ClientID)
	if err != nil {
		return err
	}
	form := pages.Form{Action: "/consent", Hidden: []pages.Field{{Name: "id", Value: a.ID}, {Name: "csrf", Value: b.csrf(a.ID)}}}
	return s.showConsentPage(w, ar, form, signedInAs(a))
}

// decideConsent takes the person's decision: about a sign-in in flight when
// there is an id, otherwise about the authorization request in the form.
func (s *Server) decideConsent(w http.ResponseWriter, r *http.Request) error {
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	if form.Has(transactionField) && !form.Has("id") && !form.Has("client_id") {
		return s.startOver(w, r, form.Get(transactionField))
	}
	action := form.Get("action")
	if action != "approve" && action != "deny" {
		return badRequestPage("The form contains no decision.")
	}
	if form.Has("id") {
		return s.decideSignedIn(w, r, form.Get("id"), form.Get("csrf"), action == "approve")
	}
	form.Del("action")
	noteNamed(w, form.Get("client_id"))
	ar, err := s.parseAuthorization(r.Context(), withoutForm(form))
	if err != nil {
		return err
	}
	noteAuthorization(w, ar)
	b := s.browserOf(r)
	if err := s.checkCSRF(r, b, ar.subject(), form.Get("csrf")); err != nil {
		return err
	}
	if action == "deny" {
		s.Metrics.Authorization(metrics.Denied)
		return s.redirectError(w, r, ar.request, errDenied)
	}
	if p, ok := s.Provider.(identity.RedirectProvider); ok {
		return s.goToProvider(w, r, p, ar, b)
	}
	return s.showFirstPage(w, r, ar, http.StatusOK, "")
}

var errDenied = oauth.NewError(oauth.AccessDenied, "the user denied the request")

// decideSignedIn finishes a sign-in in flight.
func (s *Server) decideSignedIn(w http.ResponseWriter, r *http.Request, id, csrf string, approved bool) error {
	b := s.browserOf(r)
	a, _, err := s.ownAuthorization(r, b, id)
	noteClient(w, a.Request.ClientID)
	if err != nil {
		return err
	}
	if err := s.checkCSRF(r, b, id, csrf); err != nil {
		return err
	}
	answer, provider := s.answered(a)
	switch {
	case a.UserID == "" && answer == nil:
		return errFlowExpired // waits for its provider: only the callback finishes it
	case !approved:
		return s.deny(w, r, a.ID, b, errDenied)
	}
	c := storage.Completion{AuthorizationID: a.ID, Browser: b.hash()}
	if answer != nil {
		if err := s.admit(a.Request, recheck.PersonOf(answer.Person)); err != nil {
			return s.refused(w, r, provider, a, b, answer.Person, err)
		}
		c.Person, c.ProviderToken = answer.Person, answer.Token
	} else if err := s.mayEnter(a.Request.Resource, identity.Local{}.Person()); err != nil {
		return s.notAdmitted(r, a, b)
	}
	return s.finish(w, r, a, c)
}

// ownAuthorization returns a sign-in in flight that is bound to the browser, with
// its client: see stillRegistered.
func (s *Server) ownAuthorization(r *http.Request, b browser, id string) (storage.Authorization, authorization, error) {
	a, err := s.Store.Authorization(r.Context(), id, s.Now())
	if err := checkOwn(a, b, err); err != nil {
		return a, authorization{}, err
	}
	ar, err := s.stillRegistered(r, a.Request)
	return a, ar, err
}

// stillRegistered checks client and redirect URI once more when a sign-in moves
// on: the client may have been deleted or changed meanwhile. One that was not there
// when it began, and still is not, is to be registered again, and so is one whose
// document could not be read and still cannot.
func (s *Server) stillRegistered(r *http.Request, req storage.Request) (authorization, error) {
	ar := authorization{request: req}
	client, err := s.currentClient(r.Context(), req.ClientID)
	if errors.Is(err, storage.ErrNotFound) && req.Registration != "" { // evicted, perhaps
		client, err = s.Store.CarriedClient(r.Context(), req.ClientID, req.Registration, s.Now())
	}
	redirect, invalid := oauth.ParseRedirectURI(req.RedirectURI)
	if err == nil && req.Readopt {
		err = s.checkConfirmed(client)
	}
	if err == nil && !isRegistered(client, redirect) {
		err = s.mismatch(client, redirect)
	}
	problem := new(storage.DocumentError)
	switch {
	case req.Readopt && errors.As(err, &problem):
		ar.toRegister = true
		client, err = s.unread(r.Context(), req.ClientID, redirect, problem, storage.FailureAway, storage.FailureBusy)
	case req.Readopt && errors.Is(err, storage.ErrNotFound):
		ar.toRegister = true
		client, err = s.readopted(req.ClientID, redirect, err)
	// Someone else may have registered again, meanwhile, what was unknown.
	case (req.Readopt || req.Further) && errors.Is(err, errRedirectURI):
		ar.further = true
		client, err = s.further(client, redirect)
	case errors.Is(err, storage.ErrNotFound):
		err = errUnknownClient
	case err == nil && invalid != nil:
		err = errRedirectURI
	}
	ar.client = client
	return ar, err
}

// checkOwn reports whether a looked-up sign-in is this browser's and unfinished.
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

// deny finishes a sign-in without a grant and returns the reason to the client.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, id string, b browser, why error) error {
	req, err := s.Store.DenyAuthorization(r.Context(), id, b.hash(), s.Now())
	if err != nil {
		return flowError(err)
	}
	s.Metrics.Authorization(metrics.Denied)
	s.Logger.InfoContext(r.Context(), "authorization denied", logging.Event, "authorization_denied", logging.ClientID, req.ClientID)
	return s.redirectError(w, r, req, why)
}

// finish turns a sign-in into a grant and sends the code to the client.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, a storage.Authorization, c storage.Completion) error {
	if err := s.restoreClient(r.Context(), a.Request); err != nil {
		return err
	}
	code, now := oauth.NewCode(), s.Now()
	c.GrantID, c.Code, c.CodeExpiresAt = storage.NewOrderedID(storage.GrantIDPrefix, now), storage.HashOf(code), now.Add(codeLifetime)
	req, err := s.finishApproved(r, a, &c)
	if errors.Is(err, storage.ErrDisabled) {
		s.Metrics.SignIn(metrics.Refused)
		return s.disabled(w, r, req, c.Person)
	}
	if err != nil {
		return flowError(err)
	}
	noteGrant(w, req.ClientID, c.GrantID)
	s.countGranted(c)
	switch {
	case c.Client != nil && c.Client.Origin == storage.OriginUnread:
		s.Logger.WarnContext(r.Context(), "client approved without its metadata document", logging.Event, "client_readopted", logging.ClientID, req.ClientID)
	case c.Client != nil:
		s.Logger.WarnContext(r.Context(), "unknown client registered again under its old ID", logging.Event, "client_readopted", logging.ClientID, req.ClientID)
	case c.Further:
		s.Logger.WarnContext(r.Context(), "client approved with a further redirect URI", logging.Event, "client_readopted", logging.ClientID, req.ClientID)
	}
	s.Logger.InfoContext(r.Context(), "authorization granted", logging.Event, "grant_created", logging.ClientID, req.ClientID, logging.GrantID, c.GrantID)
	s.redirect(w, req.RedirectURI, oauth.RedirectParams{Code: code, State: req.State, Issuer: s.issuer()})
	return nil
}

// maxChanges is how often a sign-in is finished again because its client changed.
const maxChanges = 3

// finishApproved finishes a sign-in whose client has the redirect URI at that moment: the
// client may replace its registration while the provider is asked.
func (s *Server) finishApproved(r *http.Request, a storage.Authorization, c *storage.Completion) (req storage.Request, err error) {
	for range maxChanges {
		ar, err := s.stillRegistered(r, a.Request)
		if err != nil {
			return a.Request, err
		}
		c.Client, c.Approved, c.Further = nil, nil, ar.further
		switch {
		case ar.toRegister:
			c.Client = &ar.client // it has no row yet
		case ar.further: // the row says nothing of the redirect URI
		case ar.client.Origin == storage.OriginRegistered || ar.client.Origin == storage.OriginOperator:
			c.Approved = &ar.client.Client
		}
		if req, err = s.finishKept(r.Context(), a, *c); !errors.Is(err, storage.ErrChanged) {
			return req, err
		}
	}
	return req, err
}

// disabled tells a disabled user that they may not sign in. The sign-in has ended without
// a grant.
func (s *Server) disabled(w http.ResponseWriter, r *http.Request, req storage.Request, p storage.Person) error {
	if provider, ok := s.Provider.(identity.RedirectProvider); ok {
		return s.refusal(w, r, provider, req, p.Login, "an administrator of this server has disabled this account")
	}
	return &pageError{
		status: http.StatusForbidden, title: "This account may not sign in",
		message: "Reason: an administrator of this server has disabled this account.",
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
	case errors.Is(err, storage.ErrNoClient):
		return errUnknownClient
	}
	return err
}
