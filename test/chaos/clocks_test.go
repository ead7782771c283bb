//go:build chaos

package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	apart          = 5 * time.Minute
	clockWorkers   = 3 // fewer than the password's free attempts
	signInsApart   = 40
	refreshesApart = 3
)

// clockedReplicas starts a process whose clock is behind the database's, one whose clock is
// right, and one whose clock is ahead.
func clockedReplicas(t *testing.T) []*harness.Process {
	t.Helper()
	opts := harness.Options{Database: pgtest.New(t), Binary: harness.BuildShifted(t), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}
	shared := opts.Env
	var all []*harness.Process
	for _, ahead := range []time.Duration{-apart, 0, apart} {
		opts.Env = append(slices.Clone(shared), harness.Ahead(ahead))
		p := harness.Start(t, opts)
		if all == nil {
			opts.Args = append(opts.Args, "--base-url", p.URL)
		}
		all = append(all, p)
		assertClock(t, p, ahead)
	}
	return all
}

// assertClock checks that a process's clock is as far ahead as it should be, by the Date of
// its answers, and that readyz says so.
func assertClock(t *testing.T, p *harness.Process, ahead time.Duration) {
	t.Helper()
	a := get(t.Context(), t, p.URL+"/readyz")
	date, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		t.Fatal(err)
	}
	if off := (time.Until(date) - ahead).Abs(); off > 10*time.Second {
		t.Fatalf("the clock of the process is at %v, want it %v ahead", date, ahead)
	}
	offset, ok := a.body["clock_offset_seconds"].(float64)
	if diff := time.Duration(offset*float64(time.Second)) + ahead; !ok || diff.Abs() > 2*time.Second {
		t.Errorf("readyz says %v, want clock_offset_seconds near %v", a.body, -ahead.Seconds())
	}
}

// traveler is a client whose every request goes to the next replica.
type traveler struct {
	*harness.Client
	replicas []*harness.Process
	route    *harness.Route
	at       int
}

func newTraveler(replicas []*harness.Process, at int) *traveler {
	route := harness.NewRoute(replicas[at%len(replicas)])
	return &traveler{Client: harness.NewClient(replicas[0].URL, route), replicas: replicas, route: route, at: at}
}

// move sends what follows to the next replica.
func (c *traveler) move() {
	c.at++
	c.route.To(c.replicas[c.at%len(c.replicas)])
}

// signIn registers, signs in and redeems the code, each step at another replica.
func (c *traveler) signIn(ctx context.Context) error {
	if err := c.Register(ctx); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	browser := harness.NewBrowser(c.route)
	c.move()
	page, err := browser.Open(ctx, c.AuthorizeURL())
	for err == nil && page.Left == nil {
		c.move()
		page, err = browser.Submit(ctx, page)
	}
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	code, err := c.Code(page.Left)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	c.move()
	if err := c.Exchange(ctx, code); err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	return nil
}

// refresh refreshes at one replica, uses the tokens at the next, and repeats the refresh at
// a third within the grace window.
func (c *traveler) refresh(ctx context.Context) error {
	spent := c.RefreshToken
	c.move()
	if err := c.Refresh(ctx); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	successor := c.RefreshToken
	c.move()
	if _, err := c.Call(ctx, "whoami"); err != nil {
		return fmt.Errorf("call: %w", err)
	}
	c.move()
	c.RefreshToken = spent
	switch err := c.Refresh(ctx); {
	case err != nil:
		return fmt.Errorf("repeated refresh: %w", err)
	case c.RefreshToken != successor:
		return errors.New("the repeated refresh got another successor")
	}
	return nil
}

// end revokes at one replica, and wants that felt at the others within a second.
func (c *traveler) end(ctx context.Context) error {
	if err := c.Revoke(ctx, c.RefreshToken); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	revoked := time.Now()
	for range c.replicas {
		c.move()
		for {
			asked := time.Now()
			_, err := c.Call(ctx, "whoami")
			if harness.StatusOf(err) == http.StatusUnauthorized {
				break
			}
			if err != nil || asked.Sub(revoked) > time.Second {
				return fmt.Errorf("%v after the revocation: %w", asked.Sub(revoked), err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

func (c *traveler) live(ctx context.Context) error {
	if err := c.signIn(ctx); err != nil {
		return err
	}
	for range refreshesApart {
		if err := c.refresh(ctx); err != nil {
			return err
		}
	}
	return c.end(ctx)
}

// TestClocksApart: C16. Three processes with clocks five minutes apart on one PostgreSQL behave
// as one: of 120 sign-ins, with their refreshes, repeats and revocations across replicas,
// none fails.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	replicas := clockedReplicas(t)
	var workers sync.WaitGroup
	failed := make([][]error, clockWorkers)
	for w := range clockWorkers {
		workers.Go(func() {
			for i := range signInsApart {
				c := newTraveler(replicas, w+i)
				if err := c.live(t.Context()); err != nil {
					failed[w] = append(failed[w], fmt.Errorf("round %d, at replica %d: %w", i, c.at%len(replicas), err))
				}
			}
		})
	}
	workers.Wait()
	failures := slices.Concat(failed...)
	t.Logf("%d sign-ins, %d refreshes, %d repeats, %d revocations; %d failed", clockWorkers*signInsApart,
		clockWorkers*signInsApart*refreshesApart, clockWorkers*signInsApart*refreshesApart, clockWorkers*signInsApart, len(failures))
	for _, err := range failures[:min(len(failures), 10)] {
		t.Error(err)
	}
	if len(failures) > 10 {
		t.Errorf("and %d more", len(failures)-10)
	}
	for _, p := range replicas {
		assertNo500(t, p)
	}
	throttledApart(t, replicas)
}

// throttledApart: wrong passwords at the replica whose clock is fast keep no one out at the
// one whose clock is slow for longer than seconds.
func throttledApart(t *testing.T, replicas []*harness.Process) {
	t.Helper()
	slow, fast := replicas[0], replicas[len(replicas)-1]
	route := harness.NewRoute(fast)
	guesser := harness.NewClient(slow.URL, route)
	if err := guesser.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	browser := harness.NewBrowser(route)
	browser.Password = "wrong"
	throttled := false
	for range 20 {
		_, err := browser.Visit(t.Context(), guesser.AuthorizeURL())
		throttled = throttled || harness.StatusOf(err) == http.StatusTooManyRequests
	}
	if !throttled {
		t.Error("20 wrong passwords in a row are not throttled")
	}
	route.To(slow)
	took := within(t, 15*time.Second, "the owner's own sign-in", func() bool {
		return guesser.SignIn(t.Context(), harness.NewBrowser(route)) == nil
	})
	t.Logf("after wrong passwords at the fast replica the owner got in at the slow one within %v", took.Round(time.Second))
}
