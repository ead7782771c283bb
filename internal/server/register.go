package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// register answers a client registration request (RFC 7591 §3).
func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return oauth.NewError(oauth.InvalidClientMetadata, "the content type must be application/json")
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errBodyTooLarge
	}
	if err != nil {
		return oauth.NewError(oauth.InvalidClientMetadata, "the request body cannot be read")
	}
	reg, err := oauth.ParseRegistration(body)
	if err != nil {
		return err
	}
	client, secret := s.newClient(reg)
	if err := s.Store.CreateClient(r.Context(), client); err != nil {
		return err
	}
	s.log(r).Info("client registered", "event", "client_registered", "client_id", client.ID)
	writeJSON(w, http.StatusCreated, reg.Response(client.ID, secret, client.CreatedAt))
	return nil
}

// newClient gives a registration its id, and a secret if it is to have one.
func (s *Server) newClient(reg oauth.Registration) (client storage.Client, secret string) {
	client = storage.Client{
		ID: oauth.NewID("c"), Name: reg.ClientName, URI: reg.ClientURI, RedirectURIs: reg.RedirectURIs,
		GrantTypes: reg.GrantTypes, ResponseTypes: reg.ResponseTypes, Scope: reg.Scope,
		AuthMethod: reg.TokenEndpointAuthMethod, ApplicationType: reg.ApplicationType,
		SoftwareID: reg.SoftwareID, SoftwareVersion: reg.SoftwareVersion, CreatedAt: s.Now().Truncate(time.Second),
	}
	if client.AuthMethod != oauth.AuthMethodNone {
		secret = oauth.NewClientSecret()
		client.SecretHash = storage.HashOf(secret)
	}
	return client, secret
}
