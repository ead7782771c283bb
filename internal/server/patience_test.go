package server_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

// databaseMost is how long a client waits for a database that hangs, whatever it hangs at.
const databaseMost = 5 * time.Second

// stall keeps everyone from a table: for a time, or until the test ends.
func (s *site) stall(t *testing.T, table string, d time.Duration) {
	t.Helper()
	tx, err := s.sql.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE "+table); err != nil {
		t.Fatal(err)
	}
	release := func() { _ = tx.Rollback() }
	if d == 0 {
		t.Cleanup(release)
		return
	}
	timer := time.AfterFunc(d, release)
	t.Cleanup(func() { timer.Stop(); release() })
}

// TestDatabaseHangsAtEachStep: a request for tokens waits for the database once, and not for
// each of its steps. What it presented is good afterwards.
func TestDatabaseHangsAtEachStep(t *testing.T) {
	t.Parallel()
	key := newSigner(t, "one")
	for name, ask := range map[string]func(c *client, got tokens, code string) answer{
		"refresh":    func(c *client, got tokens, _ string) answer { return c.refresh(got.refresh, key.assert(t, c)) },
		"code":       func(c *client, _ tokens, code string) answer { return c.exchange(code, key.assert(t, c)) },
		"revocation": func(c *client, got tokens, _ string) answer { return c.revoke(got.refresh, key.assert(t, c)) },
		"introspection": func(c *client, got tokens, _ string) answer {
			return c.introspect(got.access, key.assert(t, c))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, on(dbtest.Postgres()))
			c := s.register(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": key.set()})
			got, code := tokensOf(t, c.exchange(c.code("mcp"), key.assert(t, c))), c.code("mcp")
			s.clock.advance(cache.Fresh)
			t.Run("hanging", func(t *testing.T) {
				s.stall(t, "oauth_clients", 2*time.Second)
				s.stall(t, "mcpkeep_client_assertions", 3*time.Second)
				s.stall(t, "mcpkeep_grants", 0)
				began := time.Now()
				ask(c, got, code).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
				if took := time.Since(began); took > databaseMost {
					t.Errorf("the client had to wait %v", took)
				}
			})
			if a := ask(c, got, code); a.Status != http.StatusOK {
				t.Errorf("afterwards: %d %s", a.Status, a.brief())
			}
		})
	}
}

// TestDatabaseHangsAfterProvider: the time that the provider takes is its own, and the
// database may still take what it has.
func TestDatabaseHangsAfterProvider(t *testing.T) {
	t.Parallel()
	const slow = 3 * time.Second
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{ID: 7, Login: "octocat"})
	gh.SignInAs("octocat")
	s := start(t, onGitHub(gh, identity.Policy{Users: []string{"octocat"}}, 2*slow), on(dbtest.Postgres()))
	c := s.register()
	got := s.connectAs(c, url.Values{})
	gh.SetSlow(slow)
	s.stall(t, "mcpkeep_refresh_tokens", time.Second)
	took := time.Now()
	got = tokensOf(t, c.refresh(got.refresh))
	if time.Since(took) < slow+time.Second {
		t.Fatalf("the provider and the database took only %v", time.Since(took))
	}
	gh.SetSlow(0)
	t.Run("hanging", func(t *testing.T) {
		s.stall(t, "mcpkeep_refresh_tokens", 0)
		began := time.Now()
		c.refresh(got.refresh).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
		if took := time.Since(began); took > databaseMost {
			t.Errorf("the client had to wait %v", took)
		}
	})
	tokensOf(t, c.refresh(got.refresh))
}
