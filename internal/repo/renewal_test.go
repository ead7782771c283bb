package repo_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestRenewals: of many holders on two replicas one may renew a user's token for an upstream,
// until its time is over or it gives the lease back. Nothing of a lease is left when it is over.
func TestRenewals(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		replicas := []*repo.Repo{repotest.Open(t, dbtest.Open(t, url), key), repotest.Open(t, dbtest.Open(t, url), key)}
		const rest = 5 * time.Minute
		lease := func(replica int, user, upstream, holder string, now time.Time) bool {
			held, err := replicas[replica].LeaseRenewal(t.Context(), user, upstream, holder, now.Add(rest), now)
			if err != nil {
				t.Error(err)
			}
			return held
		}
		var holders sync.WaitGroup
		var held atomic.Int32
		var holder atomic.Value
		for i := range 10 {
			holders.Go(func() {
				if name := fmt.Sprint("holder ", i); lease(i%2, "u_1", "tickets", name, repotest.Now) {
					held.Add(1)
					holder.Store(name)
				}
			})
		}
		holders.Wait()
		if n := held.Load(); n != 1 {
			t.Fatalf("%d holders, want one", n)
		}
		for name, tt := range map[string]struct {
			user, upstream string
			later          time.Duration
			want           bool
		}{
			"another user": {"u_2", "tickets", 0, true}, "another upstream": {"u_1", "notes", 0, true},
			"too early": {"u_1", "tickets", rest - time.Second, false},
		} {
			if got := lease(1, tt.user, tt.upstream, "next", repotest.Now.Add(tt.later)); got != tt.want {
				t.Errorf("%s: %v", name, got)
			}
		}
		end := func(holder string) {
			if err := replicas[1].EndRenewal(t.Context(), "u_1", "tickets", holder); err != nil {
				t.Error(err)
			}
		}
		end("someone else")
		if lease(0, "u_1", "tickets", "next", repotest.Now) {
			t.Error("someone else gave the lease back")
		}
		end(fmt.Sprint(holder.Load()))
		if !lease(0, "u_1", "tickets", "next", repotest.Now) || !lease(0, "u_1", "tickets", "the one after", repotest.Now.Add(rest)) {
			t.Error("a lease that is over is held")
		}
		if _, err := replicas[0].DeleteExpired(t.Context(), repotest.Now.Add(rest), storage.Retention{}, 100); err != nil {
			t.Fatal(err)
		}
		conn := dbtest.SQL(t, url)
		if n := dbtest.Value[int](t, conn, "SELECT COUNT(*) FROM mcpkeep_leases WHERE name LIKE 'renewal/%'"); n != 1 {
			t.Errorf("%d leases are left, want the one that is held", n)
		}
		if n := dbtest.Value[int](t, conn, "SELECT COUNT(*) FROM mcpkeep_leases WHERE name = 'cleaner'"); n != 1 {
			t.Error("the cleaner's lease is gone")
		}
	})
}
