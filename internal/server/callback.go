package server

import (
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const callbackPath = "/auth/callback"

// goUpstream sends the browser of an approved request to the provider.
func (s *Server) goUpstream(w http.ResponseWriter, r *http.Request, ar authorization, b browser) error {
	target, err := s.startUpstream(r, ar.request, b, false)
	if err != nil {
		return err
	}
	http.Redirect(w, r, target, http.StatusSeeOther) //nolint:gosec // the authorization endpoint of the configured provider
	return nil
}

// startUpstream keeps an approved request, bound to the browser that approved it and
// to the provider, and returns where the person signs in, with state, PKCE and nonce
// of its own.
func (s *Server) startUpstream(r *http.Request, req storage.Request, b browser, anotherAccount bool) (string, error) {
	state := oauth.NewID("st")
	a := s.newAuthorization(req, b)
	a.StateHash = storage.HashOf(state)
	a.Request.Provider, a.Request.Verifier, a.Request.Nonce = s.Upstream.Issuer(), oauth.NewVerifier(), oauth.NewID("n")
	target, err := s.Upstream.AuthorizeURL(r.Context(), identity.AuthRequest{
		State: state, Verifier: a.Request.Verifier, Nonce: a.Request.Nonce, RedirectURI: s.BaseURL + callbackPath,
		SelectAccount: anotherAccount,
	})
	if err != nil {
		return "", err
	}
	return target, s.Store.StartAuthorization(r.Context(), a)
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
	if a.Request.Provider != s.Upstream.Issuer() {
		return errFlowExpired // begun with another provider, which was replaced meanwhile
	}
	_, anew, err := s.stillRegistered(r, a.Request)
	if err != nil {
		return err
	}
	if err := s.Upstream.CheckIssuer(r.Context(), params["iss"]); err != nil {
		return s.refused(w, r, a, b, err)
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
		AuthorizationID: a.ID, Browser: b.hash(), Person: personOf(person), ProviderToken: sealable, Client: anew,
	})
}

// refused ends a sign-in that the provider or the policy refused. Somebody who
// cancelled goes back to the client; somebody who may not enter is told so,
// with the ways to another account and back as links.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, a storage.Authorization, b browser, err error) error {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) {
		return err // the provider is away or misconfigured: the sign-in stays and may be repeated
	}
	req, err := s.Store.RefuseAuthorization(because(r, refusal.Reason), a.ID, b.hash(), s.Now())
	if err != nil {
		return flowError(err)
	}
	if refusal.Login == "" {
		s.log(r).Warn("sign-in not completed", "event", "sign_in_refused", "client_id", req.ClientID, "reason", refusal.Reason)
		return s.redirectError(w, r, req, oauth.NewError(oauth.AccessDenied, "the sign-in was not completed"))
	}
	return s.refusal(w, r, req, refusal.Login, refusal.Reason)
}

// refusal is the page for an account that may not enter.
func (s *Server) refusal(w http.ResponseWriter, r *http.Request, req storage.Request, login, reason string) error {
	s.log(r).Warn("person refused", "event", "sign_in_refused", "client_id", req.ClientID, "reason", reason)
	return &pageError{
		status: http.StatusForbidden, title: "This account may not sign in",
		message: "Reason: " + reason + ".",
		hint:    "If this is the wrong account, use another one. Otherwise ask the operator of this server to let you in.",
		code:    oauth.AccessDenied, account: login, provider: s.Upstream.Title(),
		next: s.anotherAccount(w, r, req, s.browserOf(r)), back: s.errorLink(req, errDenied),
	}
}

// anotherAccount begins the refused sign-in anew for another account. The person has
// approved exactly this request in this browser, so that consent is not asked again.
// A link will do: what it leads to is bound to the browser, and finished once.
func (s *Server) anotherAccount(w http.ResponseWriter, r *http.Request, req storage.Request, b browser) *pages.Link {
	target, err := s.startUpstream(r, req, b, true)
	if err != nil {
		s.log(r).Warn("cannot offer another account", "error", err)
		return nil
	}
	s.ensureBrowser(w, r) // the cookie has to last as long as the new sign-in
	return &pages.Link{Text: "Use another account", Href: target}
}
