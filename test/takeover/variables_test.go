//go:build takeover

package takeover_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestVariables: mcpkeep takes FastMCP's place with nothing but the variables of the Python
// server, and no flag. Its client calls with the token that it has, which mcpkeep also
// refreshes, with the browser opened 0 times.
func TestVariables(t *testing.T) {
	t.Parallel()
	for version, table := range tables {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			d := deployOn(t, 8*time.Hour, table(t))
			stop := serve(t, version, d.setup)
			c := newClient(t, version, d.url()+"/mcp", d.gh.URL)
			c.call("ping", "pong", 1)
			first := c.tokens()
			stop()

			port, _ := d.setup["port"].(int)
			env := append([]string{"DATABASE_URL=" + d.options.Database, "PORT=" + strconv.Itoa(port)}, d.options.Env...)
			onlyPythons(t, env)
			keep := harness.Spawn(t, env, "serve")
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("mcpkeep printed (end):\n%s", keep.Output.Tail(8<<10))
				}
			})
			d.ready(t)
			c.call("whoami", "octocat", 0)
			if now := c.tokens(); now != first {
				t.Error("the client did not continue with its tokens")
			}
			got := refresh(t, d.url(), first.Refresh, first.Client)
			if got.status != http.StatusOK || !strings.HasPrefix(got.tokens.Refresh, "mkr_") {
				t.Fatalf("the refresh token gets %d %s", got.status, got.tokens.Error)
			}
			if got := call(t, d.url(), got.tokens.Access); got.status != http.StatusOK {
				t.Errorf("the new access token gets %d", got.status)
			}
		})
	}
}

// onlyPythons fails the test for settings of mcpkeep's own, apart from where the test's
// GitHub is.
func onlyPythons(t *testing.T, env []string) {
	t.Helper()
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "MCPKEEP_") && name != "MCPKEEP_GITHUB_URL" && name != "MCPKEEP_GITHUB_API_URL" {
			t.Errorf("%s is no variable of the Python server", name)
		}
	}
}

// ready waits until the server at the deployment's address is ready.
func (d *deployment) ready(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(startFor); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url()+"/readyz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("mcpkeep is not ready in %v: %v", startFor, err)
		}
	}
}
