package server

import (
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const callbackPath = "/auth/callback"

// goUpstream keeps the approved request, bound to the browser that approved it,
// and sends the browser to the provider with state, PKCE and nonce of its own.
func (s *Server) goUpstream(w http.ResponseWriter, r *http.Request, ar authorization, b browser) error {
	state := oauth.NewID("st")
	a := s.newAuthorization(ar.request, b)
	a.StateHash = storage.HashOf(state)
	a.Request.Verifier, a.Request.Nonce = oauth.NewVerifier(), oauth.NewID("n")
	target, err := s.Upstream.AuthorizeURL(r.Context(), identity.AuthRequest{
		State: state, Verifier: a.Request.Verifier, Nonce: a.Request.Nonce, RedirectURI: s.BaseURL + callbackPath,
	})
	if err != nil {
		return err
	}
	if err := s.Store.StartAuthorization(r.Context(), a); err != nil {
		return err
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// callback takes the provider's answer (RFC 6749 §4.1.2). Only the browser that
// approved gets on: an answer carried to another browser signs nobody in.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) error {
	if s.Upstream == nil {
		return s.notFound(w, r)
	}
	values, err := parseQuery(r)
	if err != nil {
		return err
	}
	params, err := single(values)
	if err != nil {
		return badRequestPage("The sign-in provider's answer is malformed.")
	}
	b := s.browserOf(r)
	a, err := s.Store.AuthorizationByState(r.Context(), storage.HashOf(params["state"]), s.Now())
	if err := checkOwn(a, b, err); err != nil {
		return err
	}
	if _, err := s.stillRegistered(r, a.Request); err != nil {
		return err
	}
	if params["error"] != "" {
		return s.refused(w, r, a, b, identity.CallbackError(params["error"]))
	}
	person, token, err := s.Upstream.Exchange(r.Context(), identity.ExchangeRequest{
		Code: params["code"], Verifier: a.Request.Verifier, Nonce: a.Request.Nonce, RedirectURI: s.BaseURL + callbackPath,
	})
	if err == nil {
		err = s.Policy.Check(person)
	}
	if err != nil {
		return s.refused(w, r, a, b, err)
	}
	sealable, err := identity.EncodeToken(token)
	if err != nil {
		return err
	}
	return s.finish(w, r, storage.Completion{
		AuthorizationID: a.ID, Browser: b.hash(), Person: personOf(person), ProviderToken: sealable,
	})
}

// refused ends a sign-in that the provider or the policy refused. Somebody who
// cancelled goes back to the client; somebody who may not enter is told so,
// with the way back as a link.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, a storage.Authorization, b browser, err error) error {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) {
		return err // the provider is away or misconfigured: the sign-in stays and may be repeated
	}
	if refusal.Login == "" {
		return s.deny(w, r, a.ID, b, oauth.NewError(oauth.AccessDenied, "the sign-in was not completed"))
	}
	req, err := s.Store.DenyAuthorization(because(r, refusal.Reason), a.ID, b.hash(), s.Now())
	if err != nil {
		return flowError(err)
	}
	s.log(r).Warn("person refused", "event", "sign_in_refused", "client_id", req.ClientID, "reason", refusal.Reason)
	return &pageError{
		status: http.StatusForbidden, title: "This account may not sign in",
		message: refusal.Error() + ".",
		hint:    "To use another account, sign out at " + s.Upstream.Title() + " first, then connect again from your app.",
		code:    oauth.AccessDenied, back: s.errorLink(req, errDenied),
	}
}
