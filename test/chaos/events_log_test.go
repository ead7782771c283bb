//go:build chaos

package chaos_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestEventsLogSurvivesKill: what a replica commits right before kill -9 is in the log of
// another one, if not in its own. Otherwise each event is in the logs once.
func TestEventsLogSurvivesKill(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			opts := engine.Options(t)
			opts.Env = append(opts.Env, "MCPKEEP_EVENTS_LOG=true")
			a := harness.Start(t, opts)
			opts.Args = append(opts.Args, "--base-url", a.URL)
			b := harness.Start(t, opts)
			register := func(p *harness.Process, n int) (ids []string) {
				t.Helper()
				for range n {
					c := harness.NewClient(p.URL, nil)
					if err := c.Register(t.Context()); err != nil {
						t.Fatal(err)
					}
					ids = append(ids, c.ID)
				}
				return ids
			}
			logged := func(ids []string) (once, more int) {
				text := a.Logs.String() + b.Logs.String()
				for _, id := range ids {
					switch n := registrations(text, id); {
					case n == 1:
						once++
					case n > 1:
						more++
					}
				}
				return once, more
			}
			ordinary := register(a, 8)
			within(t, 20*time.Second, "the lines of ordinary events", func() bool {
				once, more := logged(ordinary)
				return once+more == len(ordinary)
			})
			if _, more := logged(ordinary); more > 0 {
				t.Errorf("%d events are in the logs more than once", more)
			}
			lost := register(a, 8)
			a.Kill9()
			waited := 0
			if once, more := logged(lost); once+more < len(lost) {
				waited = len(lost) - once - more
			}
			within(t, 40*time.Second, "the lines of the killed replica's events", func() bool {
				once, more := logged(lost)
				return once+more == len(lost)
			})
			t.Logf("%d of %d events had no line when their replica was killed", waited, len(lost))
		})
	}
}

// registrations counts the lines about the event of a client's registration.
func registrations(log, clientID string) (n int) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "audit event") && strings.Contains(line, "client_registered") && strings.Contains(line, fmt.Sprintf("%q", clientID)) {
			n++
		}
	}
	return n
}
