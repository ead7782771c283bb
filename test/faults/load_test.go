//go:build faults

package faults_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// The load is small, for faults and not floods are what is looked at, and several worlds
// share the machine.
const (
	steadyClients = 6
	newcomerLines = 2
)

// load is the clients of one world.
type load struct {
	world *world
	tally *tally

	clients   []*client
	newcomers *newcomers
	stop      context.CancelFunc
	all       sync.WaitGroup
}

// start signs clients in and sets them to work.
func start(t *testing.T, w *world, tally *tally) *load {
	t.Helper()
	l := &load{world: w, tally: tally}
	l.newcomers = &newcomers{load: l}
	for range steadyClients {
		c := l.newClient()
		if err := c.SignIn(t.Context(), harness.NewBrowser(c.line)); err != nil {
			t.Fatal(err)
		}
		l.clients = append(l.clients, c)
	}
	tally.longestAnswer = 0 // of what is yet to come
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	for _, c := range l.clients {
		l.all.Go(func() { c.run(ctx) })
	}
	for range newcomerLines {
		l.all.Go(func() { l.newcomers.run(ctx) })
	}
	l.all.Go(func() { l.newcomers.watch(ctx) })
	return l
}

// finish stops the clients, and checks that everything is there that was acknowledged.
func (l *load) finish(ctx context.Context) {
	l.stop()
	l.all.Wait()
	time.Sleep(feltWithin)
	for _, c := range l.clients {
		if err := c.Refresh(ctx); err != nil {
			l.tally.lose("the refresh token of %s: %v", c.ID, err)
			continue
		}
		if err := c.whoami(ctx); err != nil {
			l.tally.lose("the access token of %s: %v", c.ID, err)
		}
		for _, id := range c.registered {
			l.checkRegistered(ctx, id, c.line)
		}
		c.line.close()
	}
	l.newcomers.verify(ctx)
}

// checkRegistered begins an authorization for a registered client.
func (l *load) checkRegistered(ctx context.Context, id string, through http.RoundTripper) {
	c := harness.NewClient(l.world.base, through)
	c.ID = id
	if _, err := opened(harness.NewBrowser(through).Open(ctx, c.AuthorizeURL())); err != nil {
		l.tally.lose("the registration of %s: %v", id, err)
	}
}
