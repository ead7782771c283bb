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

// unusedMinAge is how long a registration is kept that nobody uses, though another
// one needs the room: people may take all the time that a sign-in may last, and
// then some.
const unusedMinAge = 2 * authorizationLifetime

// register answers a client registration request (RFC 7591 §3).
func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	reg, err := s.readRegistration(r)
	if err != nil {
		return err
	}
	issued := oauth.Issued{ClientID: oauth.NewID("c"), Token: oauth.NewRegistrationToken(), At: s.Now().Truncate(time.Second)}
	if reg.NeedsSecret() {
		issued.Secret = oauth.NewClientSecret()
	}
	err = s.Store.RegisterClient(r.Context(), newClient(reg, issued), storage.Ceiling{Clients: s.MaxClients, MinAge: unusedMinAge})
	if errors.Is(err, storage.ErrFull) {
		s.log(r).Warn("registration refused: as many clients as MCPKEEP_MAX_CLIENTS allows, none of them unused for long",
			"event", "registration_full", "max_clients", s.MaxClients)
	}
	if err != nil {
		return err
	}
	s.log(r).Info("client registered", "event", "client_registered", "client_id", issued.ClientID)
	writeJSON(w, http.StatusCreated, reg.Response(s.BaseURL, issued))
	return nil
}

// readRegistration reads what a client registers, if it may.
func (s *Server) readRegistration(r *http.Request) (oauth.Registration, error) {
	if s.Registration.Closed() {
		return oauth.Registration{}, s.Registration.Check(nil)
	}
	body, err := readMetadata(r)
	if err != nil {
		return oauth.Registration{}, err
	}
	reg, err := oauth.ParseRegistration(body)
	if err == nil {
		err = s.Registration.Check(reg.RedirectURIs)
	}
	return reg, err
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
	c.JWKS, c.JWKSURI, c.SigningAlg = reg.JWKS, reg.JWKSURI, reg.SigningAlg
	c.SoftwareID, c.SoftwareVersion = reg.SoftwareID, reg.SoftwareVersion
}

// metadataOf is what a client registered.
func metadataOf(c storage.Client) oauth.Registration {
	return oauth.Registration{
		ClientName: c.Name, ClientURI: c.URI, RedirectURIs: c.RedirectURIs, GrantTypes: c.GrantTypes,
		ResponseTypes: c.ResponseTypes, Scope: c.Scope, TokenEndpointAuthMethod: c.AuthMethod,
		JWKS: c.JWKS, JWKSURI: c.JWKSURI, SigningAlg: c.SigningAlg,
		ApplicationType: c.ApplicationType, SoftwareID: c.SoftwareID, SoftwareVersion: c.SoftwareVersion,
	}
}

func hashOrNone(secret string) storage.Hash {
	if secret == "" {
		return ""
	}
	return storage.HashOf(secret)
}
