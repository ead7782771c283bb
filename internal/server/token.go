package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// tokenResponse is the answer of the token endpoint (RFC 6749 §5.1).
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
}

// databaseWait is how long a request for tokens, or about one, waits for the database, in all
// its steps. With the second in which a lost commit is looked up, and with useWait, it is five
// seconds, which is how long clients wait for tokens.
const (
	databaseWait = 3500 * time.Millisecond
	useWait      = time.Second / 2 // after a step that waited
)

// patient returns h for a request that waits for the database no longer than that.
func patient(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return h(w, r.WithContext(storage.WithPatience(r.Context(), databaseWait)))
	}
}

// token answers the token request (RFC 6749 §3.2). Everything is checked before
// anything is spent.
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	client, form, params, err := s.clientForm(w, r)
	if errors.Is(err, errNotRegistered) {
		s.adopter.RefuseClient(r.Context(), params["code"], params["refresh_token"])
		if params["grant_type"] == refreshGrant {
			s.Metrics.Refresh(metrics.Unknown)
		}
		return s.unregistered(w, r, params, err)
	}
	if err != nil {
		return err
	}
	issued, err := s.issue(r, client, params, resources(form))
	if errors.Is(err, errOtherResource) {
		s.logRefusedResource(r.Context(), resources(form))
	}
	if err != nil {
		return s.clientError(w, r, s.grantOrClient(r, client, err))
	}
	s.Metrics.Issued(params["grant_type"])
	noteGrant(w, client.ID, issued.Grant.ID)
	s.noteAgentName(r, client)
	writeJSON(w, http.StatusOK, s.tokenResponse(issued.Tokens))
	return nil
}

// refreshGrant is the grant type of refresh requests (RFC 6749 §6).
const refreshGrant = "refresh_token"

// issue answers a grant with tokens.
func (s *Server) issue(
	r *http.Request, client storage.Client, params map[string]string, resource []string,
) (storage.Issued, error) {
	switch params["grant_type"] {
	case "authorization_code":
		return s.exchangeCode(r, client, params, resource)
	case refreshGrant:
		return s.refresh(r, client, params, resource)
	case "":
		return storage.Issued{}, oauth.NewError(oauth.InvalidRequest, "grant_type is missing")
	}
	return storage.Issued{}, oauth.NewError(oauth.UnsupportedGrantType, "supported: authorization_code, refresh_token")
}

// grantOrClient says what is wrong with a bad grant: the grant, or the client,
// which may have been deleted since it authenticated and then has to register
// again. Of invalid_grant it would only learn to come back with its stale ID.
func (s *Server) grantOrClient(r *http.Request, client storage.Client, err error) error {
	var problem *oauth.Error
	if !errors.As(err, &problem) || problem.Code != oauth.InvalidGrant {
		return err
	}
	_, gone := s.currentClient(r.Context(), client.ID)
	switch {
	case errors.Is(gone, storage.ErrNotFound):
		s.Metrics.UnknownClient(metrics.RouteToken)
		return errInvalidClient
	case client.Origin == storage.OriginUnread && errors.Is(gone, storage.ErrDocument):
		return err // it is known without its document
	case gone != nil:
		return gone
	}
	return err
}

func (s *Server) tokenResponse(t storage.NewTokens) tokenResponse {
	return tokenResponse{
		AccessToken: t.Access.Value, TokenType: "Bearer", RefreshToken: t.Refresh.Value, Scope: t.Scope,
		ExpiresIn: max(0, int64(t.Access.ExpiresAt.Sub(s.Now()).Round(time.Second).Seconds())),
	}
}

// exchangeCode redeems an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5).
func (s *Server) exchangeCode(
	r *http.Request, client storage.Client, params map[string]string, resource []string,
) (storage.Issued, error) {
	target, err := s.checkedExchange(r.Context(), params, resource)
	if err != nil {
		if problem := new(oauth.Error); errors.As(err, &problem) && problem.Status < http.StatusInternalServerError {
			s.adopter.RefuseCode(r.Context(), params["code"], client.ID)
		}
		return storage.Issued{}, err
	}
	exchange := storage.CodeExchange{
		Code: storage.HashOf(params["code"]), ClientID: client.ID, RedirectURI: params["redirect_uri"],
		Challenge: oauth.Challenge(params["code_verifier"]), Resource: target, Next: s.newTokens(),
	}
	if client.NormalURIs {
		exchange.NormalURI = fastmcp.NormalURL(exchange.RedirectURI)
	}
	issued, err := s.Store.ExchangeCode(r.Context(), exchange, s.Now())
	if errors.Is(err, storage.ErrNotFound) && s.adopter.RecognizesCode(params["code"]) {
		issued, err = s.exchangeForeignCode(r.Context(), params["code"], exchange)
	}
	if errors.Is(err, storage.ErrSpent) {
		s.Logger.WarnContext(r.Context(), "code reused: grant revoked", logging.Event, "code_reuse", logging.ClientID, client.ID)
	}
	return issued, grantError(err)
}

// checkedExchange checks what a request says in addition to its code, and returns the resource
// that it is about.
func (s *Server) checkedExchange(ctx context.Context, params map[string]string, resource []string) (string, error) {
	switch {
	case params["code"] == "":
		return "", oauth.NewError(oauth.InvalidRequest, "code is missing")
	case params["code_verifier"] == "":
		return "", oauth.NewError(oauth.InvalidRequest, "code_verifier is missing")
	case !oauth.ValidVerifier(params["code_verifier"]):
		return "", errInvalidGrant
	}
	return s.narrowedResource(ctx, resource)
}

// errInvalidGrant is the same for every cause, so that it reveals nothing about the codes
// and tokens of others.
var errInvalidGrant = oauth.NewError(oauth.InvalidGrant, "the code or token is invalid, expired, revoked or already used")

// grantError maps what storage and the provider say of a code or refresh token.
func grantError(err error) error {
	if errors.Is(err, storage.ErrOtherResource) {
		return errOtherResource
	}
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrSpent) || errors.Is(err, recheck.ErrRefused) ||
		errors.Is(err, adopt.ErrRefused) {
		return errInvalidGrant
	}
	return err
}

// newTokens creates the next pair of tokens.
func (s *Server) newTokens() storage.NewTokens {
	now := s.Now()
	return storage.NewTokens{
		Access:  storage.NewToken{Value: oauth.NewAccessToken(), ExpiresAt: now.Add(s.Lifetimes.AccessToken)},
		Refresh: storage.NewToken{Value: oauth.NewRefreshToken(), ExpiresAt: now.Add(s.Lifetimes.RefreshToken)},
	}
}
