//go:build takeover

package takeover_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestWayBack: a client of FastMCP continues at mcpkeep, and one registers there. When traffic
// moves back to the Python server, the client that mcpkeep registered signs in with its ID and
// calls, while the refresh token that mcpkeep rotated is refused.
func TestWayBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version  string
		database func(t *testing.T) string
	}{
		"2.14.7 oauth_clients": {"2.14.7", func(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "app.db") }},
		"4.2.3 kv_store":       {"4.2.3", func(t *testing.T) string { t.Helper(); return pgtest.New(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deployOn(t, 8*time.Hour, c.database(t))
			stop := serve(t, c.version, d.setup)
			old := newClient(t, c.version, d.url()+"/mcp", d.gh.URL)
			old.call("ping", "pong", 1)
			first := old.tokens()
			stop()

			keep := harness.Start(t, d.options)
			old.call("whoami", "octocat", 0)
			registered := newClient(t, c.version, d.url()+"/mcp", d.gh.URL, d.url())
			registered.call("whoami", "octocat", 1)
			here := registered.tokens()
			if got := d.refresh(t, first); got != http.StatusOK {
				t.Errorf("at mcpkeep the refresh token gets %d", got)
			}
			keep.Kill9()

			serve(t, c.version, d.setup)
			if got := d.refresh(t, first); got != http.StatusBadRequest && got != http.StatusUnauthorized {
				t.Errorf("back at FastMCP the rotated token gets %d", got)
			}
			registered.call("ping", "pong", 1)
			if back := registered.tokens(); back.Client != here.Client {
				t.Errorf("FastMCP did not know the client %s: it is %s now", here.Client, back.Client)
			}
		})
	}
}
