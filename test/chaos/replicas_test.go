//go:build chaos

package chaos_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// replicas starts two processes over one database, under the name of the first.
func replicas(t *testing.T, engine harness.Engine) (a, b *harness.Process) {
	t.Helper()
	opts := engine.Options(t)
	a = harness.Start(t, opts)
	opts.Args = append(opts.Args, "--base-url", a.URL)
	return a, harness.Start(t, opts)
}

// TestReplicasShareSignIn moves a sign-in to another replica at each step.
func TestReplicasShareSignIn(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			a, b := replicas(t, engine)
			route := harness.NewRoute(a)
			c := harness.NewClient(a.URL, route)
			browser := harness.NewBrowser(route)
			if err := c.Register(t.Context()); err != nil {
				t.Fatal(err)
			}
			route.To(b)
			page, err := browser.Open(t.Context(), c.AuthorizeURL())
			for next := a; err == nil && page.Left == nil; next, a, b = b, b, a {
				route.To(next)
				page, err = browser.Submit(t.Context(), page)
			}
			if err != nil {
				t.Fatal(err)
			}
			finish(t, c, page, route, a, b)
		})
	}
}

// finish redeems at one replica and uses the tokens at both.
func finish(t *testing.T, c *harness.Client, page *harness.Page, route *harness.Route, a, b *harness.Process) {
	t.Helper()
	code, err := c.Code(page.Left)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Exchange(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*harness.Process{a, b} {
		route.To(p)
		if _, err := c.Call(t.Context(), "whoami"); err != nil {
			t.Error(err)
		}
		if err := c.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestRevocationReachesReplicas revokes at one replica while the other has the
// token in use.
func TestRevocationReachesReplicas(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			a, b := replicas(t, engine)
			route := harness.NewRoute(a)
			c := harness.NewClient(a.URL, route)
			if err := c.SignIn(t.Context(), harness.NewBrowser(route)); err != nil {
				t.Fatal(err)
			}
			route.To(b)
			if _, err := c.Call(t.Context(), "whoami"); err != nil {
				t.Fatal(err)
			}
			route.To(a)
			if err := c.Revoke(t.Context(), c.RefreshToken); err != nil {
				t.Fatal(err)
			}
			route.To(b)
			took := within(t, time.Second, "revocation at the other replica", func() bool {
				_, err := c.Call(t.Context(), "whoami")
				return harness.StatusOf(err) == http.StatusUnauthorized
			})
			t.Logf("revocation took effect at the other replica after %v", took.Round(time.Millisecond))
			assertRefused(t, c.Refresh(t.Context()), http.StatusBadRequest, "invalid_grant")
		})
	}
}

// TestConcurrentRefreshOverReplicas sends one refresh token to both replicas
// concurrently, many times: all get the same successor.
func TestConcurrentRefreshOverReplicas(t *testing.T) {
	t.Parallel()
	const tries = 16
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			a, b := replicas(t, engine)
			c := signedIn(t, a)
			var all sync.WaitGroup
			results := make([]*harness.Client, tries)
			errs := make([]error, tries)
			for i := range tries {
				results[i] = harness.NewClient(c.Server, harness.NewRoute([]*harness.Process{a, b}[i%2]))
				results[i].ID, results[i].RefreshToken = c.ID, c.RefreshToken
				all.Go(func() { errs[i] = results[i].Refresh(t.Context()) })
			}
			all.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.RefreshToken != results[0].RefreshToken || r.RefreshToken == c.RefreshToken {
					t.Error("the answers hold different successors, or the old token")
				}
			}
		})
	}
}

// TestEightStartsAtOnce starts eight processes on an empty database.
func TestEightStartsAtOnce(t *testing.T) {
	t.Parallel()
	const starts = 8
	dsn := pgtest.New(t)
	opts := harness.Options{Database: dsn, Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}
	var all sync.WaitGroup
	processes, errs := make([]*harness.Process, starts), make([]error, starts)
	began := time.Now()
	for i := range starts {
		all.Go(func() { processes[i], errs[i] = harness.TryStart(t, opts) })
	}
	all.Wait()
	t.Logf("%d processes got ready in %v", starts, time.Since(began).Round(time.Millisecond))
	for i, p := range processes {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if a := get(t.Context(), t, p.URL+"/readyz"); a.status != http.StatusOK {
			t.Errorf("process %d: /readyz %d %v", i, a.status, a.body)
		}
	}
	assertMigratedOnce(t, dsn)
}
