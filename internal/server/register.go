package server

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// maxUnused is how many registrations are kept that no one has used.
	maxUnused = 2000
	// unusedMinAge is how long one of them is kept though another one needs the room:
	// until the sign-in page is open, which carries it from then on.
	unusedMinAge = 30 * time.Second
	// maxRegistration bounds what is kept of a client's metadata, as JSON. A row, which is
	// encrypted in FastMCP's format, takes up to four times as much.
	maxRegistration = 4 << 10
)

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
	err = s.Store.RegisterClient(r.Context(), newClient(reg, issued), storage.Ceiling{Clients: s.MaxClients, Unused: maxUnused, MinAge: unusedMinAge})
	if errors.Is(err, storage.ErrFull) {
		s.Logger.WarnContext(r.Context(), "registration refused: too many clients, and no unused one to evict",
			logging.Event, "registration_full", "max_clients", s.MaxClients)
	}
	if err != nil {
		return err
	}
	noteClient(w, issued.ClientID)
	s.Logger.InfoContext(r.Context(), "client registered", logging.Event, "client_registered", logging.ClientID, issued.ClientID)
	writeJSON(w, http.StatusCreated, reg.Response(s.BaseURL, issued))
	return nil
}

// readRegistration reads what a client registers, if it may.
func (s *Server) readRegistration(r *http.Request) (oauth.Registration, error) {
	if s.Registration.Closed() {
		return oauth.Registration{}, s.Registration.Check()
	}
	body, err := readMetadata(r)
	if err != nil {
		return oauth.Registration{}, err
	}
	reg, err := oauth.ParseRegistration(body)
	if err == nil {
		err = checkSize(reg.Client)
	}
	if err == nil {
		err = s.Registration.Check(reg.Redirects...)
	}
	return reg, err
}

// checkSize refuses metadata that is too large to be kept for anyone.
func checkSize(metadata any) error {
	kept, err := json.Marshal(metadata)
	if err == nil && len(kept) > maxRegistration {
		err = oauth.NewError(oauth.InvalidClientMetadata, "the metadata is too large: 4096 bytes are kept of a client")
	}
	return err
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
	return storage.Client{
		ID: issued.ClientID, Client: reg.Client, CreatedAt: issued.At,
		SecretHash: hashOrNone(issued.Secret), RegistrationTokenHash: hashOrNone(issued.Token),
	}
}

func hashOrNone(secret string) storage.Hash {
	if secret == "" {
		return ""
	}
	return storage.HashOf(secret)
}
