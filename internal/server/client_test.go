package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// answer is what a program gets.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// member returns a member of a JSON answer as text, "" when it is absent.
func (a answer) member(name string) string {
	var members map[string]any
	_ = json.Unmarshal([]byte(a.Body), &members)
	text, _ := members[name].(string)
	return text
}

var stylePattern = regexp.MustCompile(`(?s)<style>.*</style>`)

// brief is the body without what no failure is about.
func (a answer) brief() string { return strings.TrimSpace(stylePattern.ReplaceAllString(a.Body, "")) }

// want fails the test unless the answer has a status and an OAuth error code,
// "" for none.
func (a answer) want(t testing.TB, status int, code string) {
	t.Helper()
	if a.Status != status || a.member("error") != code {
		t.Errorf("got %d %s, want %d %q", a.Status, a.brief(), status, code)
	}
}

// target returns the redirect's parameters; the test fails when it is none to uri.
func (a answer) target(t testing.TB, uri string) url.Values {
	t.Helper()
	location := a.Header.Get("Location")
	u, err := url.Parse(location)
	if err != nil || a.Status != http.StatusFound && a.Status != http.StatusSeeOther || !strings.HasPrefix(location, uri) {
		t.Fatalf("got %d to %q, want a redirect to %s\n%s", a.Status, location, uri, a.brief())
	}
	return u.Query()
}

// header is what a request differs in from a plain one.
type header map[string]string

// do sends a request as a program does.
func (s *site) do(method, path, body string, headers ...header) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.config.BaseURL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for _, h := range headers {
		for name, value := range h {
			if name == "Host" {
				req.Host = value
			}
			req.Header.Set(name, value)
		}
	}
	return s.send(req)
}

func (s *site) send(req *http.Request) answer {
	s.Helper()
	resp, err := s.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	return read(s, resp)
}

func read(t testing.TB, resp *http.Response) answer {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (s *site) get(path string, headers ...header) answer {
	s.Helper()
	return s.do(http.MethodGet, path, "", headers...)
}

// form posts a form.
func (s *site) form(path string, values url.Values, headers ...header) answer {
	s.Helper()
	return s.do(http.MethodPost, path, values.Encode(),
		append([]header{{"Content-Type": "application/x-www-form-urlencoded"}}, headers...)...)
}

// changed returns values with some replaced; one without a value is left out.
func changed(values url.Values, changes ...url.Values) url.Values {
	values = maps.Clone(values)
	for _, change := range changes {
		for name, list := range change {
			values[name] = list
		}
	}
	return values
}

// client is a registered client.
type client struct {
	s                    *site
	id, secret, redirect string
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
	return &client{s: s, id: a.member("client_id"), secret: a.member("client_secret"), redirect: uris[0], verifier: oauth.NewVerifier()}
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
	now, id, browser, code := c.s.clock.Now(), oauth.NewID("az"), storage.HashOf("browser"), oauth.NewCode()
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
		AuthorizationID: id, Browser: browser, Person: owner(), GrantID: oauth.NewID("gr"),
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

// sortedKeys is for subtests in a stable order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// big is n bytes.
func big(n int) string { return string(bytes.Repeat([]byte("a"), n)) }
