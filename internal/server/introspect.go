package server

import (
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// introspection is the answer about an active access token (RFC 7662 §2.2). It has
// no username: who somebody is at the provider is not the client's business.
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
}

// inactive says nothing else of a token (RFC 7662 §2.2).
var inactive = struct {
	Active bool `json:"active"`
}{}

var errNotConfidential = oauth.NewError(oauth.InvalidClient, "introspection needs a client that authenticates")

// introspect answers what an access token is worth (RFC 7662 §2). Anybody can
// register a client here, so that being one proves nothing: a client that
// authenticates learns about the tokens that were issued to it, and about no others.
//
// A refresh token is inactive: whoever takes the answer for a permission must not
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
	access, err := s.Store.Access(r.Context(), storage.HashOf(params["token"]), s.Now())
	if err == nil {
		err = access.Outage // "active" is a promise, which needs the database
	}
	switch {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return err
	case access.ClientID == client.ID && access.Resource == s.resource.String():
		writeJSON(w, http.StatusOK, s.introspectionOf(access))
		return nil
	}
	writeJSON(w, http.StatusOK, inactive)
	return nil
}

func (s *Server) introspectionOf(a storage.Access) introspection {
	return introspection{
		Active: true, Scope: a.Scope, ClientID: a.ClientID, TokenType: "Bearer", Expires: a.ExpiresAt.Unix(),
		IssuedAt: a.IssuedAt.Unix(), Subject: a.User.ID, Audience: a.Resource, Issuer: s.BaseURL,
	}
}

// isConfidential says whether a client that passed has proven who it is.
func isConfidential(c storage.Client) bool {
	return c.AuthMethod != oauth.AuthMethodNone && c.SecretHash != ""
}
