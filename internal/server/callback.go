package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// DefaultCallbackPath is FastMCP's too.
const DefaultCallbackPath = "/auth/callback"

// UsableCallbackPath reports whether a path can be the callback: one of its own, without
// wildcards, that leads to no other endpoint.
func UsableCallbackPath(path string) bool {
	clean, err := url.Parse(path)
	if err != nil || !strings.HasPrefix(path, "/") || clean.Path != path || clean.EscapedPath() != path || strings.ContainsAny(path, "{}") ||
		strings.HasSuffix(path, "/") || strings.Contains(path, "//") || strings.Contains(path, "/.") {
		return false
	}
	first, _, _ := strings.Cut(path[1:], "/")
	taken := []string{"authorize", "consent", "token", "revoke", "introspect", "register", "mcp", "connections", "admin"}
	for _, other := range slices.Concat(healthPaths, readyPaths) {
		taken = append(taken, other[1:])
	}
	return !slices.Contains(taken, first) && path != VerifyPath
}

// callbackURL is the redirect URI that is registered at the provider.
func (s *Server) callbackURL() string { return s.BaseURL + s.CallbackPath }

// goToProvider sends the browser of an approved request to the provider.
func (s *Server) goToProvider(
	w http.ResponseWriter, r *http.Request, p identity.RedirectProvider, ar authorization, b browser,
) error {
	carried, err := s.carry(ar.client)
	if err != nil {
		return err
	}
	ar.request.Registration = carried
	target, err := s.startAtProvider(w, r, p, ar.request, b, false)
	if err != nil {
		return err
	}
	http.Redirect(w, r, target, http.StatusSeeOther) //nolint:gosec // the authorization endpoint of the configured provider
	return nil
}

// startAtProvider keeps an approved request, bound to the browser that approved it and
// to the provider, and returns where the person signs in, with state, PKCE and nonce
// of its own.
func (s *Server) startAtProvider(
	w http.ResponseWriter, r *http.Request, p identity.RedirectProvider, req storage.Request, b browser, anotherAccount bool,
) (string, error) {
	a, target, err := s.newAtProvider(r, p, req, b, anotherAccount)
	if err != nil {
		return "", err
	}
	return target, s.start(w, r, a)
}

// newAtProvider returns a sign-in that is not kept yet, and where the person signs in.
func (s *Server) newAtProvider(
	r *http.Request, p identity.RedirectProvider, req storage.Request, b browser, anotherAccount bool,
) (a storage.Authorization, target string, err error) {
	state := oauth.NewID(adopt.StatePrefix)
	a = s.newAuthorization(req, b)
	a.StateHash = storage.HashOf(state)
	a.Request.Provider, a.Request.Verifier, a.Request.Nonce = p.Issuer(), oauth.NewVerifier(), oauth.NewID("n")
	target, err = p.AuthorizeURL(r.Context(), identity.AuthRequest{
		State: state, Verifier: a.Request.Verifier, Nonce: a.Request.Nonce, RedirectURI: s.callbackURL(),
		SelectAccount: anotherAccount, Reauthenticate: req.Reauthenticate,
	})
	if err != nil {
		s.Metrics.SignIn(providerOutcome(err))
	}
	return a, target, err
}

// callback takes the provider's answer (RFC 6749 §4.1.2). Only the browser that
// approved gets on: an answer carried to another browser signs no one in.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) error {
	provider, redirects := s.Provider.(identity.RedirectProvider)
	if !redirects {
		return s.notFound(w, r)
	}
	values, err := parseQuery(r)
	if err != nil {
		return err
	}
	params, err := single(values)
	if err != nil {
		return badRequestPage("The response from the sign-in provider is malformed.")
	}
	if a, ok := s.pageSignIn(r, params["state"]); ok {
		return s.finishAtPage(w, r, provider, a, params)
	}
	return s.returned(w, r, provider, params)
}

// answerError returns what is wrong with the provider's answer: it comes from another provider,
// or is an error.
func answerError(ctx context.Context, provider identity.RedirectProvider, params map[string]string) error {
	err := provider.CheckIssuer(ctx, params["iss"])
	if err == nil && params["error"] != "" {
		err = identity.CallbackError(params["error"])
	}
	return err
}

// returned takes the provider's answer about a sign-in that an app began.
func (s *Server) returned(w http.ResponseWriter, r *http.Request, provider identity.RedirectProvider, params map[string]string) error {
	b := s.browserOf(r)
	a, stored, err := s.startedWith(r, params["state"])
	if errors.Is(err, storage.ErrNotFound) {
		if req, none := s.adopter.Request(r.Context(), params["state"]); !errors.Is(none, adopt.ErrRefused) {
			b = s.ensureBrowser(w, r)
			a, err = s.continueTransaction(r, req, b, none)
			stored = true
		}
	}
	noteClient(w, a.Request.ClientID)
	if err := checkOwn(a, b, err); err != nil {
		return err
	}
	if a.Request.Provider != provider.Issuer() && a.Request.Transaction == "" {
		return errFlowExpired // begun with another provider, which was replaced meanwhile
	}
	if _, err := s.stillRegistered(r, a.Request); err != nil {
		return err
	}
	err = answerError(r.Context(), provider, params)
	if err != nil {
		s.Metrics.SignIn(providerOutcome(err))
	}
	if err != nil && !stored {
		return s.refusedEvicted(w, r, a.Request, storage.Person{}, err)
	}
	if err != nil {
		return s.refused(w, r, provider, a, b, storage.Person{}, err)
	}
	answer, err := s.whoSignedIn(r, provider, a, stored, params["code"])
	s.Metrics.SignIn(providerOutcome(err))
	if answer.Person.Subject == "" && !stored {
		return s.refusedEvicted(w, r, a.Request, answer.Person, err)
	}
	if answer.Person.Subject != "" {
		if unavailable := s.restore(r.Context(), a, stored); unavailable != nil {
			return s.tryAgain(r, a, stored, answer, unavailable)
		}
	}
	if err != nil {
		return s.refused(w, r, provider, a, b, answer.Person, err)
	}
	if a.Request.Transaction != "" {
		return s.askConsentAfter(w, r, a, answer)
	}
	err = s.finish(w, r, a, storage.Completion{
		AuthorizationID: a.ID, Browser: b.hash(), Person: answer.Person, ProviderToken: answer.Token,
	})
	return s.tryAgain(r, a, stored, answer, err)
}

// refused ends a sign-in that the provider or the policy refused to someone, or to no one
// knows whom. Someone who canceled goes back to the client; someone who may not enter is told so,
// with the ways to another account and back as links.
func (s *Server) refused(
	w http.ResponseWriter, r *http.Request, p identity.RedirectProvider, a storage.Authorization, b browser, who storage.Person, err error,
) error {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) {
		return err // the provider is away or misconfigured: the sign-in stays and may be repeated
	}
	req, err := s.Store.RefuseAuthorization(storage.WithReason(r.Context(), refusal.Reason), a.ID, b.hash(), who, s.Now())
	if err != nil {
		return flowError(err)
	}
	if refusal.Login == "" {
		return s.notCompleted(w, r, req, refusal)
	}
	return s.refusal(w, r, p, req, refusal.Login, refusal.Reason)
}

// refusedEvicted is refused for a sign-in that only its browser kept: there is nothing to
// finish.
func (s *Server) refusedEvicted(w http.ResponseWriter, r *http.Request, req storage.Request, who storage.Person, err error) error {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) {
		return err
	}
	event := storage.Event{Type: storage.EventSignInRefused, ClientID: req.ClientID, Detail: refusal.Reason, Account: storage.AccountOf(who)}
	if err := s.Store.RecordEvent(r.Context(), event, s.Now()); err != nil {
		return err
	}
	return s.notCompleted(w, r, req, refusal)
}

// notCompleted sends someone who canceled at the provider back to the client.
func (s *Server) notCompleted(w http.ResponseWriter, r *http.Request, req storage.Request, refusal *identity.RefusedError) error {
	s.Logger.WarnContext(r.Context(), "sign-in not completed", logging.Event, "sign_in_refused", logging.ClientID, req.ClientID, logging.Reason, refusal.Reason)
	return s.redirectError(w, r, req, oauth.NewError(oauth.AccessDenied, "the sign-in was not completed"))
}

// refusal is the page for an account that may not enter.
func (s *Server) refusal(
	w http.ResponseWriter, r *http.Request, p identity.RedirectProvider, req storage.Request, login, reason string,
) error {
	s.Logger.WarnContext(r.Context(), "user refused", logging.Event, "sign_in_refused", logging.ClientID, req.ClientID, logging.Reason, reason)
	return &pageError{
		status: http.StatusForbidden, title: "This account may not sign in",
		message: "Reason: " + reason + ".",
		hint:    "If this is the wrong account, use another one. Otherwise, ask the administrator of this server for access.",
		code:    oauth.AccessDenied, account: login, provider: p.Title(),
		next: s.anotherAccount(w, r, p, req, s.browserOf(r)), back: s.errorLink(req, errDenied),
	}
}

// anotherAccount begins the refused sign-in again for another account. The person has
// approved exactly this request in this browser, so that consent is not asked again.
// A link will do: what it leads to is bound to the browser, and finished once.
func (s *Server) anotherAccount(
	w http.ResponseWriter, r *http.Request, p identity.RedirectProvider, req storage.Request, b browser,
) *pages.Link {
	target, err := s.startAtProvider(w, r, p, req, b, true)
	if err != nil {
		s.Logger.WarnContext(r.Context(), "could not offer another account", logging.Error, err)
		return nil
	}
	s.ensureBrowser(w, r) // the cookie has to last as long as the new sign-in
	return &pages.Link{Text: "Use another account", Href: target}
}
