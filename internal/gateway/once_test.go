package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/assertion"
	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// TestAssertionOnce: each attempt to send a request has its own assertion, after a redirect and
// with a renewed token too, so that an upstream can accept each only once.
func TestAssertionOnce(t *testing.T) {
	t.Parallel()
	keys, from := signer(&oneKey{}), &purse{first: "tok-1", next: "tok-2"}
	var mu sync.Mutex
	ids := map[any]int{}
	_, s := changed(t, func(w http.ResponseWriter, r *http.Request) {
		id := verified(t, keys, r.Header.Get("X-Mcpkeep-Assertion"))["jti"]
		mu.Lock()
		ids[id]++
		mu.Unlock()
		switch {
		case r.URL.Path == "/mcp":
			http.Redirect(w, r, "/mcp/", http.StatusTemporaryRedirect)
		case r.Header.Get("X-Token") != "tok-2":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	}, func(cfg *gateway.Config) {
		cfg.Assert = gateway.Assert{Signer: keys, Issuer: "https://keep.example", Audience: "tickets"}
		cfg.Lend = gateway.Lend{Header: "X-Token", Tokens: from, SignIn: func(principal.Principal) string { return "Bearer" }}
	})
	if response, body := send(t, http.MethodPost, s.URL, ping); response.StatusCode != http.StatusAccepted {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	mu.Lock()
	defer mu.Unlock()
	for id, n := range ids {
		if n != 1 || len(ids) < 3 {
			t.Errorf("%v came %d times, of %d", id, n, len(ids))
		}
	}
}

// TestAssertionIsFresh: where rules have a request read first, its assertion is signed when
// that is done, however slow the client is.
func TestAssertionIsFresh(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	keys := assertion.New(assertion.Config{Store: &oneKey{}, Now: now, Log: slog.New(slog.DiscardHandler), Wanted: func() bool { return true }})
	seen, begun := make(chan string, 1), make(chan bool, 1)
	_, s := changed(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("X-Mcpkeep-Assertion")
		w.WriteHeader(http.StatusAccepted)
	}, func(cfg *gateway.Config) {
		cfg.Assert = gateway.Assert{Signer: keys, Issuer: "https://keep.example", Audience: "tickets"}
		cfg.Rules = rules.New([]rules.Rule{{Tools: []string{"x"}, Deny: true}})
		cfg.Lend = gateway.Lend{Header: "X-Token", Tokens: lender{&purse{first: "tok-1"}, begun}, SignIn: func(principal.Principal) string { return "" }}
	})
	enough := strings.Repeat(" ", 64<<10) // to leave the client's buffer
	body := io.MultiReader(strings.NewReader(`{"jsonrpc":"2.0",`+enough), slow(func() {
		<-begun
		late.Store(int64(time.Hour))
	}), strings.NewReader(`"id":1,"method":"ping"}`))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := s.Client().Do(r)
	if err != nil || response.StatusCode != http.StatusAccepted {
		t.Fatalf("%v %v", response, err)
	}
	_ = response.Body.Close()
	if signed := time.Unix(int64(verified(t, keys, <-seen)["iat"].(float64)), 0); time.Until(signed) < 30*time.Minute {
		t.Errorf("signed at %v, before the body was there", signed)
	}
}

// lender says when a request needs a token, which is before its body is read.
type lender struct {
	gateway.Tokens
	begun chan bool
}

func (l lender) Token(ctx context.Context, p principal.Principal) (string, error) {
	l.begun <- true
	return l.Tokens.Token(ctx, p)
}

// slow is the part of a body for which a client takes its time.
type slow func()

func (s slow) Read([]byte) (int, error) {
	s()
	return 0, io.EOF
}
