//go:build upgrade

package upgrade_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/upgrade"
)

const (
	signInsEachWay = 20
	concurrently   = 4
)

// TestSideBySide: a release and the present program share a database during a rollout. Under
// load, each sign-in moves between the two at every step, in both directions, and none fails.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	repo := upgrade.Repository{Dir: harness.Root(t)}
	for _, r := range releases(t, repo) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			binary := build(t, repo, r.commit)
			for _, engine := range harness.Engines() {
				t.Run(engine.Name, func(t *testing.T) {
					t.Parallel()
					opts := engine.Options(t)
					opts.Binary = binary
					old := harness.Start(t, opts)
					opts.Binary, opts.Args = "", []string{"--base-url", old.URL}
					roll(t, old, harness.Start(t, opts))
				})
			}
		})
	}
}

// roll signs clients in, half of them beginning at each process.
func roll(t *testing.T, old, present *harness.Process) {
	t.Helper()
	var all sync.WaitGroup
	for caller := range concurrently {
		all.Go(func() {
			for i := caller; i < 2*signInsEachWay; i += concurrently {
				processes := [2]*harness.Process{old, present}
				if i%2 == 1 {
					processes = [2]*harness.Process{present, old}
				}
				if err := moving(t.Context(), old.URL, processes); err != nil {
					t.Errorf("sign-in %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d sign-ins in each direction between two versions", signInsEachWay)
}

// moving signs a client in and uses its tokens. Each page, and each pair of tokens, goes to the other process.
func moving(ctx context.Context, server string, processes [2]*harness.Process) error {
	route, step := harness.NewRoute(processes[0]), 0
	next := func() {
		step++
		route.To(processes[step%len(processes)])
	}
	c := harness.NewClient(server, route)
	if err := c.Register(ctx); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	next()
	browser := harness.NewBrowser(route)
	page, err := browser.Open(ctx, c.AuthorizeURL())
	for err == nil && page.Left == nil {
		next()
		page, err = browser.Submit(ctx, page)
	}
	if err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	code, err := c.Code(page.Left)
	if err != nil {
		return err
	}
	next()
	if err := c.Exchange(ctx, code); err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	for range 3 { // each process calls with and refreshes what the other issued
		next()
		if _, err := c.Call(ctx, "whoami"); err != nil {
			return fmt.Errorf("call: %w", err)
		}
		if err := c.Refresh(ctx); err != nil {
			return fmt.Errorf("refresh: %w", err)
		}
	}
	return nil
}
