//go:build cloud

package cloud_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestLife: a client registers, signs in, calls, and refreshes through each door of the
// instance, over a kill -9, and there is no password anywhere.
func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for door, database := range w.doors() {
		t.Run(door, func(t *testing.T) {
			p := harness.Start(t, w.options(database))
			c := harness.NewClient(p.URL, nil)
			must(t, c.SignIn(t.Context(), harness.NewBrowser(nil)))
			call(t, c)
			p.Kill9()
			must(t, p.Restart())
			call(t, c)
			must(t, c.Refresh(t.Context()))
			call(t, c)
			w.assertNoSecrets(t, p, c)
			if status := p.Term(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

func call(t *testing.T, c *harness.Client) {
	t.Helper()
	if _, err := c.Call(t.Context(), "whoami"); err != nil {
		t.Error(err)
	}
}
