//go:build attack

package attack_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	connections = 300
	// settling is how long a flood lasts before the token is revoked.
	settling = 1500 * time.Millisecond
	// felt is how soon a revocation by another process must be.
	felt = time.Second
)

// TestRevocationInFloods: guarantees 4 and 5. In the middle of a flood of each kind, a
// token that another process revokes is accepted by no call that begins a second later,
// and the database never counts as unavailable.
func TestRevocationInFloods(t *testing.T) {
	for _, e := range harness.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			opts := e.Options(t)
			p := harness.Start(t, opts)
			conn := dbtest.SQL(t, opts.Database)
			for _, k := range kinds(t, p) {
				t.Run(k.name, func(t *testing.T) {
					revokedIn(t, p, k, nil, func() {
						dbtest.Exec(t, conn, "UPDATE mcpkeep_grants SET revoked_at = $1", time.Now().Unix())
					})
				})
			}
			if strings.Contains(p.Logs.String(), "accepting a recently verified token") {
				t.Error("overload counted as an outage")
			}
		})
	}
}

// revokedIn revokes the token of a client in the middle of a flood. What happens during it, if
// anything, ends before that.
func revokedIn(t *testing.T, p *harness.Process, k kind, during, revoke func()) {
	t.Helper()
	c := signedIn(t, p)
	f := start(t.Context(), p.URL, k, connections, 0)
	defer f.stop()
	var took []time.Duration
	busy := 0
	var others sync.WaitGroup
	if during != nil {
		others.Go(during)
	}
	for began := time.Now(); time.Since(began) < settling; time.Sleep(20 * time.Millisecond) {
		asked := time.Now()
		switch _, err := c.Call(t.Context(), "whoami"); harness.StatusOf(err) {
		case http.StatusServiceUnavailable:
			busy++
		default:
			if err != nil {
				t.Fatal(err)
			}
		}
		took = append(took, time.Since(asked))
	}
	others.Wait()
	revoke()
	revoked := time.Now()
	var accepted time.Duration // the last call that was begun and accepted
	for {
		asked := time.Since(revoked)
		_, err := c.Call(t.Context(), "whoami")
		if err == nil {
			accepted = asked
		}
		if harness.StatusOf(err) == http.StatusUnauthorized || asked > time.Minute {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	refused := time.Since(revoked)
	slices.Sort(took)
	t.Logf("%-16s %6d sent, %6d refused immediately; calls: median %v, longest %v, %d of %d told to wait; revoked token: last accepted %v after, refused after %v",
		k.name, f.sent.Load(), f.refused.Load(), took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond),
		busy, len(took), accepted.Round(time.Millisecond), refused.Round(time.Millisecond))
	if accepted > felt || refused > time.Minute {
		t.Errorf("a revoked token was accepted %v later, and refused after %v", accepted, refused)
	}
}
