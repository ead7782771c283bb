//go:build faults

package faults_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// feltWithin is the promise for revocations (guarantee 4).
const feltWithin = time.Second

// ended is what a client had that revoked it.
type ended struct {
	*harness.Client
	at time.Time // when the revocation was acknowledged
}

// newcomers sign in, use what they got at each server, and revoke it.
type newcomers struct {
	load *load

	gate sync.RWMutex // closed before a fault begins

	mu      sync.Mutex
	revoked []ended
}

// run has one newcomer after another.
func (n *newcomers) run(ctx context.Context) {
	for ctx.Err() == nil {
		time.Sleep(rand.N(2 * longestPause))
		c := n.load.newClient()
		if c.signIn(ctx) && c.try(ctx, "first call", true, c.whoami) && c.try(ctx, "second call", true, c.whoami) {
			n.revoke(ctx, c)
		}
		c.line.close()
	}
}

// revoke ends the client's grant, unless a fault is about to begin. A revocation that comes
// just before an outage need not be felt by servers that can't ask.
func (n *newcomers) revoke(ctx context.Context, c *client) {
	n.gate.RLock()
	defer n.gate.RUnlock()
	if !c.try(ctx, "revoke", true, func(ctx context.Context) error { return c.Revoke(ctx, c.RefreshToken) }) {
		return
	}
	n.load.tally.hasRevoked()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.revoked = append(n.revoked, ended{c.Client, time.Now()})
}

// quiet returns when no revocation has been under way for as long as it takes for one to be
// felt; none begins until the returned function is called.
func (n *newcomers) quiet() (unlock func()) {
	n.gate.Lock()
	time.Sleep(feltWithin + feltWithin/2)
	return n.gate.Unlock
}

// watch calls with the tokens that were revoked last, at each server.
func (n *newcomers) watch(ctx context.Context) {
	const last = 5
	line := newLine(n.load.world, n.load.tally)
	defer line.close()
	for ctx.Err() == nil {
		time.Sleep(rand.N(longestPause))
		n.mu.Lock()
		recent := append([]ended(nil), n.revoked[max(0, len(n.revoked)-last):]...)
		n.mu.Unlock()
		for _, e := range recent {
			for to := range n.load.world.servers {
				line.turn(to)
				n.check(ctx, e, line)
			}
		}
	}
}

// check calls with a revoked token. No answer, or 503, is no sign of life.
func (n *newcomers) check(ctx context.Context, e ended, line *line) {
	c := harness.NewClient(e.Server, line)
	c.ID, c.AccessToken, c.RefreshToken = e.ID, e.AccessToken, e.RefreshToken
	began := time.Now()
	_, err := c.Call(context.WithoutCancel(ctx), "whoami")
	if after := began.Sub(e.at); err == nil && after > feltWithin {
		n.load.tally.live("client %s called %v after its revocation", e.ID, after.Round(time.Millisecond))
	}
}

// verify checks all of them once everything works: neither token may.
func (n *newcomers) verify(ctx context.Context) {
	line := newLine(n.load.world, n.load.tally)
	defer line.close()
	for i, e := range n.revoked {
		line.turn(i)
		c := harness.NewClient(e.Server, line)
		c.ID, c.AccessToken, c.RefreshToken = e.ID, e.AccessToken, e.RefreshToken
		if _, err := c.Call(ctx, "whoami"); harness.StatusOf(err) != http.StatusUnauthorized {
			n.load.tally.live("a call of client %s in the end: %v", e.ID, err)
		}
		if err := c.Refresh(ctx); harness.StatusOf(err) != http.StatusBadRequest {
			n.load.tally.live("a refresh of client %s in the end: %v", e.ID, err)
		}
	}
}
