package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Sign-ins that FastMCP began and whose user comes here: from its consent page, from the
// provider, or with its code.

// transactionField is the parameter of FastMCP's consent page.
const transactionField = "txn_id"

// startOver answers FastMCP's consent page: the same request begins here.
func (s *Server) startOver(w http.ResponseWriter, r *http.Request, id string) error {
	req, err := s.adopter.Request(r.Context(), id)
	if errors.Is(err, adopt.ErrRefused) {
		return errFlowExpired
	}
	if err != nil {
		return err
	}
	noteNamed(w, req.ClientID)
	if _, err := s.parseAuthorization(r.Context(), requestValues(req)); err != nil {
		s.noteUnusable(r.Context(), req, err) // and the page says so
	}
	leadTo(w, "/authorize?"+requestValues(req).Encode(), http.StatusSeeOther)
	return nil
}

// requestValues is a request that FastMCP took as its client sent it.
func requestValues(req storage.ForeignRequest) url.Values {
	values := url.Values{"response_type": {"code"}}
	for name, value := range map[string]string{
		"client_id": req.ClientID, "redirect_uri": req.RedirectURI, "state": req.State, "scope": req.Scope, "resource": req.Resource,
		"code_challenge": req.CodeChallenge, "code_challenge_method": req.CodeChallengeMethod,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// continueTransaction keeps a sign-in whose user comes back from the provider where FastMCP
// sent them, bound to the browser that comes first. FastMCP's consent is not bound to our
// cookie, so it does not count. none is the error of the look-up.
func (s *Server) continueTransaction(
	r *http.Request, req storage.ForeignRequest, b browser, none error,
) (a storage.Authorization, err error) {
	if none != nil {
		return a, none
	}
	ar, err := s.parseAuthorization(r.Context(), requestValues(req))
	if err != nil {
		s.noteUnusable(r.Context(), req, err)
		return a, err
	}
	a = s.newAuthorization(ar.request, b)
	a.StateHash = storage.HashOf(req.ID)
	a.Request.Transaction, a.Request.Verifier = req.ID, req.Verifier
	err = s.Store.StartAuthorization(r.Context(), a)
	switch {
	case errors.Is(err, storage.ErrExists): // the same page, a moment ago
		return s.Store.AuthorizationByState(r.Context(), a.StateHash, s.Now())
	case errors.Is(err, storage.ErrFull):
		err = errTooBusy
	}
	return a, err
}

// noteUnusable records that a request that FastMCP took cannot be continued. What is only
// away for a moment is no refusal.
func (s *Server) noteUnusable(ctx context.Context, req storage.ForeignRequest, err error) {
	problem, page := new(oauth.Error), new(pageError)
	if errors.As(err, &problem) && problem.Status < http.StatusInternalServerError || errors.As(err, &page) && page.status < http.StatusInternalServerError {
		s.adopter.RefuseRequest(ctx, req)
	}
}

// askConsentAfter keeps the provider's answer and asks whether the client may have access.
func (s *Server) askConsentAfter(w http.ResponseWriter, r *http.Request, a storage.Authorization, answer storage.SignInAnswer) error {
	err := s.Store.KeepAnswer(r.Context(), a.ID, a.Browser, &answer, s.Now())
	if err != nil && !errors.Is(err, storage.ErrSpent) { // which is kept
		return s.tryAgain(r, a, true, answer, flowError(err))
	}
	leadTo(w, "/consent?id="+url.QueryEscape(a.ID), http.StatusSeeOther)
	return nil
}

// signedInAs names the account of a sign-in on its consent page.
func signedInAs(a storage.Authorization) string {
	if a.Request.Answer == nil {
		return "the owner of this server"
	}
	who := a.Request.Answer.Person
	return cmp.Or(who.Login, who.Email, who.Subject)
}

// answered is what the provider said of a sign-in whose consent comes after that; nil for
// any other.
func (s *Server) answered(a storage.Authorization) (*storage.SignInAnswer, identity.RedirectProvider) {
	provider, redirects := s.Provider.(identity.RedirectProvider)
	answer := a.Request.Answer
	if !redirects || a.Request.Transaction == "" || answer == nil || answer.Person.Issuer != provider.Issuer() {
		return nil, nil
	}
	return answer, provider
}

// exchangeForeignCode redeems a code that FastMCP issued.
func (s *Server) exchangeForeignCode(ctx context.Context, code string, x storage.CodeExchange) (storage.Issued, error) {
	err := s.adopter.Code(ctx, adopt.CodeRequest{
		Code: code, ClientID: x.ClientID, RedirectURI: x.RedirectURI, Challenge: x.Challenge,
	})
	if err != nil {
		return storage.Issued{}, err
	}
	return s.Store.ExchangeCode(ctx, x, s.Now())
}
