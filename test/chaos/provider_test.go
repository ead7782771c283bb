//go:build chaos

package chaos_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// abandonedAfter is when others continue after a replica that died while it asked.
const abandonedAfter = 31 * time.Second

// TestOneProviderQuestion: 64 concurrent refreshes at three processes, of two apps of one
// person, and one renewal of the provider's token, which is good for one.
func TestOneProviderQuestion(t *testing.T) {
	t.Parallel()
	const tries = 64
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			opts := g.options(t, engine)
			processes := []*harness.Process{harness.Start(t, opts)}
			opts.Args = append(opts.Args, "--base-url", processes[0].URL)
			for range 2 {
				processes = append(processes, harness.Start(t, opts))
			}
			apps := []*harness.Client{g.connect(t, processes[0]), g.connect(t, processes[0])}
			g.SetSlow(time.Second) // so that all have begun when the answer comes
			renewedBefore, askedBefore := g.Calls(renewals), g.Calls("/user")
			clients, errs := make([]*harness.Client, tries), make([]error, tries)
			var all sync.WaitGroup
			began := time.Now()
			for i := range tries {
				app := apps[i%2]
				clients[i] = harness.NewClient(app.Server, harness.NewRoute(processes[i%3]))
				clients[i].ID, clients[i].RefreshToken = app.ID, app.RefreshToken
				all.Go(func() { errs[i] = clients[i].Refresh(t.Context()) })
			}
			all.Wait()
			took := time.Since(began)
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			n, asked := g.Calls(renewals)-renewedBefore, g.Calls("/user")-askedBefore
			t.Logf("%d refreshes at %d processes in %v: %d renewal, %d question", tries, len(processes), took.Round(time.Millisecond), n, asked)
			if n != 1 || asked != 1 {
				t.Errorf("%d renewals and %d questions, want one", n, asked)
			}
			g.SetSlow(0)
			for i, c := range clients {
				if c.RefreshToken != clients[i%2].RefreshToken || c.RefreshToken == apps[i%2].RefreshToken {
					t.Errorf("refresh %d has another successor, or the old token", i)
				}
			}
			for _, c := range clients[:2] {
				works(t, c)
			}
			if n := g.Calls(renewals) - renewedBefore; n != 3 {
				t.Errorf("%d renewals after two more refreshes, want 3", n)
			}
			for _, p := range processes {
				assertNo500(t, p)
			}
		})
	}
}

// works refreshes and calls.
func works(t *testing.T, c *harness.Client) {
	t.Helper()
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), "whoami"); err != nil {
		t.Fatal(err)
	}
}

// killed kills the server while it waits for a renewal, and starts it again. It
// returns when others continue after a check that was under way.
func (g *gate) killed(t *testing.T, p *harness.Process, c *harness.Client, at moment) (abandoned time.Time) {
	t.Helper()
	g.Hold(at)
	var refresh sync.WaitGroup
	refresh.Go(func() { _ = c.Refresh(t.Context()) }) // no one answers
	<-g.held
	abandoned = time.Now().Add(abandonedAfter)
	rise(t, p)
	g.Hold(never)
	refresh.Wait()
	return abandoned
}

// TestKilledBeforeProviderHeard: the server died before the provider got the
// question. The next refreshes continue without it, and then ask.
func TestKilledBeforeProviderHeard(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			p := harness.Start(t, g.options(t, engine))
			c := g.connect(t, p)
			abandoned := g.killed(t, p, c, before)
			n := g.Calls(renewals)
			works(t, c)
			time.Sleep(time.Until(abandoned))
			works(t, c)
			works(t, c)
			if n := g.Calls(renewals) - n; n != 2 {
				t.Errorf("%d renewals, want none while the dead one may live and two after that", n)
			}
		})
	}
}

// TestKilledBeforeAnswerWasKept: the provider renewed its token and the server died
// before it had the new one, which no one has now. The session continues for the grace
// period, a sign-in of another app makes good for both, and without one it ends.
func TestKilledBeforeAnswerWasKept(t *testing.T) {
	t.Parallel()
	const grace = 50 * time.Second
	for _, engine := range harness.Engines() {
		for name, again := range map[string]bool{"another sign-in": true, "no other sign-in": false} {
			t.Run(engine.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				g := newGate(t)
				p := harness.Start(t, g.options(t, engine, "--provider-grace", grace.String()))
				c := g.connect(t, p)
				confirmed := time.Now()
				abandoned := g.killed(t, p, c, renewed)
				works(t, c)
				time.Sleep(time.Until(abandoned))
				works(t, c) // the old token is refused
				if again {
					g.connect(t, p)
				}
				time.Sleep(time.Until(confirmed.Add(grace + 2*time.Second)))
				if again {
					works(t, c)
					return
				}
				assertRefused(t, c.Refresh(t.Context()), http.StatusBadRequest, "invalid_grant")
				works(t, g.connect(t, p))
			})
		}
	}
}

// TestKilledBeforeOwnRotation: the provider's new token is stored and the client has
// no answer yet. The repeated refresh gets one, and the next one renews that token.
func TestKilledBeforeOwnRotation(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			opts := g.options(t, engine)
			p := harness.Start(t, opts)
			conn := dbtest.SQL(t, opts.Database)
			c := g.connect(t, p)
			for range 5 {
				sealed := dbtest.Value[string](t, conn, "SELECT provider_token FROM mcpkeep_grants")
				var refresh sync.WaitGroup
				refresh.Go(func() { _ = c.Refresh(t.Context()) }) // perhaps no one answers
				for dbtest.Value[string](t, conn, "SELECT provider_token FROM mcpkeep_grants") == sealed {
					time.Sleep(time.Millisecond)
				}
				rise(t, p)
				refresh.Wait()
				n := g.Calls(renewals)
				works(t, c)
				works(t, c)
				if n := g.Calls(renewals) - n; n < 1 || n > 2 {
					t.Errorf("%d renewals by the stored token, want one or two", n)
				}
			}
		})
	}
}

// TestProviderKills kills the server at any moment of refreshes that renew the
// provider's token. No one is ever signed out.
func TestProviderKills(t *testing.T) {
	t.Parallel()
	kills := setting(t, "MCPKEEP_CHAOS_PROVIDER_KILLS", 10)
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t)
			p := harness.Start(t, g.options(t, engine))
			c := g.connect(t, p)
			answered := 0
			for range kills {
				ctx, done := context.WithCancel(t.Context())
				var load sync.WaitGroup
				load.Go(func() {
					for ctx.Err() == nil && c.Refresh(context.WithoutCancel(ctx)) == nil {
						answered++
					}
				})
				time.Sleep(rand.N(300 * time.Millisecond))
				rise(t, p)
				done()
				load.Wait()
				works(t, c)
			}
			t.Logf("%d kills, %d refreshes answered besides", kills, answered)
			if n := p.Logs.Events("sign_in_refused"); n != 0 {
				t.Errorf("someone was refused %d times", n)
			}
			assertNo500(t, p)
		})
	}
}
