package server_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// atMost sets a ceiling.
func atMost(clients int64) func(*setup) { return func(set *setup) { set.MaxClients = clients } }

// registers sends the registration of a client with a redirect URI.
func (s *site) registers(uri string) answer {
	s.Helper()
	return s.do(http.MethodPost, "/register", `{"token_endpoint_auth_method":"none","redirect_uris":["`+uri+`"]}`, asJSON)
}

// TestCeiling: B8, C-10, 7591-10. A registration beyond the ceiling returns 429 so
// that clients come again; it costs no one who is there anything.
func TestCeiling(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), atMost(3))
		used, waiting, idle := s.register(), s.register(), s.register()
		got := used.connect()
		b := s.browser()
		consent := b.signIn(waiting)
		full := func() {
			t.Helper()
			s.unchanged(t, func() {
				a := s.registers("https://a.example/cb")
				a.want(t, http.StatusTooManyRequests, "temporarily_unavailable")
				if a.Header.Get("Retry-After") != "3" || a.Header.Get("Access-Control-Allow-Origin") != "*" ||
					!strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
					t.Errorf("C-10: %v", a.Header)
				}
			})
		}
		full() // counts
		full()
		got = tokensOf(t, used.refresh(got.refresh))
		s.wantAccess(t, got.access, true)
		b.submit(consent, approve).target(t, waiting.redirect)
		s.browser().visit(idle.authorizePath()).shows(t, http.StatusOK, "Sign in")

		s.clock.advance(30 * time.Minute)
		if a := s.registers("https://a.example/cb"); a.Status != http.StatusCreated {
			t.Fatalf("with room: %d %s", a.Status, a.Body)
		}
		idle.refresh("unknown").want(t, http.StatusUnauthorized, "invalid_client") // and registers again
		waiting.refresh("unknown").want(t, http.StatusBadRequest, "invalid_grant")
		tokensOf(t, used.refresh(got.refresh))
		full()
		used.manageDelete(t)
		if a := s.registers("https://a.example/cb"); a.Status != http.StatusCreated {
			t.Errorf("after a deletion: %d %s", a.Status, a.Body)
		}
		if !strings.Contains(s.log.String(), `"event":"registration_full"`) {
			t.Error("the log does not tell of it")
		}
	})
}

func (c *client) manageDelete(t testing.TB) {
	t.Helper()
	if a := c.s.managed(http.MethodDelete, c.id, c.manage, ""); a.Status != http.StatusNoContent {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// TestCeilingRace: of many registrations at two replicas those get in that there
// is room for.
func TestCeilingRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		const ceiling = 20
		s := start(t, on(e), atMost(ceiling))
		statuses := map[int]int{}
		for _, a := range raceOf(t, s, http.MethodPost, "/register", `{"redirect_uris":["https://a.example/cb"]}`, asJSON) {
			statuses[a.Status]++
		}
		if statuses[http.StatusCreated] != ceiling || statuses[http.StatusTooManyRequests] != rivals-ceiling {
			t.Errorf("got %v", statuses)
		}
	})
}

// TestFlood: B8. After a hundred thousand registrations that no one used the table shrinks,
// the memory stays bounded, and existing clients keep working.
func TestFlood(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		const many = 100_000
		s := start(t, on(e), atMost(many))
		c := s.register()
		got := c.connect()
		series := "generate_series(1, 100000) AS s(i)"
		if e.Name == "sqlite" {
			series = "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100000) SELECT i FROM s)"
		}
		dbtest.Exec(t, s.sql, `INSERT INTO oauth_clients (key, value, created_at, updated_at, unused_since)
			SELECT 'mcp-oauth-proxy-clients:c_' || i, value, created_at, updated_at, CAST($1 AS BIGINT) - i / 100 FROM oauth_clients CROSS JOIN `+series,
			s.clock.Now().Add(-time.Hour).Unix())
		s.clock.advance(16 * time.Minute) // the rows came by another way: the count has to get old
		memory := heap()
		for range 10 {
			s.clock.advance(2 * time.Second) // and the room is looked for again
			if a := s.registers("https://a.example/cb"); a.Status != http.StatusCreated {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM oauth_clients"); n > many*95/100 || n < 2000 {
			t.Errorf("%d clients, want fewer than %d", n, many)
		}
		if more := heap() - memory; more > 32<<20 {
			t.Errorf("%d bytes more in memory", more)
		}
		s.wantAccess(t, got.access, true)
		tokensOf(t, c.refresh(got.refresh))
		s.browser().visit(c.authorizePath()).shows(t, http.StatusOK, "Sign in")
	})
}

// ceilings is a store that remembers what registrations are bounded by.
type ceilings struct {
	storage.Store
	last storage.Ceiling
}

func (c *ceilings) RegisterClient(ctx context.Context, client storage.Client, ceiling storage.Ceiling) error {
	c.last = ceiling
	return c.Store.RegisterClient(ctx, client, ceiling)
}

// TestUnusedBound: B8. With the defaults, two thousand registrations that no one has used are
// kept, and each for half a minute at least. What that means for a flood, the contract of
// storage and test/attack show.
func TestUnusedBound(t *testing.T) {
	t.Parallel()
	s := start(t)
	seen := &ceilings{Store: s.store.sound}
	s.store.Store = seen
	s.register()
	if want := (storage.Ceiling{Unused: 2000, MinAge: 30 * time.Second}); seen.last != want {
		t.Errorf("registrations are bounded by %+v, want %+v", seen.last, want)
	}
}

// heap is how much memory is in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestSharedEgress: B9, C-10. Hosted clients share a few addresses: a hundred
// registrations within a minute from one of them, each used, all succeed.
func TestSharedEgress(t *testing.T) {
	t.Parallel()
	s := start(t, atMost(100))
	for range 100 {
		s.register().connect()
	}
	s.registers("https://a.example/cb").want(t, http.StatusTooManyRequests, "temporarily_unavailable")
}

// TestUnlimitedReplica: a replica that does not know of the ceiling yet, or any
// more, does not spoil the count for longer than until it is counted again.
func TestUnlimitedReplica(t *testing.T) {
	t.Parallel()
	s := start(t, atMost(5))
	other := s.replica(func(c *server.Config) { c.MaxClients = 0 })
	for range 4 {
		s.register().connect()
		other.register().connect()
	}
	s.register().connect() // the fifth that this replica counted
	s.clock.advance(16 * time.Minute)
	s.registers("https://a.example/cb").want(t, http.StatusTooManyRequests, "temporarily_unavailable")
}
