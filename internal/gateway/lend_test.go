package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// purse is a provider's tokens of alice.
type purse struct {
	mu          sync.Mutex
	first, next string
	err, again  error
	refused     []string
}

func (p *purse) Token(_ context.Context, who principal.Principal) (string, error) {
	if who.User.ID != alice.User.ID {
		return "", errors.New("another user's token was asked for")
	}
	return p.first, p.err
}

// refusals are the tokens that were to be renewed.
func (p *purse) refusals() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.refused)
}

func (p *purse) Renew(_ context.Context, _ principal.Principal, refused string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = append(p.refused, refused)
	return p.next, p.again
}

// tries are the requests that reach an upstream.
type tries struct {
	mu   sync.Mutex
	list []http.Header
	body []string
}

func (t *tries) note(r *http.Request) {
	content, _ := io.ReadAll(r.Body)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list, t.body = append(t.list, r.Header), append(t.body, string(content))
}

// got returns the headers and bodies so far.
func (t *tries) got() ([]http.Header, []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list), slices.Clone(t.body)
}

// lends makes a gateway give tokens to an upstream that accepts some.
func lends(t *testing.T, header string, from *purse, accepted ...string) (*tries, *gateway.Upstream, string, *bytes.Buffer) {
	t.Helper()
	seen, log := &tries{}, new(bytes.Buffer)
	u, s := changed(t, func(w http.ResponseWriter, r *http.Request) {
		seen.note(r)
		if !slices.Contains(accepted, r.Header.Get(header)) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":"q-1","result":{}}`))
	}, func(cfg *gateway.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
		cfg.Lend = gateway.Lend{Header: header, Tokens: from, SignIn: func(p principal.Principal) string { return "Bearer for=" + p.User.ID }}
	})
	return seen, u, s.URL, log
}

// TestLend: the token is in the header that the operator named, whatever the client sends. An
// upstream that refuses it gets another one, once, with the same request.
func TestLend(t *testing.T) {
	t.Parallel()
	long := `{"jsonrpc":"2.0","id":"q-1","method":"tools/call","params":{"text":"` + strings.Repeat("x", 300<<10) + `"}}`
	for name, tt := range map[string]struct {
		header   string
		accepted string
		method   string
		body     string
		status   int
		tries    []string // values of the header
	}{
		"accepted":         {"X-Github-Token", "tok-1", http.MethodPost, ping, 200, []string{"tok-1"}},
		"authorization":    {"Authorization", "Bearer tok-1", http.MethodPost, ping, 200, []string{"Bearer tok-1"}},
		"refused once":     {"Authorization", "Bearer tok-2", http.MethodPost, long, 200, []string{"Bearer tok-1", "Bearer tok-2"}},
		"a refused stream": {"X-Github-Token", "tok-2", http.MethodGet, "", 200, []string{"tok-1", "tok-2"}},
		"refused twice":    {"X-Github-Token", "none", http.MethodPost, ping, 502, []string{"tok-1", "tok-2"}},
	} {
		from := &purse{first: "tok-1", next: "tok-2"}
		seen, _, url, log := lends(t, tt.header, from, tt.accepted)
		response, body := send(t, tt.method, url, tt.body, "Authorization", "Bearer client", "X-Github-Token", "client", "X-GITHUB-TOKEN", "client")
		var got []string
		headers, bodies := seen.got()
		for i, h := range headers {
			got = append(got, strings.Join(h[tt.header], ", "))
			if bodies[i] != tt.body {
				t.Errorf("%s: try %d had another body, of %d bytes", name, i, len(bodies[i]))
			}
		}
		refused := from.refusals()
		if response.StatusCode != tt.status || !slices.Equal(got, tt.tries) || len(refused) != len(tt.tries)-1 {
			t.Errorf("%s: %d, tokens %q, refused %q", name, response.StatusCode, got, refused)
		}
		if strings.Contains(body, "does not accept your sign-in") != (tt.status == http.StatusBadGateway) {
			t.Errorf("%s: %s", name, body)
		}
		if response.Header.Get("WWW-Authenticate") != "" || strings.Contains(body+log.String(), "tok-") {
			t.Errorf("%s: %v %s %s", name, response.Header, body, log)
		}
		if len(refused) > 0 && refused[0] != "tok-1" {
			t.Errorf("%s: %q was refused", name, refused)
		}
	}
}

// TestLendFails: without a token nothing is sent. A user whom the provider does not know any
// more is asked to sign in, and a provider that does not answer is a matter of time.
func TestLendFails(t *testing.T) {
	t.Parallel()
	away := &gateway.LendingError{After: 6500 * time.Millisecond, Cause: errors.New("secret address")}
	for name, tt := range map[string]struct {
		from      *purse
		status    int
		challenge string
		retry     string
		tries     int
	}{
		"signed out":           {&purse{err: gateway.ErrSignIn}, 401, "Bearer for=u_alice", "", 0},
		"away":                 {&purse{err: away}, 503, "", "7", 0},
		"away for a time":      {&purse{err: &gateway.LendingError{Cause: io.EOF}}, 503, "", "1", 0},
		"then signed out":      {&purse{again: gateway.ErrSignIn}, 401, "Bearer for=u_alice", "", 1},
		"then away":            {&purse{again: away}, 503, "", "7", 1},
		"no other token":       {&purse{again: gateway.ErrNoOther}, 502, "", "", 1},
		"no words for failure": {&purse{again: io.ErrUnexpectedEOF}, 502, "", "", 1},
	} {
		seen, u, url, _ := lends(t, "X-Github-Token", tt.from, "none")
		response, body := send(t, http.MethodPost, url, ping)
		h := response.Header
		headers, _ := seen.got()
		if response.StatusCode != tt.status || h.Get("WWW-Authenticate") != tt.challenge || h.Get("Retry-After") != tt.retry || len(headers) != tt.tries {
			t.Errorf("%s: %d %v after %d tries", name, response.StatusCode, h, len(headers))
		}
		if !strings.Contains(body, `"id":"q-1"`) || strings.Contains(body, "secret") {
			t.Errorf("%s: %s", name, body)
		}
		if said := u.Health().Status; said == "failing" != (name == "no other token") {
			t.Errorf("%s: the upstream is %s", name, said)
		}
	}
}

// TestLendLargeBody: a request that is larger than the limit is not sent again.
func TestLendLargeBody(t *testing.T) {
	t.Parallel()
	from := &purse{first: "tok-1", next: "tok-2"}
	seen, _, url, _ := lends(t, "X-Github-Token", from, "tok-2")
	if response, _ := send(t, http.MethodPost, url, strings.Repeat("x", 2<<20)); response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d", response.StatusCode)
	}
	if headers, _ := seen.got(); len(from.refusals()) > 0 || len(headers) > 1 {
		t.Errorf("%d tries, renewed %q", len(headers), from.refusals())
	}
}

// TestLendOverNetwork: a token crosses no network unencrypted.
func TestLendOverNetwork(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]bool{
		"http://127.0.0.1:1/mcp": true, "http://[::1]:1/mcp": true, "http://localhost:1/mcp": true, "unix:/run/a.sock:/mcp": true,
		"https://mcp.example.com/mcp": true, "http://10.0.0.1/mcp": false, "http://tickets/mcp": false, "http://mcp.example.com/mcp": false,
		"http://localhost.example.com/mcp": false,
	} {
		cfg := config(t, target)
		cfg.Lend = gateway.Lend{Header: "X-Token", Tokens: &purse{}, SignIn: func(principal.Principal) string { return "" }}
		if _, err := gateway.New(cfg); (err == nil) != want {
			t.Errorf("%s: %v", target, err)
		}
	}
}
