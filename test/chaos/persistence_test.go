//go:build chaos

package chaos_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	clients       = 100
	killsPerStore = 50
	longestUptime = 500 * time.Millisecond // between getting ready and the next kill -9
	killsPerCrash = 5                      // of the database
)

// TestKilledUnderLoad kills the server again and again at random moments while
// clients call tools, refresh and register, and crashes PostgreSQL now and then. Whatever was
// acknowledged must hold afterwards.
func TestKilledUnderLoad(t *testing.T) {
	var kills, crashes, steps int64
	run := func(t *testing.T, database string, cluster *pgtest.Cluster) {
		t.Helper()
		p := harness.Start(t, harness.Options{Database: database, Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}})
		s := newStorm(t, p)
		s.cluster = cluster
		s.signIn(t)
		s.rage(t)
		steps += s.verify(t)
		kills, crashes = kills+s.kills, crashes+s.crashes
	}
	// One engine after the other: they would take each other's time.
	t.Run("sqlite", func(t *testing.T) { run(t, harness.SQLite(t), nil) })
	t.Run("postgres", func(t *testing.T) {
		cluster := pgtest.NewCluster(t, pgtest.Setting("fsync", "on"), pgtest.Setting("synchronous_commit", "on"),
			pgtest.Setting("full_page_writes", "on"))
		run(t, cluster.DSN(), cluster)
	})
	t.Logf("%d kills, %d crashes of the database, %d acknowledged steps", kills, crashes, steps)
}

// storm is the whole experiment.
type storm struct {
	p       *harness.Process
	seed    int64
	kills   int64
	crashes int64           // so far
	cluster *pgtest.Cluster // to crash; nil for SQLite
	down    outages
	clients []*stormClient
}

func newStorm(t *testing.T, p *harness.Process) *storm {
	t.Helper()
	s := &storm{
		p: p, seed: setting(t, "MCPKEEP_CHAOS_SEED", time.Now().UnixNano()),
		kills: setting(t, "MCPKEEP_CHAOS_KILLS", killsPerStore),
	}
	t.Logf("MCPKEEP_CHAOS_SEED=%d", s.seed)
	for i := range clients {
		s.clients = append(s.clients, &stormClient{
			Client: harness.NewClient(p.URL, nil), storm: s, random: s.random(uint64(i) + 1),
		})
	}
	return s
}

// random returns a source of its own for each stream.
func (s *storm) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(s.seed), stream))
}

// signIn signs all clients in, before anything breaks.
func (s *storm) signIn(t *testing.T) {
	t.Helper()
	began := time.Now()
	b := harness.NewBrowser(nil)
	for _, c := range s.clients {
		if err := c.SignIn(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("signed in %d clients in %v", clients, time.Since(began).Round(time.Millisecond))
}

// rage kills the server under load as often as it was told to.
func (s *storm) rage(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for _, c := range s.clients {
		all.Go(func() { c.run(ctx) })
	}
	random := s.random(0)
	var starting time.Duration
	began := time.Now()
	for kill := range s.kills {
		time.Sleep(time.Duration(random.Int64N(int64(longestUptime))))
		if s.cluster != nil && kill%killsPerCrash == killsPerCrash-1 {
			s.crash(t)
		}
		s.down.begin()
		s.p.Kill9()
		if err := s.p.Restart(); err != nil {
			t.Fatal(err)
		}
		s.down.end()
		starting = max(starting, s.p.StartedIn)
	}
	time.Sleep(longestUptime)
	took := time.Since(began)
	stop()
	all.Wait()
	t.Logf("%d kills and %d crashes of the database in %v; slowest start %v", s.kills, s.crashes, took.Round(time.Millisecond), starting.Round(time.Millisecond))
}

// crash crashes the database under the running server.
func (s *storm) crash(t *testing.T) {
	t.Helper()
	if err := s.cluster.Stop(true); err != nil {
		t.Fatal(err)
	}
	if err := s.cluster.Start(); err != nil {
		t.Fatal(err)
	}
	s.crashes++
}

// verify looks at what the clients found, and once more at everything that was
// acknowledged to them. It returns how many steps were.
func (s *storm) verify(t *testing.T) int64 {
	t.Helper()
	var sum counts
	registered := 0
	for _, c := range s.clients {
		for _, failure := range c.failures {
			t.Error(failure)
		}
		sum.add(c.counts)
		registered += len(c.registered)
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("the last refresh token of %s: %v", c.ID, err)
		}
		if _, err := c.Call(t.Context(), "whoami"); err != nil {
			t.Errorf("the last access token of %s: %v", c.ID, err)
		}
		c.verifyRegistrations(t)
	}
	t.Logf("%+v; %d registrations verified", sum, registered)
	if sum.Calls == 0 || sum.Refreshes == 0 || registered == 0 || sum.Lost == 0 {
		t.Errorf("the load was too small to tell anything: %+v", sum)
	}
	if n := s.p.Logs.Events("grant_created"); n != clients {
		t.Errorf("%d grants were made for %d clients", n, clients)
	}
	assertNo500(t, s.p)
	return int64(sum.Calls + sum.Refreshes + sum.Registrations)
}
