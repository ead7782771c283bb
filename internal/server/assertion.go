package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// KeySource gets the keys that clients publish.
type KeySource interface {
	// KeySet returns the key set at a client's jwks_uri, from a shared cache. With
	// renew it is asked for again, unless that was done a moment ago: the client may
	// have a new key. A storage.DocumentError says why there is none.
	KeySet(ctx context.Context, c storage.Client, renew bool) (oauth.KeySet, error)
}

// readAssertion finds a client that authenticates by private_key_jwt (RFC 7521
// §4.2, RFC 7523 §2.2): by that and by nothing else.
func readAssertion(r *http.Request, params map[string]string) (credentials, error) {
	switch {
	case params["client_secret"] != "" || len(basicHeaders(r)) > 0:
		return credentials{}, oauth.NewError(oauth.InvalidRequest, "more than one client authentication method")
	case params["client_assertion"] == "":
		return credentials{}, oauth.NewError(oauth.InvalidRequest, "client_assertion is missing")
	case params["client_assertion_type"] != oauth.AssertionType:
		return credentials{}, oauth.NewError(oauth.InvalidClient, "this client_assertion_type is not supported")
	}
	a, err := oauth.ParseAssertion(params["client_assertion"])
	if err != nil {
		return credentials{}, err
	}
	id := a.ClientID()
	if params["client_id"] != "" && params["client_id"] != id || len(id) > maxParam || !isText(url.Values{"": {id}}) {
		return credentials{}, oauth.NewError(oauth.InvalidClient, "the client assertion was issued for a different client")
	}
	return credentials{id: id, assertion: &a}, nil
}

// proveByAssertion checks an assertion against the keys of the client. It may be
// of one who has seen the client use it: see spendAssertion.
func (s *Server) proveByAssertion(ctx context.Context, c storage.Client, a oauth.Assertion) error {
	if !allows(c, oauth.AuthMethodPrivateKeyJWT) {
		return errInvalidClient
	}
	if err := a.CheckClaims(s.BaseURL, s.Now()); err != nil {
		return err
	}
	keys, err := s.keysOf(ctx, c, false)
	if err != nil {
		return err
	}
	err = s.verify(ctx, c, a, keys)
	if !errors.Is(err, oauth.ErrNoKey) || c.JWKS != "" {
		return err
	}
	renewed, unread := s.keysOf(ctx, c, true)
	switch {
	case unread != nil:
		return unread
	case renewed.Equal(keys):
		return err
	}
	return s.verify(ctx, c, a, renewed)
}

// verify checks the signature of an assertion, one at a time. Only who waits for that takes a
// place, and no one who waits for the keys of a client.
func (s *Server) verify(ctx context.Context, c storage.Client, a oauth.Assertion, keys oauth.KeySet) (err error) {
	leave, err := s.bounds.assertion.enter()
	if err != nil {
		return err
	}
	defer leave()
	busy := s.bounds.assertion.do(ctx, func() error {
		err = a.Verify(keys, c.SigningAlg)
		return nil
	})
	return cmp.Or(busy, err)
}

// keysOf returns a client's keys: what it registered goes before what it publishes.
func (s *Server) keysOf(ctx context.Context, c storage.Client, renew bool) (oauth.KeySet, error) {
	if c.JWKS != "" {
		return s.keySets.Parse(string(c.JWKS))
	}
	if s.Keys == nil || c.JWKSURI == "" {
		return oauth.KeySet{}, &storage.DocumentError{URL: c.JWKSURI, Reason: "fetching key sets is disabled"}
	}
	return s.Keys.KeySet(ctx, c, renew)
}

// spendAssertion accepts a verified assertion once: a party that has seen one,
// in a log or on the way, cannot use it again (RFC 7523 §3, item 7).
func (s *Server) spendAssertion(ctx context.Context, c storage.Client, a oauth.Assertion) error {
	err := s.Store.UseAssertion(ctx, c.ID, storage.HashOf(a.ID()), a.ExpiresAt(), s.Now())
	if errors.Is(err, storage.ErrSpent) {
		s.Logger.WarnContext(ctx, "client assertion reused", logging.Event, "assertion_reuse", logging.ClientID, c.ID)
		return oauth.NewError(oauth.InvalidClient, "the client assertion was already used; each needs a unique jti")
	}
	return err
}
