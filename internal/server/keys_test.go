package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// with is another server on the same database, with these keys.
func (s *site) with(keys ...string) *site {
	s.Helper()
	other := *s
	store := s.repo(keys...)
	other.store, other.config.MCP = &failingStore{Store: store, sound: store}, nil
	other.serve()
	return &other
}

func (s *site) repo(keys ...string) *repo.Repo {
	s.Helper()
	ring, err := keyring.Parse(strings.Join(keys, ","))
	if err != nil {
		s.Fatal(err)
	}
	return repo.New(dbtest.Open(s, s.url), ring)
}

// TestRetiredKey: guarantee 7. A replica that was forgotten in a rollout and has
// a retired key in front asks to try again when it would have to seal something,
// says in its log and to its probe what to do, and goes on with everything else.
func TestRetiredKey(t *testing.T) {
	t.Parallel()
	s, next := start(t), keyring.Generate()
	c := s.register()
	tokens, code := c.connect(), c.code("mcp")
	if _, err := s.repo(next, s.key).RotateKeys(t.Context(), repo.Rotation{Now: s.clock.Now}); err != nil {
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
	if a := behind.get("/readyz"); a.Status != http.StatusServiceUnavailable || !strings.Contains(a.member("reason"), "was retired: put") {
		t.Errorf("readyz: %d %s", a.Status, a.Body)
	}
	if log := s.log.String(); !strings.Contains(log, s.keys.Primary()+", which comes first here, was retired: put the key that followed it first") {
		t.Error("the log does not say what to do")
	}
	behind.wantAccess(t, tokens.access, true)
	tokensOf(t, at.exchange(code))

	at.s = s.with(next, s.key)
	tokensOf(t, at.refresh(tokens.refresh))
	at.connect()
	at.s.register()
	if a := at.s.get("/readyz"); a.Status != http.StatusOK {
		t.Errorf("readyz with the right keys: %d %s", a.Status, a.Body)
	}
}
