package server

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// credentials holds what a client presents to authenticate (RFC 6749 §2.3).
type credentials struct {
	id, secret string
	basic      bool // sent in the Authorization header
	assertion  *oauth.Assertion
}

// clientForm reads the form of a request to the token, revocation or introspection
// endpoint and authenticates its client.
func (s *Server) clientForm(
	w http.ResponseWriter, r *http.Request,
) (client storage.Client, form url.Values, params map[string]string, err error) {
	if form, err = parseForm(r); err != nil {
		return client, nil, nil, err
	}
	if params, err = single(form); err != nil {
		return client, nil, nil, err
	}
	client, err = s.authenticateClient(w, r, params)
	return client, form, params, err
}

// authenticateClient returns the client of a request to one of those endpoints. It runs
// before any other check, so that a client whose registration is gone learns that and
// registers again, whatever else it sent.
func (s *Server) authenticateClient(w http.ResponseWriter, r *http.Request, params map[string]string) (storage.Client, error) {
	cred, err := readCredentials(r, params)
	noteNamed(w, cmp.Or(cred.id, params["client_id"]))
	if err == nil {
		var client storage.Client
		if client, err = s.provenClient(r.Context(), cred); err == nil {
			noteClient(w, client.ID)
			return client, nil
		}
		if errors.Is(err, errNotRegistered) {
			s.Metrics.UnknownClient(s.routeOf(r.URL.Path))
		}
		s.recordRefused(r.Context(), client, cred, err)
	}
	return storage.Client{}, s.clientError(w, r, err)
}

// recordRefused records that a client on record did not authenticate. A response waits for
// no audit trail: what cannot be recorded is logged.
func (s *Server) recordRefused(ctx context.Context, c storage.Client, cred credentials, why error) {
	if !isInvalidClient(why) || errors.Is(why, errNotRegistered) || c.ID == "" {
		return
	}
	event := storage.Event{Type: storage.EventClientRefused, ClientID: c.ID, Detail: "wrong or missing secret"}
	if cred.assertion != nil {
		event.Detail = "client assertion refused"
	}
	if err := s.Store.RecordEvent(ctx, event, s.Now()); err != nil {
		s.Logger.WarnContext(ctx, "event not recorded", logging.Event, string(event.Type), logging.Error, err)
	}
}

var (
	errInvalidClient = oauth.NewError(oauth.InvalidClient, "unknown client or failed authentication")
	// errNotRegistered reads the same to the client.
	errNotRegistered = errInvalidClient.Wrap(errors.New("not registered"))
)

// provenClient finds the client that the credentials belong to.
func (s *Server) provenClient(ctx context.Context, cred credentials) (storage.Client, error) {
	client, err := s.lookUpClient(ctx, cred.id)
	if err == nil {
		if refused := s.prove(ctx, client, cred); isInvalidClient(refused) {
			client, err = s.proveChanged(ctx, client, cred, refused)
		} else {
			err = refused
		}
	}
	switch {
	case errors.Is(err, storage.ErrUnreadable):
		return client, errInvalidClient
	case errors.Is(err, storage.ErrNotFound):
		return client, errNotRegistered
	}
	if err == nil && cred.assertion != nil {
		err = s.spendAssertion(ctx, client, *cred.assertion)
	}
	return client, err
}

// proveChanged checks credentials again if the client is not as it was when they were
// refused: its secret or its keys may have changed a moment ago, at another replica.
func (s *Server) proveChanged(
	ctx context.Context, was storage.Client, cred credentials, refused error,
) (storage.Client, error) {
	client, err := s.currentClient(ctx, cred.id)
	switch {
	case err != nil:
		return client, err
	case reflect.DeepEqual(client, was):
		return client, refused
	}
	return client, s.prove(ctx, client, cred)
}

// prove checks credentials by the way of authentication that they are for.
func (s *Server) prove(ctx context.Context, c storage.Client, cred credentials) error {
	if cred.assertion != nil {
		return s.proveByAssertion(ctx, c, *cred.assertion)
	}
	if !provesItself(c, cred) {
		return errInvalidClient
	}
	return nil
}

func isInvalidClient(err error) bool {
	var problem *oauth.Error
	return errors.As(err, &problem) && problem.Code == oauth.InvalidClient
}

// allows reports whether a client may authenticate by a method.
func allows(c storage.Client, method string) bool {
	if c.AuthMethods != nil {
		return slices.Contains(c.AuthMethods, method)
	}
	return c.AuthMethod == method
}

// clientError prepares the answer to a client that did not authenticate: one that
// used the Authorization header to authenticate is told the scheme (RFC 6749 §5.2).
func (s *Server) clientError(w http.ResponseWriter, r *http.Request, err error) error {
	if isInvalidClient(err) && len(basicHeaders(r)) > 0 {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+s.BaseURL+`"`)
	}
	return err
}

// basicHeaders returns the Authorization headers of the scheme Basic. Others are no client
// authentication: clients send the access token that they are about to replace.
func basicHeaders(r *http.Request) []string {
	var list []string
	for _, header := range r.Header.Values("Authorization") {
		if scheme, _, _ := strings.Cut(header, " "); strings.EqualFold(scheme, "Basic") {
			list = append(list, header)
		}
	}
	return list
}

// readCredentials finds the client's credentials in header or body, not both.
func readCredentials(r *http.Request, params map[string]string) (credentials, error) {
	cred := credentials{id: params["client_id"], secret: params["client_secret"]}
	if params["client_assertion"] != "" || params["client_assertion_type"] != "" {
		return readAssertion(r, params)
	}
	switch headers := basicHeaders(r); {
	case len(headers) > 1:
		return cred, oauth.NewError(oauth.InvalidRequest, "more than one client authentication method")
	case len(headers) == 1:
		basic, ok := parseBasic(headers[0])
		if !ok {
			return cred, oauth.NewError(oauth.InvalidClient, "the Authorization header is malformed")
		}
		if cred.secret != "" || cred.id != "" && cred.id != basic.id {
			return cred, oauth.NewError(oauth.InvalidRequest, "more than one client authentication method")
		}
		return basic, nil
	case cred.id == "":
		return cred, oauth.NewError(oauth.InvalidClient, "client_id is missing")
	}
	return cred, nil
}

// parseBasic reads HTTP Basic credentials. RFC 6749 §2.3.1 wants both parts
// form-encoded, which half of the clients do not do; ids and secrets of ours
// read the same either way.
func parseBasic(header string) (credentials, bool) {
	_, encoded, _ := strings.Cut(header, " ")
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return credentials{}, false
	}
	id, secret, found := strings.Cut(string(decoded), ":")
	cred := credentials{id: formDecoded(id), secret: formDecoded(secret), basic: true}
	return cred, found && cred.id != "" && isText(url.Values{"": {cred.id, cred.secret}})
}

func formDecoded(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// provesItself checks the secret against the registered method: a confidential
// client cannot pass without one, and a public one has none on record. One that it sends
// all the same, perhaps another server's, proves nothing and refutes nothing.
func provesItself(c storage.Client, cred credentials) bool {
	if allows(c, oauth.AuthMethodNone) && (cred.secret == "" || c.SecretHash == "") {
		return true
	}
	if c.SecretHash == "" {
		// A row of a program that hands out secrets which it does not keep, or a client
		// that was registered again with one that no one here knows.
		return c.AuthMethod == ""
	}
	presented := storage.HashOf(cred.secret)
	return cred.secret != "" && subtle.ConstantTimeCompare([]byte(presented), []byte(c.SecretHash)) == 1
}

// lookUpClient finds a client, perhaps as it was a moment ago. No one is refused
// for that: see currentClient.
func (s *Server) lookUpClient(ctx context.Context, id string) (storage.Client, error) {
	client, err := s.Store.Client(ctx, id)
	return client, s.unreadableIsUnknown(ctx, err)
}

// currentClient finds a client as it is in the database.
func (s *Server) currentClient(ctx context.Context, id string) (storage.Client, error) {
	client, err := s.Store.CurrentClient(ctx, id)
	return client, s.unreadableIsUnknown(ctx, err)
}

// unreadableIsUnknown lets a client whose row does not open register again, and
// reports it to the operator.
func (s *Server) unreadableIsUnknown(ctx context.Context, err error) error {
	if errors.Is(err, storage.ErrUnreadable) {
		s.Logger.ErrorContext(ctx, "client row could not be decrypted", logging.Event, "client_unreadable", logging.Error, err)
		return fmt.Errorf("%w: %w", storage.ErrNotFound, err)
	}
	return err
}
