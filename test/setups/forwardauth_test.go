package setups_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// guarded is an MCP server that a proxy in front has mcpkeep check requests for.
type guarded struct {
	mu   sync.Mutex
	seen []http.Header
	next chan struct{} // has a stream send its next event

	server http.Handler
	front  front
	keep   *harness.Process
	client *harness.Client
	url    string // of the endpoint, at the proxy
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.seen = append(g.seen, r.Header.Clone())
	g.mu.Unlock()
	w.Header().Set("Access-Control-Allow-Origin", "https://of-the-server.example")
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, event := range []string{"data: 0\n\n", "data: 1\n\n", "data: 2\n\n"} {
			_, _ = io.WriteString(w, event)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-g.next:
			case <-r.Context().Done():
				return
			}
		}
		return
	}
	g.server.ServeHTTP(w, r)
}

// requests returns the headers of the requests that arrived since the last time.
func (g *guarded) requests() []http.Header {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := g.seen
	g.seen = nil
	return list
}

// guard starts the MCP server, mcpkeep, and a proxy in front of both, and signs a client in.
func guard(t *testing.T, name string) *guarded {
	t.Helper()
	find(t, name)
	g := &guarded{next: make(chan struct{}), server: everything.New()}
	upstream := httptest.NewServer(g)
	t.Cleanup(upstream.Close)
	at, path := harness.FreeAddress(t), filepath.Join(t.TempDir(), "mcpkeep.yaml")
	write(t, path, "mcpServers: {tickets: {url: \""+upstream.URL+"/mcp\"}}")
	g.keep = harness.Start(t, harness.Options{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "mcpkeep.db"),
		Args:     []string{"--config", path}, Env: []string{"MCPKEEP_BASE_URL=https://localhost:" + port(at)},
	})
	address := upstream.Listener.Addr().String()
	g.front = run(t, name, at, func(c certificate) []string {
		switch name {
		case "nginx":
			return nginxWith(t, "forward-auth.conf", at, g.keep.Address(), c, [2]string{"http://127.0.0.1:9000/", "http://" + address + "/"})
		case "envoy":
			return envoyWith(t, at, g.keep.Address(), address, c)
		}
		t.Setenv("MCPKEEP_TICKETS", address)
		return caddyWith(t, "forward-auth.Caddyfile", at, g.keep.Address(), c)
	})
	g.url = g.front.url + "/tickets/mcp"
	g.client = g.signIn(t, g.url)
	return g
}

func (g *guarded) signIn(t *testing.T, resource string) *harness.Client {
	t.Helper()
	c := harness.NewClient(g.front.url, g.front.through)
	c.Resource = resource
	if err := c.SignIn(t.Context(), harness.NewBrowser(g.front.through)); err != nil {
		t.Fatal(err)
	}
	return c
}

// send sends a request through the proxy, with a token unless that is empty and with headers
// in pairs. It reads no body.
func (g *guarded) send(t *testing.T, method, url, token string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header[headers[i]] = append(r.Header[headers[i]], headers[i+1])
	}
	response, err := (&http.Client{Transport: g.front.through, Timeout: patience}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// TestForwardAuth: a proxy that sends calls to the MCP server by itself, with the files of
// deploy/, lets those in whom mcpkeep lets in, and tells the server who they are.
func TestForwardAuth(t *testing.T) {
	for _, name := range []string{"caddy", "envoy", "nginx"} {
		t.Run(name, func(t *testing.T) {
			g := guard(t, name)
			g.calls(t)
			g.forged(t)
			g.streams(t)
			g.refused(t)
			g.ends(t, name)
		})
	}
}

// calls: an MCP client works, and its calls do not go through mcpkeep.
func (g *guarded) calls(t *testing.T) {
	t.Helper()
	m, err := client.NewStreamableHttpClient(g.url, transport.WithHTTPBasicClient(&http.Client{Transport: g.front.through, Timeout: patience}),
		transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + g.client.AccessToken}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	request := mcp.InitializeRequest{}
	request.Params.ProtocolVersion = "2025-11-25"
	request.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Initialize(ctx, request); err != nil {
		t.Fatal(err)
	}
	tool := mcp.CallToolRequest{}
	tool.Params.Name = "test_simple_text"
	if result, err := m.CallTool(ctx, tool); err != nil || result.IsError {
		t.Fatalf("the call: %v %v", result, err)
	}
	for _, h := range g.requests() {
		if h.Get("X-Mcpkeep-User") == "" || h.Get("X-Mcpkeep-Client") != g.client.ID || h.Get("X-Mcpkeep-Scope") == "" || h.Get("Authorization") != "" {
			t.Errorf("the server got %v", h)
		}
		for _, name := range []string{"X-Mcpkeep-Email", "X-Mcpkeep-Name", "X-Mcpkeep-Groups"} { // which this user has not
			if h[name] != nil {
				t.Errorf("the server got %s: %q", name, h[name])
			}
		}
	}
	body, err := io.ReadAll(g.send(t, http.MethodGet, g.front.url+"/readyz", "").Body)
	if err != nil || !strings.Contains(string(body), `"tickets":{"status":"unknown"}`) {
		t.Errorf("mcpkeep has passed calls on: %s %v", body, err)
	}
}

// forged: what a client says of its identity does not arrive, and nothing that mcpkeep says
// can be taken away.
func (g *guarded) forged(t *testing.T) {
	t.Helper()
	response := g.send(t, http.MethodPost, g.url, g.client.AccessToken, "X-Mcpkeep-User", "u_forged", "x-mcpkeep-groups", "admins", "X_mcpkeep_user", "u_forged",
		"X-Mcpkeep-Email", "admin@example.com", "X-mcpkeep_email", "admin@example.com", "X-Mcpkeep-Assertion", "forged", "X-Mcpkeep-Scope", "forged", "X-Mcpkeep-User", "u_second",
		"Cookie", "session=1", "X-Forwarded-For", "10.1.1.1", "X-Forwarded-Uri", "/mcpkeep/mcp", "X-Original-Url", "/mcpkeep/mcp")
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusBadRequest && response.StatusCode != http.StatusNotFound {
		t.Errorf("forged headers: %d", response.StatusCode)
	}
	list := g.requests()
	if len(list) != 1 {
		t.Fatalf("%d requests arrived", len(list))
	}
	for name, values := range list[0] {
		for _, value := range values {
			for _, forged := range []string{"u_forged", "u_second", "admins", "admin@example.com", "forged", "session=1", "10.1.1.1"} {
				if strings.Contains(value, forged) {
					t.Errorf("the server got %s: %s", name, value)
				}
			}
		}
	}
	if n := len(list[0]["X-Mcpkeep-User"]); n != 1 {
		t.Errorf("%d users", n)
	}
	g.named(t)
}

// named: a Connection header takes no header of mcpkeep's away. Only HTTP/1.1 has one.
func (g *guarded) named(t *testing.T) {
	t.Helper()
	first := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: g.front.through.TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}, // without HTTP/2
	}
	defer first.CloseIdleConnections()
	other := &guarded{front: front{url: g.front.url, through: first}}
	response := other.send(t, http.MethodPost, g.url, g.client.AccessToken, "Connection", "X-Mcpkeep-User, X-Mcpkeep-Client")
	if list := g.requests(); response.ProtoMajor != 1 || len(list) != 1 || list[0].Get("X-Mcpkeep-User") == "" || list[0].Get("X-Mcpkeep-Client") == "" {
		t.Errorf("over %s with headers named in Connection: %v", response.Proto, list)
	}
}

// streams: each event of a stream arrives before the next is sent.
func (g *guarded) streams(t *testing.T) {
	t.Helper()
	body := g.send(t, http.MethodGet, g.url, g.client.AccessToken).Body
	for _, want := range []string{"data: 0\n\n", "data: 1\n\n", "data: 2\n\n"} {
		event := make([]byte, len(want))
		if _, err := io.ReadFull(body, event); err != nil || string(event) != want {
			t.Fatalf("event %q, %v", event, err)
		}
		g.next <- struct{}{}
	}
	g.requests()
}

// refused: what mcpkeep says no to does not reach the server.
func (g *guarded) refused(t *testing.T) {
	t.Helper()
	other := g.signIn(t, g.front.url+"/mcpkeep/mcp")
	challenge := `resource_metadata="` + g.front.url + `/.well-known/oauth-protected-resource/tickets/mcp"`
	for name, token := range map[string]string{"no token": "", "garbage": "mka_x", "of another resource": other.AccessToken} {
		response := g.send(t, http.MethodPost, g.url, token)
		if h := response.Header; response.StatusCode != http.StatusUnauthorized || !strings.Contains(h.Get("WWW-Authenticate"), challenge) ||
			h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", name, response.StatusCode, h)
		}
	}
	for _, path := range []string{"/tickets/mcp/", "/tickets//mcp", "/tickets/%6dcp", "/tickets/mcp?x=1", "/x/../tickets/mcp"} {
		if status := g.send(t, http.MethodPost, g.front.url+path, "").StatusCode; status < http.StatusMultipleChoices {
			t.Errorf("%s without a token: %d", path, status)
		}
	}
	if status := g.send(t, http.MethodPost, g.url, g.client.AccessToken, "Origin", "https://evil.example").StatusCode; status != http.StatusForbidden {
		t.Errorf("a page of another origin: %d", status)
	}
	if status := g.send(t, http.MethodGet, g.front.url+"/auth/verify?upstream=tickets", g.client.AccessToken).StatusCode; status != http.StatusNotFound {
		t.Errorf("a client's own question: %d", status)
	}
	response := g.send(t, http.MethodOptions, g.url, "", "Origin", "http://localhost:3000", "Access-Control-Request-Method", "POST")
	if response.StatusCode != http.StatusNoContent || response.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("preflight: %d %v", response.StatusCode, response.Header)
	}
	if list := g.requests(); len(list) > 0 {
		t.Errorf("the server got %v", list)
	}
	response = g.send(t, http.MethodPost, g.url, g.client.AccessToken)
	if list := response.Header.Values("Access-Control-Allow-Origin"); len(list) != 1 || list[0] != "*" || len(g.requests()) != 1 {
		t.Errorf("CORS headers of a call: %v", list)
	}
}

// ends: a revoked grant gets 401, and without mcpkeep no one gets in.
func (g *guarded) ends(t *testing.T, name string) {
	t.Helper()
	if err := g.client.Revoke(t.Context(), g.client.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if status := g.send(t, http.MethodPost, g.url, g.client.AccessToken).StatusCode; status != http.StatusUnauthorized {
		t.Errorf("revoked: %d", status)
	}
	again := g.signIn(t, g.url)
	g.keep.Kill9()
	response := g.send(t, http.MethodPost, g.url, again.AccessToken)
	wait := response.Header.Get("Retry-After")
	if response.StatusCode < http.StatusInternalServerError || name == "nginx" && (response.StatusCode != http.StatusServiceUnavailable || wait == "") {
		t.Errorf("without mcpkeep: %d, Retry-After %q", response.StatusCode, wait)
	}
	if list := g.requests(); len(list) > 0 {
		t.Errorf("the server got %v", list)
	}
}
