package server_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// client is a registered client.
type client struct {
	s                    *site
	id, secret, redirect string
	manage               string // registration access token
	verifier             string
}

const loopbackRedirect = "http://127.0.0.1:33418/callback"

// register registers a public client, unless metadata differ.
func (s *site) register(metadata ...map[string]any) *client {
	s.Helper()
	m := map[string]any{
		"client_name": "Test client", "redirect_uris": []string{loopbackRedirect},
		"token_endpoint_auth_method": "none", "grant_types": []string{"authorization_code", "refresh_token"},
	}
	for _, change := range metadata {
		maps.Copy(m, change)
	}
	body, err := json.Marshal(m)
	if err != nil {
		s.Fatal(err)
	}
	a := s.do(http.MethodPost, "/register", string(body), header{"Content-Type": "application/json"})
	if a.Status != http.StatusCreated {
		s.Fatalf("registration: %d %s", a.Status, a.Body)
	}
	uris, _ := m["redirect_uris"].([]string)
	return &client{
		s: s, id: a.member("client_id"), secret: a.member("client_secret"), manage: a.member("registration_access_token"),
		redirect: uris[0], verifier: oauth.NewVerifier(),
	}
}

// request is a good authorization request with changes.
func (c *client) request(changes ...url.Values) url.Values {
	return changed(url.Values{
		"client_id": {c.id}, "redirect_uri": {c.redirect}, "response_type": {"code"}, "scope": {"mcp offline_access"},
		"state": {"state-of-the-client"}, "code_challenge": {oauth.Challenge(c.verifier)}, "code_challenge_method": {"S256"},
		"resource": {resource},
	}, changes...)
}

func (c *client) authorizePath(changes ...url.Values) string {
	return "/authorize?" + c.request(changes...).Encode()
}

// code returns a code of an approved request. It is made in the store: how
// people approve is tested elsewhere.
func (c *client) code(scope string) string {
	c.s.Helper()
	return c.codeOf(owner(), scope)
}

// codeOf is code for someone else than the owner.
func (c *client) codeOf(who storage.Person, scope string) string {
	c.s.Helper()
	now, id, browser, code := c.s.clock.Now(), oauth.NewID("az"), storage.HashOf("browser"), oauth.NewCode()
	if _, err := c.s.config.Store.Client(c.s.Context(), c.id); err != nil && !errors.Is(err, storage.ErrUnreadable) { // fetches a document
		c.s.Fatal(err)
	}
	err := c.s.store.StartAuthorization(c.s.Context(), storage.Authorization{
		ID: id, Browser: browser, CreatedAt: now, ExpiresAt: now.Add(time.Minute),
		Request: storage.Request{
			ClientID: c.id, RedirectURI: c.redirect, Scope: scope, Resource: c.s.config.BaseURL + "/mcp", CodeChallenge: oauth.Challenge(c.verifier),
		},
	})
	if err != nil {
		c.s.Fatal(err)
	}
	_, err = c.s.store.FinishAuthorization(c.s.Context(), storage.Completion{
		AuthorizationID: id, Browser: browser, Person: who, GrantID: oauth.NewID("gr"),
		Code: storage.HashOf(code), CodeExpiresAt: now.Add(time.Minute),
	}, now)
	if err != nil {
		c.s.Fatal(err)
	}
	return code
}

func (c *client) exchangeForm(code string, changes ...url.Values) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {c.verifier}, "redirect_uri": {c.redirect},
		"client_id": {c.id}, "resource": {c.s.config.BaseURL + "/mcp"},
	}
	if c.secret != "" {
		form.Set("client_secret", c.secret)
	}
	return changed(form, changes...)
}

func (c *client) exchange(code string, changes ...url.Values) answer {
	c.s.Helper()
	return c.s.form("/token", c.exchangeForm(code, changes...))
}

func (c *client) refreshForm(token string, changes ...url.Values) url.Values {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {c.id}}
	if c.secret != "" {
		form.Set("client_secret", c.secret)
	}
	return changed(form, changes...)
}

func (c *client) refresh(token string, changes ...url.Values) answer {
	c.s.Helper()
	return c.s.form("/token", c.refreshForm(token, changes...))
}

// served asks again while there is a queue for the database that is longer than a request's
// patience: many at a time are slow under the race detector.
func served(ask func() answer) answer {
	a := ask()
	for tries := 0; a.Status == http.StatusServiceUnavailable && tries < 20; tries++ {
		a = ask()
	}
	return a
}

// tokens are what the token endpoint gave.
type tokens struct{ access, refresh, scope string }

func tokensOf(t testing.TB, a answer) tokens {
	t.Helper()
	got := tokens{a.member("access_token"), a.member("refresh_token"), a.member("scope")}
	if a.Status != http.StatusOK || got.access == "" || got.refresh == "" || got.scope == "" {
		t.Fatalf("got %d %s, want tokens", a.Status, a.Body)
	}
	return got
}

// connect returns tokens of a new grant.
func (c *client) connect() tokens {
	c.s.Helper()
	return tokensOf(c.s, c.exchange(c.code("mcp offline_access")))
}

const listTools = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`

// call calls the MCP endpoint.
func (s *site) call(token string, headers ...header) answer {
	s.Helper()
	h := header{"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
	if token != "" {
		h["Authorization"] = "Bearer " + token
	}
	return s.do(http.MethodPost, "/mcp", listTools, append([]header{h}, headers...)...)
}

// wantAccess fails the test unless the token works, or does not.
func (s *site) wantAccess(t testing.TB, token string, works bool) {
	t.Helper()
	a := s.call(token)
	if works && (a.Status != http.StatusOK || !strings.Contains(a.Body, `"whoami"`)) {
		t.Errorf("the token does not work: %d %s", a.Status, a.Body)
	}
	if !works {
		a.want(t, http.StatusUnauthorized, "invalid_token")
	}
}

// putClient writes a client row as FastMCP does.
func (s *site) putClient(id string, seal func(plaintext []byte) []byte, members map[string]any) *client {
	s.Helper()
	row := map[string]any{
		"client_id": id, "redirect_uris": []string{loopbackRedirect}, "grant_types": []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"}, "token_endpoint_auth_method": "none", "scope": nil, "client_name": "Written by FastMCP",
		"client_secret": nil,
	}
	maps.Copy(row, members)
	plaintext, err := json.Marshal(row)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := s.sql.ExecContext(s.Context(), "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)",
		"mcp-oauth-proxy-clients:"+id, string(seal(plaintext))); err != nil {
		s.Fatal(err)
	}
	return &client{s: s, id: id, redirect: loopbackRedirect, verifier: oauth.NewVerifier()}
}

// big is n bytes.
func big(n int) string { return strings.Repeat("a", n) }
