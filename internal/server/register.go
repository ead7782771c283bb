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
	body, err := readMetadata(r)
	if err != nil {
		return err
	}
	reg, err := oauth.ParseRegistration(body)
	if err != nil {
		return err
	}
	issued := oauth.Issued{ClientID: oauth.NewID("c"), Token: oauth.NewRegistrationToken(), At: s.Now().Truncate(time.Second)}
	if reg.NeedsSecret() {
		issued.Secret = oauth.NewClientSecret()
	}
	if err := s.Store.CreateClient(r.Context(), newClient(reg, issued)); err != nil {
		return err
	}
	s.log(r).Info("client registered", "event", "client_registered", "client_id", issued.ClientID)
	writeJSON(w, http.StatusCreated, reg.Response(s.BaseURL, issued))
	return nil
}

// readMetadata reads the body of a request with client metadata.
func readMetadata(r *http.Request) ([]byte, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, oauth.NewError(oauth.InvalidClientMetadata, "the content type must be application/json")
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, errBodyTooLarge
	}
	if err != nil {
		return nil, oauth.NewError(oauth.InvalidClientMetadata, "the request body cannot be read")
	}
	return body, nil
}

// newClient is the client of a registration. What is secret is kept as a hash.
func newClient(reg oauth.Registration, issued oauth.Issued) storage.Client {
	c := storage.Client{
		ID: issued.ClientID, CreatedAt: issued.At,
		SecretHash: hashOrNone(issued.Secret), RegistrationTokenHash: hashOrNone(issued.Token),
	}
	setMetadata(&c, reg)
	return c
}

// setMetadata replaces what a client registered.
func setMetadata(c *storage.Client, reg oauth.Registration) {
	c.Name, c.URI, c.RedirectURIs = reg.ClientName, reg.ClientURI, reg.RedirectURIs
	c.GrantTypes, c.ResponseTypes, c.Scope = reg.GrantTypes, reg.ResponseTypes, reg.Scope
	c.AuthMethod, c.ApplicationType = reg.TokenEndpointAuthMethod, reg.ApplicationType
	c.SoftwareID, c.SoftwareVersion = reg.SoftwareID, reg.SoftwareVersion
}

// metadataOf is what a client registered.
func metadataOf(c storage.Client) oauth.Registration {
	return oauth.Registration{
		ClientName: c.Name, ClientURI: c.URI, RedirectURIs: c.RedirectURIs, GrantTypes: c.GrantTypes,
		ResponseTypes: c.ResponseTypes, Scope: c.Scope, TokenEndpointAuthMethod: c.AuthMethod,
		ApplicationType: c.ApplicationType, SoftwareID: c.SoftwareID, SoftwareVersion: c.SoftwareVersion,
	}
}

func hashOrNone(secret string) storage.Hash {
	if secret == "" {
		return ""
	}
	return storage.HashOf(secret)
}
