//go:build faults

package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	// againEvery is how often a fault is repeated while it lasts.
	againEvery = 200 * time.Millisecond
	// calm is how long all is well before the next round.
	calm = time.Second
	// recoversWithin bounds the wait for a recovery.
	recoversWithin = time.Minute
)

// TestFaults: whatever breaks, nothing is lost that was acknowledged, no revoked token works
// once the revocation must be felt, and no one gets a wrong answer.
func TestFaults(t *testing.T) {
	faults := all()
	tallies := make([]*tally, len(faults))
	t.Run("each", func(t *testing.T) {
		for i, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				tallies[i] = f.run(t)
			})
		}
	})
	report(t, faults, tallies)
}

// run breaks a world again and again under load.
func (f fault) run(t *testing.T) *tally {
	w := f.world(t)
	counts := &tally{cuts: f.cuts, outlasts: f.holds >= long}
	probe := harness.NewClient(w.base, nil)
	probe.HTTP.Transport = newLine(w, &tally{})
	if err := probe.SignIn(t.Context(), harness.NewBrowser(probe.HTTP.Transport)); err != nil {
		t.Fatal(err)
	}
	l := start(t, w, counts)
	for began := time.Now(); time.Since(began) < lasting(t) || !counts.enough() && time.Since(began) < recoversWithin; time.Sleep(calm) {
		f.round(t, l, probe)
	}
	time.Sleep(calm)
	l.finish(t.Context())
	f.check(t, counts)
	return counts
}

// round breaks and heals once.
func (f fault) round(t *testing.T, l *load, probe *harness.Client) {
	t.Helper()
	resume := l.newcomers.quiet()
	must(t, f.begin(t.Context(), l.world))
	resume()
	for broken := time.Now(); time.Since(broken) < f.holds; time.Sleep(againEvery) {
		if f.again != nil {
			must(t, f.again(t.Context(), l.world))
		}
	}
	must(t, f.end(t.Context(), l.world))
	healed := time.Now()
	for !l.world.ready(t.Context()) || !works(t.Context(), l.world, probe) {
		if time.Since(healed) > recoversWithin {
			t.Fatalf("not back within %v", recoversWithin)
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.tally.recovered(time.Since(healed))
	if l.world.standby != nil {
		must(t, l.world.standby.Follow(t.Context(), l.world.cluster))
	}
}

// works reports whether each server refreshes.
func works(ctx context.Context, w *world, probe *harness.Client) bool {
	for i := range w.servers {
		probe.HTTP.Transport.(*line).turn(i)
		if probe.Refresh(ctx) != nil {
			return false
		}
	}
	return true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check fails the test on what must not be, and on a fault that no one noticed.
func (f fault) check(t *testing.T, c *tally) {
	t.Helper()
	for _, finding := range c.findings {
		t.Error(finding)
	}
	if c.lost > 0 || c.alive > 0 || c.wrong > 0 {
		t.Errorf("%d lost, %d revoked but alive, %d wrong answers", c.lost, c.alive, c.wrong)
	}
	if !c.enough() {
		t.Errorf("%d steps and %d revocations were acknowledged: too few to tell anything", c.acknowledged, c.revoked)
	}
	if !f.quiet && c.unavailable+c.unanswered == 0 && c.longestAnswer < 200*time.Millisecond {
		t.Error("no one noticed the fault")
	}
}
