package server

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// manageClient answers the client configuration endpoint (RFC 7592 §2), where a
// client reads, replaces and deletes its own registration. Its registration
// access token stays the same: one that changed with an answer that got lost
// would be lost for good.
func (s *Server) manageClient(w http.ResponseWriter, r *http.Request) error {
	client, token, err := s.managedClient(r)
	noteNamed(w, r.PathValue("client_id"))
	if err == nil {
		noteClient(w, client.ID)
		switch r.Method {
		case http.MethodGet:
			writeJSON(w, http.StatusOK, s.registrationOf(client, "", token))
		case http.MethodPut:
			err = s.updateClient(w, r, client, token)
		default:
			err = s.unregister(w, r, client.ID)
		}
	}
	if errors.Is(err, errRegistrationToken) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	return err
}

// errRegistrationToken says the same of an unknown client and of a bad token.
var errRegistrationToken = oauth.NewError(oauth.InvalidToken, "the registration access token is not valid for this client")

// nobodysToken is what an unknown client's token is compared with. No token has
// this hash.
var nobodysToken = storage.HashOf("")

// managedClient returns the client of a request's path, once its registration
// access token is proven. A client without one, such as a row of FastMCP's, is
// managed by operators only.
func (s *Server) managedClient(r *http.Request) (client storage.Client, token string, err error) {
	token, err = bearerToken(r)
	if errors.Is(err, errNoToken) {
		return client, "", errRegistrationToken
	}
	if err != nil {
		return client, "", err
	}
	client, err = s.clientAt(r)
	if errors.Is(err, storage.ErrNotFound) {
		s.Metrics.UnknownClient(metrics.RouteManage)
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return client, "", err
	}
	presented, kept := storage.HashOf(token), cmp.Or(client.RegistrationTokenHash, nobodysToken)
	same := subtle.ConstantTimeCompare([]byte(presented), []byte(kept)) == 1
	if err != nil || !same || !oauth.WellFormed(oauth.KindRegistrationToken, token) {
		return client, "", errRegistrationToken
	}
	return client, token, nil
}

// clientAt finds the client that a request's path names.
func (s *Server) clientAt(r *http.Request) (storage.Client, error) {
	id := r.PathValue("client_id")
	if !isText(url.Values{"client_id": {id}}) || oauth.IsMetadataURL(id) {
		return storage.Client{}, storage.ErrNotFound // no database could look it up; it never registered
	}
	return s.currentClient(r.Context(), id)
}

// registrationOf is the answer about a client (RFC 7592 §3). A secret is known
// only when it was just made or presented.
func (s *Server) registrationOf(c storage.Client, secret, token string) oauth.ClientInformation {
	issued := oauth.Issued{ClientID: c.ID, Secret: secret, Token: token, At: c.CreatedAt}
	return oauth.Registration{Client: c.Client}.Response(s.BaseURL, issued)
}

// updateClient replaces a registration (RFC 7592 §2.2), if that could be
// registered today: otherwise a client could first register and then go elsewhere.
func (s *Server) updateClient(w http.ResponseWriter, r *http.Request, client storage.Client, token string) error {
	body, err := readMetadata(r)
	if err != nil {
		return err
	}
	update, err := oauth.ParseUpdate(body)
	if err != nil {
		return err
	}
	if err := checkSize(update.Client); err != nil {
		return err
	}
	if err := s.Registration.Check(update.Redirects...); err != nil {
		return err
	}
	next, secret, err := updated(client, update)
	if err != nil {
		return err
	}
	if err := s.Store.UpdateClient(r.Context(), client, next, s.Now()); err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			return errRegistrationToken
		}
		return err
	}
	s.Logger.InfoContext(r.Context(), "client updated", logging.Event, "client_updated", logging.ClientID, client.ID)
	writeJSON(w, http.StatusOK, s.registrationOf(next, secret, token))
	return nil
}

// updated is a client after an update, and its secret if that is known. A secret
// stays as long as the client authenticates with one; a client that begins to
// gets its first.
func updated(c storage.Client, u oauth.Update) (next storage.Client, secret string, err error) {
	if u.ClientID != c.ID {
		return c, "", oauth.NewError(oauth.InvalidClientMetadata, "client_id does not match this registration")
	}
	if u.Secret != "" && subtle.ConstantTimeCompare([]byte(storage.HashOf(u.Secret)), []byte(cmp.Or(c.SecretHash, nobodysToken))) != 1 {
		return c, "", oauth.NewError(oauth.InvalidClientMetadata, "client_secret does not match the issued one")
	}
	next = c
	next.Client = u.Client
	switch {
	case !u.NeedsSecret():
		next.SecretHash = ""
		return next, "", nil
	case c.SecretHash != "":
		return next, u.Secret, nil
	}
	secret = oauth.NewClientSecret()
	next.SecretHash = storage.HashOf(secret)
	return next, secret, nil
}

// unregister deletes a registration with all that was granted to it (RFC 7592
// §2.3).
func (s *Server) unregister(w http.ResponseWriter, r *http.Request, id string) error {
	err := s.Store.DeleteClient(r.Context(), id, s.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return errRegistrationToken
	}
	if err != nil {
		return err
	}
	s.Logger.InfoContext(r.Context(), "client deleted its registration", logging.Event, "client_deleted", logging.ClientID, id)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
