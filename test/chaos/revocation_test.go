//go:build chaos

package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	revocations    = 100 // in all
	disabled       = 10  // of them by keeping the person out, in sequence
	revokersAtOnce = 4
	revocationSoon = time.Second
	pollEvery      = 20 * time.Millisecond
)

// revokedIn is a way of revoking what a client has, at the first replica.
type revokedIn struct {
	name   string
	revoke func(ctx context.Context, t *testing.T, a *harness.Process, c *harness.Client) error
	// elsewhere: a process of its own revokes, so that no replica knows immediately.
	elsewhere bool
}

var revocationWays = []revokedIn{
	{name: "/revoke, refresh token", revoke: func(ctx context.Context, _ *testing.T, _ *harness.Process, c *harness.Client) error {
		return c.Revoke(ctx, c.RefreshToken)
	}},
	{name: "/revoke, access token", revoke: func(ctx context.Context, _ *testing.T, _ *harness.Process, c *harness.Client) error {
		return c.Revoke(ctx, c.AccessToken)
	}},
	{name: "tool revoke_connection", revoke: func(ctx context.Context, _ *testing.T, _ *harness.Process, c *harness.Client) error {
		id, err := connectionOf(ctx, c)
		if err == nil {
			_, err = c.CallWith(ctx, "revoke_connection", map[string]any{"connection_id": id})
		}
		return err
	}},
	{name: "grants revoke", elsewhere: true, revoke: func(ctx context.Context, t *testing.T, a *harness.Process, c *harness.Client) error {
		t.Helper()
		id, err := connectionOf(ctx, c)
		if err != nil {
			return err
		}
		return command(ctx, t, a, "grants", "revoke", id, "--yes")
	}},
	{name: "clients delete", elsewhere: true, revoke: func(ctx context.Context, t *testing.T, a *harness.Process, c *harness.Client) error {
		t.Helper()
		return command(ctx, t, a, "clients", "delete", c.ID, "--yes")
	}},
}

var disabling = revokedIn{name: "users disable", elsewhere: true, revoke: func(ctx context.Context, t *testing.T, a *harness.Process, _ *harness.Client) error {
	t.Helper()
	return command(ctx, t, a, "users", "disable", "owner", "--yes")
}}

func connectionOf(ctx context.Context, c *harness.Client) (string, error) {
	who, err := c.Call(ctx, "whoami")
	id, _ := who["connection_id"].(string)
	return id, err
}

// command runs an operator's command.
func command(ctx context.Context, t *testing.T, p *harness.Process, args ...string) error {
	t.Helper()
	if r := p.Command(ctx, t, args...); r.Status != 0 {
		return fmt.Errorf("%v: status %d: %s", args, r.Status, r.Stderr)
	}
	return nil
}

// TestRevocationIsFelt: guarantee 4. Access that is revoked at one replica ends at
// another one, which has the token in use, within one second.
func TestRevocationIsFelt(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, harness.Engines()[1])
	took := make([][]time.Duration, len(revocationWays)+1)
	var mu sync.Mutex
	tries := make(chan int)
	var all sync.WaitGroup
	for range revokersAtOnce {
		all.Go(func() {
			for try := range tries {
				i := try % len(revocationWays)
				d, err := revokeInUse(t.Context(), t, a, b, revocationWays[i])
				if err != nil {
					t.Errorf("%s: %v", revocationWays[i].name, err)
					continue
				}
				mu.Lock()
				took[i] = append(took[i], d)
				mu.Unlock()
			}
		})
	}
	for try := range revocations - disabled {
		tries <- try
	}
	close(tries)
	all.Wait()
	for range disabled { // all have the one person of the local provider
		d, err := revokeInUse(t.Context(), t, a, b, disabling)
		if err == nil {
			took[len(revocationWays)] = append(took[len(revocationWays)], d)
			err = command(t.Context(), t, a, "users", "enable", "owner", "--yes")
		}
		if err != nil {
			t.Fatalf("%s: %v", disabling.name, err)
		}
	}
	reportRevocations(t, took)
}

// revokeInUse signs a client in at a, keeps its token in use at b, revokes at a
// and returns how long b kept working after the response.
func revokeInUse(ctx context.Context, t *testing.T, a, b *harness.Process, way revokedIn) (time.Duration, error) {
	c := harness.NewClient(a.URL, harness.NewRoute(a))
	c.Scope = "mcp mcp:manage offline_access"
	if err := c.SignIn(ctx, harness.NewBrowser(harness.NewRoute(a))); err != nil {
		return 0, err
	}
	there := harness.NewClient(a.URL, harness.NewRoute(b))
	there.AccessToken = c.AccessToken
	// In use for longer than anything is remembered, and then at any moment of it.
	for began, hot := time.Now(), rememberedFor+rand.N(rememberedFor); time.Since(began) < hot; time.Sleep(pollEvery) {
		if _, err := there.Call(ctx, "whoami"); err != nil {
			return 0, fmt.Errorf("before: %w", err)
		}
	}
	if err := way.revoke(ctx, t, a, c); err != nil {
		return 0, fmt.Errorf("revoke: %w", err)
	}
	took, err := untilRefused(ctx, there)
	if err != nil {
		return 0, err
	}
	if way.elsewhere {
		atFirst, err := untilRefused(ctx, c)
		return max(took, atFirst), err
	}
	_, err = c.Call(ctx, "whoami")
	if harness.StatusOf(err) != http.StatusUnauthorized {
		return 0, fmt.Errorf("at the replica that revoked: %w", err)
	}
	return took, nil
}

// untilRefused calls until it is refused, twice, and returns when the last call
// began that was served: how long a call takes says nothing of the revocation.
func untilRefused(ctx context.Context, c *harness.Client) (time.Duration, error) {
	var took time.Duration
	for began := time.Now(); ; time.Sleep(pollEvery) {
		called := time.Since(began)
		_, err := c.Call(ctx, "whoami")
		switch {
		case harness.StatusOf(err) == http.StatusUnauthorized:
			if _, err = c.Call(ctx, "whoami"); harness.StatusOf(err) != http.StatusUnauthorized {
				return took, fmt.Errorf("refused once and then not: %w", err)
			}
			return took, nil
		case err != nil:
			return took, fmt.Errorf("while it is revoked: %w", err)
		case took > 10*revocationSoon:
			return took, fmt.Errorf("not felt after %v", took)
		}
		took = called
	}
}

// reportRevocations prints the distribution and holds it against the promise.
func reportRevocations(t *testing.T, took [][]time.Duration) {
	t.Helper()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "REVOKED BY\tTRIES\tMIN\tMEDIAN\tMAX (the last call that another replica, which has the token in use, still serves)")
	row := func(name string, list []time.Duration) {
		slices.Sort(list)
		if len(list) == 0 {
			t.Errorf("%s: never seen to work", name)
			return
		}
		ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
		_, _ = fmt.Fprintf(table, "%s\t%d\t%v\t%v\t%v\n", name, len(list), ms(list[0]), ms(list[len(list)/2]), ms(list[len(list)-1]))
	}
	all := slices.Concat(took...)
	for i, way := range append(slices.Clone(revocationWays), disabling) {
		row(way.name, took[i])
	}
	row("all", all)
	_ = table.Flush()
	if len(all) != revocations {
		t.Errorf("%d tries, want %d", len(all), revocations)
	}
	if last := slices.Max(append(all, 0)); last > revocationSoon {
		t.Errorf("a revocation was felt after %v, want at most %v", last, revocationSoon)
	} else if last < 2*pollEvery {
		t.Errorf("the longest took %v: the other replica did not have the token in memory", last)
	}
}
