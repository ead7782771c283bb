package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// with is another server on the same database, with these keys.
func (s *site) with(keys ...string) *site {
	s.Helper()
	other := *s
	store := repo.New(dbtest.Open(s, s.url), s.ring(keys...))
	other.store, other.config.Resources = &failingStore{Store: store, sound: store}, nil
	other.serve()
	return &other
}

// ring parses keys, the first of which seals.
func (s *site) ring(keys ...string) *keyring.Keyring {
	s.Helper()
	ring, err := keyring.Parse(strings.Join(keys, ","))
	if err != nil {
		s.Fatal(err)
	}
	return ring
}

// TestRetiredKey: guarantee 7. A replica that was forgotten in a rollout and has
// a retired key in front asks to try again when it would have to seal something,
// says in its log and to its probe what to do, and continues with everything else.
func TestRetiredKey(t *testing.T) {
	t.Parallel()
	s, next := start(t), keyring.Generate()
	c := s.register()
	tokens, code := c.connect(), c.code("mcp")
	if _, err := rekey.New(dbtest.Open(s, s.url), s.ring(next, s.key)).Rotate(t.Context(), rekey.Rotation{Now: s.clock.Now}); err != nil {
		t.Fatal(err)
	}
	behind := s.with(s.key, next)
	at := *c
	at.s = behind
	behind.unchanged(t, func() {
		for name, a := range map[string]answer{
			"register": behind.do(http.MethodPost, "/register", `{"redirect_uris":["https://a.example/cb"]}`, asJSON),
			"refresh":  at.refresh(tokens.refresh),
		} {
			t.Run(name, func(t *testing.T) { a.want(t, http.StatusServiceUnavailable, "temporarily_unavailable") })
		}
		t.Run("sign in", func(t *testing.T) {
			b := behind.browser()
			b.submit(b.visit(at.authorizePath()), enter).shows(t, http.StatusServiceUnavailable, "Not available right now")
		})
	})
	if a := behind.readyAs(t, http.StatusServiceUnavailable); !strings.Contains(a.member("reason"), "was retired: put") {
		t.Errorf("readyz: %d %s", a.Status, a.Body)
	}
	if log := s.log.String(); !strings.Contains(log, s.keys.Primary()+", which is configured first, was retired: put its successor first") {
		t.Error("the log does not say what to do")
	}
	behind.wantAccess(t, tokens.access, true)
	tokensOf(t, at.exchange(code))

	at.s = s.with(next, s.key)
	tokensOf(t, at.refresh(tokens.refresh))
	at.connect()
	at.s.register()
	at.s.readyAs(t, http.StatusOK)
}
