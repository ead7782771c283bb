package gateway_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// alice is who calls unless a test says otherwise.
var alice = principal.Principal{
	User: storage.User{ID: "u_alice", Person: storage.Person{
		Login: "alice", Name: "Alice Müller", Email: "alice@example.com", Groups: []string{"leads", "a, b"},
	}},
	ClientID: "c_1", Scope: "mcp",
}

func keys(t *testing.T) *keyring.Keyring {
	t.Helper()
	ring, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// config is that of an upstream at a URL.
func config(t *testing.T, target string) gateway.Config {
	t.Helper()
	parsed, err := gateway.ParseTarget(target)
	if err != nil {
		t.Fatal(err)
	}
	return gateway.Config{
		Name: "test", Target: parsed, Identify: true, Connect: 5 * time.Second, Answer: 10 * time.Second, MaxBody: 1 << 20, MaxConcurrent: 32,
		Sessions: keys(t), Logger: slog.New(slog.DiscardHandler),
	}
}

func open(t *testing.T, cfg gateway.Config) *gateway.Upstream {
	t.Helper()
	u, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// front serves the upstream to a principal, whom a header of the test may replace.
func front(t *testing.T, u *gateway.Upstream) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := alice
		if user, client, ok := strings.Cut(r.Header.Get("Test-Caller"), " "); ok {
			p.User.ID, p.ClientID = user, client
		}
		ctx := storage.WithActor(r.Context(), storage.Actor{Reference: "ref123"})
		u.ServeHTTP(w, r.WithContext(principal.NewContext(ctx, p)))
	}))
	t.Cleanup(s.Close)
	return s
}

// behind is a gateway in front of a handler.
func behind(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	upstream := httptest.NewServer(h)
	t.Cleanup(upstream.Close)
	return front(t, open(t, config(t, upstream.URL+"/mcp")))
}

// send sends a request with headers in pairs and returns the response with its body.
func send(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header[headers[i]] = append(r.Header[headers[i]], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		content = append(content, " <"+err.Error()+">"...)
	}
	return response, string(content)
}

const ping = `{"jsonrpc":"2.0","id":"q-1","method":"ping"}`

// behindAs is behind, for a user of another name.
func behindAs(t *testing.T, name string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	upstream := httptest.NewServer(h)
	t.Cleanup(upstream.Close)
	u := open(t, config(t, upstream.URL+"/mcp"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := alice
		p.User.Name = name
		u.ServeHTTP(w, r.WithContext(principal.NewContext(r.Context(), p)))
	}))
	t.Cleanup(s.Close)
	return s
}
