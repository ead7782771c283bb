package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// introspection is the answer about an active access token (RFC 7662 §2.2). It has
// no username: who someone is at the provider is not the client's business.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope"`
	ClientID  string `json:"client_id"`
	TokenType string `json:"token_type"`
	Expires   int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	// Only for the resource that the token is for: who the person is.
	Email  string   `json:"email,omitempty"`
	Groups []string `json:"groups,omitempty"`
}

// inactive says nothing else of a token (RFC 7662 §2.2).
var inactive = struct {
	Active bool `json:"active"`
}{}

var errNotConfidential = oauth.NewError(oauth.InvalidClient, "introspection requires client authentication")

// introspect answers what an access token is worth (RFC 7662 §2). Anyone can
// register a client here, so that being one proves nothing: a client that
// authenticates learns about the tokens that were issued to it, and about no others.
//
// A refresh token is inactive: a caller that takes the response for a permission must not
// take that token for one.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) error {
	client, _, params, err := s.clientForm(w, r)
	if err != nil {
		return err
	}
	if !isConfidential(client) && params["client_assertion"] == "" {
		return s.clientError(w, r, errNotConfidential)
	}
	if params["token"] == "" {
		return oauth.NewError(oauth.InvalidRequest, "token is missing")
	}
	access, err := s.introspected(r.Context(), client, params["token"])
	if err == nil {
		err = access.Outage // "active" is a promise, which needs the database
	}
	if errors.Is(err, storage.ErrNotFound) {
		return writeInactive(w)
	}
	if err != nil {
		return err
	}
	if access.IsPersonal() {
		if access, err = s.atIntrospector(r.Context(), client, access); err != nil {
			return err
		}
	}
	if !s.protects(access.Resource) {
		return s.introspectForResource(w, r, client, access)
	}
	if access.ClientID != client.ID || s.recheck.CheckLists(r.Context(), access.User) != nil {
		return writeInactive(w)
	}
	writeJSON(w, http.StatusOK, s.introspectionOf(access))
	return nil
}

// introspected returns what a token stands for. Only an MCP server that an operator registered
// asks on the connections that access checks have of their own: anyone else can register and
// ask without end. The form of a made-up token tells without asking the database.
func (s *Server) introspected(ctx context.Context, client storage.Client, token string) (storage.Access, error) {
	if !oauth.IsAccessToken(token) && !oauth.IsPersonalToken(token) && !s.adopter.Recognizes(token) {
		return storage.Access{}, storage.ErrNotFound
	}
	if client.Origin != storage.OriginOperator {
		ctx = storage.WithSharedConnections(ctx)
	}
	return s.access(ctx, token, s.Now())
}

// introspectForResource responds to an MCP server that runs elsewhere, only about tokens for
// that server: the credential belongs to the resource, and no one can register it
// themselves. Each response counts as use of the token.
func (s *Server) introspectForResource(w http.ResponseWriter, r *http.Request, client storage.Client, access storage.Access) error {
	resource, err := s.Store.Resource(r.Context(), access.Resource)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && resource.ClientID != client.ID:
		return writeInactive(w)
	case err != nil:
		return err
	}
	err = s.recheck.ConfirmUse(r.Context(), access)
	if errors.Is(err, recheck.ErrRefused) || errors.Is(err, storage.ErrNotFound) {
		return writeInactive(w)
	}
	if err != nil {
		return err
	}
	s.touch(r, access, s.Now())
	answer := s.introspectionOf(access)
	answer.Email, answer.Groups = access.User.Email, access.User.Groups
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// atIntrospector is what a personal token is worth at the MCP server whose client asks.
func (s *Server) atIntrospector(ctx context.Context, client storage.Client, a storage.Access) (storage.Access, error) {
	for uri := range strings.FieldsSeq(a.Resource) {
		resource, err := s.Store.Resource(ctx, uri)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return a, err
		}
		if err == nil && resource.ClientID == client.ID {
			return s.at(a, uri), nil
		}
	}
	return a, nil
}

func writeInactive(w http.ResponseWriter) error {
	writeJSON(w, http.StatusOK, inactive)
	return nil
}

func (s *Server) introspectionOf(a storage.Access) introspection {
	return introspection{
		Active: true, Scope: a.Scope, ClientID: a.ClientID, TokenType: "Bearer", Expires: a.ExpiresAt.Unix(),
		IssuedAt: a.IssuedAt.Unix(), Subject: a.User.ID, Audience: a.Resource, Issuer: s.issuer(),
	}
}

// isConfidential reports whether an authenticated client has proven its identity.
func isConfidential(c storage.Client) bool {
	return c.AuthMethod != oauth.AuthMethodNone && c.SecretHash != ""
}
