package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/assertion"
	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// oneKey is a storage.SigningKeyStore with room for one key, or an error.
type oneKey struct {
	keys []storage.SigningKey
	err  error
}

func (s *oneKey) SigningKeys(context.Context) ([]storage.SigningKey, error) { return s.keys, s.err }
func (s *oneKey) DropSigningKeys(context.Context, int64) error              { return s.err }
func (s *oneKey) AddSigningKey(_ context.Context, key storage.SigningKey) error {
	s.keys = []storage.SigningKey{key}
	return s.err
}

func signer(store *oneKey) *assertion.Signer {
	return assertion.New(assertion.Config{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler), Wanted: func() bool { return true }})
}

// asserting is a gateway that sends assertions, next to the identity headers or without them.
func asserting(t *testing.T, s *assertion.Signer, headers bool, h http.HandlerFunc) string {
	t.Helper()
	_, front := changed(t, h, func(cfg *gateway.Config) {
		cfg.Identify = headers
		cfg.Assert = gateway.Assert{Signer: s, Issuer: "https://keep.example", Audience: "tickets"}
	})
	return front.URL
}

// TestAssertion: the upstream gets one assertion for each request, which says who calls, and
// what a client sends in its place does not reach the upstream.
func TestAssertion(t *testing.T) {
	t.Parallel()
	for _, headers := range []bool{true, false} {
		seen := make(chan http.Header, 2)
		keys := signer(&oneKey{})
		url := asserting(t, keys, headers, func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Header.Clone()
			w.WriteHeader(http.StatusAccepted)
		})
		ids := map[any]bool{}
		for range 2 {
			send(t, http.MethodPost, url, ping, "X-Mcpkeep-Assertion", "forged", "x-mcpkeep-assertion", "forged", "X_Mcpkeep_Assertion", "forged", "X-Mcpkeep-User", "forged")
			h := <-seen
			if got := h.Get("X-Mcpkeep-User"); (got == "u_alice") != headers || got != "" && !headers || len(h["X-Mcpkeep-Assertion"]) != 1 || strings.Contains(h.Get("X_Mcpkeep_Assertion"), "forged") {
				t.Errorf("headers %v: %v", headers, h)
			}
			got := verified(t, keys, h.Get("X-Mcpkeep-Assertion"))
			ids[got["jti"]] = true
			if span := got["exp"].(float64) - got["iat"].(float64); span != 60 {
				t.Errorf("valid for %v seconds", span)
			}
			for _, name := range []string{"jti", "iat", "exp"} {
				delete(got, name)
			}
			want := map[string]any{
				"iss": "https://keep.example", "aud": "tickets", "sub": "u_alice", "email": "alice@example.com", "name": "Alice Müller",
				"groups": []any{"leads", "a, b"}, "client_id": "c_1", "scope": "mcp",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		if len(ids) != 2 {
			t.Errorf("the IDs of two assertions: %v", ids)
		}
	}
}

func verified(t *testing.T, keys *assertion.Signer, token string) (claims map[string]any) {
	t.Helper()
	document, _, err := keys.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Claims(&set, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// TestNoKey: an upstream that gets headers as well is served without an assertion while none
// can be signed; one that would not learn who calls is not asked.
func TestNoKey(t *testing.T) {
	t.Parallel()
	u, _ := changed(t, http.NotFound, func(cfg *gateway.Config) {
		cfg.Identify, cfg.Assert = false, gateway.Assert{Signer: signer(&oneKey{err: errors.New("away")})}
	})
	if err := u.Vouch(t.Context(), http.Header{}, alice); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("for a proxy in front: %v", err) // which gets 503 then
	}
	for _, headers := range []bool{true, false} {
		seen := make(chan http.Header, 1)
		url := asserting(t, signer(&oneKey{err: errors.New("away")}), headers, func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Header.Clone()
			w.WriteHeader(http.StatusAccepted)
		})
		response, body := send(t, http.MethodPost, url, ping, "X-Mcpkeep-Assertion", "forged")
		if !headers {
			if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || !strings.Contains(body, `"id":"q-1"`) || len(seen) != 0 {
				t.Errorf("with assertions alone: %d %s", response.StatusCode, body)
			}
			continue
		}
		if h := <-seen; response.StatusCode != http.StatusAccepted || h.Get("X-Mcpkeep-User") != "u_alice" || h["X-Mcpkeep-Assertion"] != nil {
			t.Errorf("with headers: %d %v", response.StatusCode, h)
		}
	}
}

// BenchmarkAssertion is what an assertion costs a call.
func BenchmarkAssertion(b *testing.B) {
	s := signer(&oneKey{})
	for b.Loop() {
		if _, err := s.Sign(b.Context(), assertion.Claims{Issuer: "https://keep.example", Audience: "tickets", Subject: "u_alice", ClientID: "c_1"}); err != nil {
			b.Fatal(err)
		}
	}
}
