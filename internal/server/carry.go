package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Under a flood, registrations that no one used yet and sign-ins in progress are evicted.
// The pages and the browser carry what is needed to continue without them.

// carriedField is the form field with the registration of the page's client.
const carriedField = "registration"

// carriedFor is how long a page may be open.
const carriedFor = 2 * authorizationLifetime

// carry returns a client that registered itself encrypted, "" for any other: it is not
// evicted.
func (s *Server) carry(c storage.Client) (string, error) {
	if c.Origin != storage.OriginRegistered || c.RegistrationTokenHash == "" {
		return "", nil
	}
	return s.Store.CarryClient(c, s.Now().Add(carriedFor))
}

// carryFirstPage has the first page carry its client. A page that got the client from an
// earlier one carries the same, so that it lasts no longer.
func (s *Server) carryFirstPage(ar *authorization) error {
	if ar.carried {
		return nil
	}
	carried, err := s.carry(ar.client)
	if carried == "" {
		ar.values.Del(carriedField)
		return err
	}
	ar.values.Set(carriedField, carried)
	return nil
}

// carriedClient is the client that a page carries in case it was evicted, with
// storage.ErrNotFound if there is none.
func (s *Server) carriedClient(ctx context.Context, values url.Values) (storage.Client, error) {
	carried, ids := values.Get(carriedField), values["client_id"]
	if carried == "" || len(ids) != 1 {
		return storage.Client{}, storage.ErrNotFound
	}
	return s.Store.CarriedClient(ctx, ids[0], carried, s.Now())
}

// restoreClient stores the client of a sign-in that ends again if it was evicted.
func (s *Server) restoreClient(ctx context.Context, req storage.Request) error {
	if req.Registration == "" {
		return nil
	}
	if _, err := s.Store.CurrentClient(ctx, req.ClientID); !errors.Is(err, storage.ErrNotFound) {
		return nil // finishing says what is wrong
	}
	client, err := s.Store.CarriedClient(ctx, req.ClientID, req.Registration, s.Now())
	if err == nil {
		err = s.Store.RestoreClient(ctx, client, s.Now())
	}
	if errors.Is(err, storage.ErrNotFound) {
		return errUnknownClient
	}
	return err
}

// signInCookie is sent to the callback alone, whose path __Host- does not allow.
var signInCookie = cookie{"__Secure-mcpkeep-signin", "mcpkeep_signin"}

// maxCookie is what browsers keep of one.
const maxCookie = 3900

// start keeps a sign-in at the provider, in the database and by its browser. Of these two,
// one suffices.
func (s *Server) start(w http.ResponseWriter, r *http.Request, a storage.Authorization) error {
	carried, err := s.Store.CarryAuthorization(a)
	if err != nil {
		return err
	}
	fits := len(carried) <= maxCookie
	if fits {
		s.setCookie(w, signInCookie, carried, s.CallbackPath, authorizationLifetime)
	}
	err = s.Store.StartAuthorization(r.Context(), a)
	if errors.Is(err, storage.ErrFull) && fits {
		return nil
	}
	if errors.Is(err, storage.ErrFull) {
		return errTooBusy
	}
	return err
}

// startedWith returns the sign-in with a state at the provider. stored: it is in the
// database, and not just with the browser.
func (s *Server) startedWith(r *http.Request, state string) (a storage.Authorization, stored bool, err error) {
	hash := storage.HashOf(state)
	a, err = s.Store.AuthorizationByState(r.Context(), hash, s.Now())
	if !errors.Is(err, storage.ErrNotFound) {
		return a, true, err
	}
	cookie, missing := r.Cookie(s.named(signInCookie))
	if missing != nil {
		return a, false, err
	}
	a, err = s.Store.CarriedAuthorization(hash, cookie.Value, s.Now())
	return a, false, err
}

// restore stores a sign-in again that only its browser kept, once the provider has said who
// the user is.
func (s *Server) restore(ctx context.Context, a storage.Authorization, stored bool) error {
	if stored {
		return nil
	}
	// As one that has just begun, so that it stays until it is finished.
	a.CreatedAt = s.Now().Truncate(time.Second)
	a.ExpiresAt = a.CreatedAt.Add(authorizationLifetime)
	err := s.Store.RestoreAuthorization(ctx, a)
	if errors.Is(err, storage.ErrExists) {
		return nil // by the same browser, a moment ago
	}
	return err
}

// finishKept finishes a sign-in, which may have been evicted while the provider was asked.
func (s *Server) finishKept(ctx context.Context, a storage.Authorization, c storage.Completion) (storage.Request, error) {
	req, err := s.Store.FinishAuthorization(ctx, c, s.Now())
	if !errors.Is(err, storage.ErrNotFound) || a.StateHash == "" || !s.Now().Before(a.ExpiresAt) {
		return req, err
	}
	if err := s.restore(ctx, a, false); err != nil {
		return req, err
	}
	return s.Store.FinishAuthorization(ctx, c, s.Now())
}
