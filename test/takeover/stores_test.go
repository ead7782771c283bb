//go:build takeover

package takeover_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// storesInto is where TestStores leaves the stores that FastMCP wrote, for tests without Python.
var storesInto = flag.String("record", "", "directory to copy FastMCP's stores into, with the tokens of its client")

// store is one that FastMCP keeps outside of the database.
type store struct {
	name, version string
	redis         bool
}

var stores = []store{
	{"directory", "2.13.0", false}, {"directory", "2.14.7", false}, {"directory", "4.2.3", false}, {"redis", "2.14.7", true},
}

// TestStores: the rows of FastMCP's default directory and of Redis are imported while neither
// program runs; the client continues with the browser opened 0 times, with the token that it
// has and, where FastMCP kept one, with its refresh token.
func TestStores(t *testing.T) {
	t.Parallel()
	for _, s := range stores {
		t.Run(s.name+"/"+s.version, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, time.Hour)
			source := s.set(t, d)
			stop := serve(t, s.version, d.setup)
			c := newClient(t, s.version, d.url()+"/mcp", d.gh.URL)
			c.call("ping", "pong", 1)
			first := c.tokens()
			stop()
			s.keep(t, d, source, first)

			d.adoptFrom(t, source, first)
			keep := harness.Start(t, d.options)
			c.call("whoami", "octocat", 0)
			if got := keep.Command(t.Context(), t, "grants", "list", "--json"); !strings.Contains(got.Stdout, `"adopted":true`) {
				t.Errorf("grants list: %s", got.Stdout)
			}
			if s.version == "2.13.0" { // which kept its refresh tokens in memory
				return
			}
			if got := d.refresh(t, first); got != 200 {
				t.Errorf("the refresh gets %d", got)
			}
			again := d.adopt(t, nil, "--from", source, "--json")
			if !strings.Contains(again.Stdout, `"rows_imported":0`) {
				t.Errorf("again: %+v", again)
			}
			if got := d.refresh(t, held{Refresh: first.Refresh, Client: "another"}); got == 200 {
				t.Error("another client refreshed")
			}
		})
	}
}

// set prepares a store, and returns its name for --from.
func (s store) set(t *testing.T, d *deployment) string {
	t.Helper()
	if s.redis {
		d.setup["redis"] = harness.Redis(t)
		return d.setup["redis"].(string)
	}
	d.setup["home"] = t.TempDir()
	return d.setup["home"].(string)
}

// adopt runs mcpkeep adopt with the deployment's settings.
func (d *deployment) adopt(t *testing.T, stdin *string, args ...string) harness.Result {
	t.Helper()
	env := append([]string{"DATABASE_URL=" + d.options.Database, "MCPKEEP_BASE_URL=" + d.url(), "MCPKEEP_LISTEN=" + d.address}, d.options.Env...)
	if stdin == nil {
		return harness.Run(t.Context(), t, env, append([]string{"adopt"}, args...)...)
	}
	return harness.RunWith(t.Context(), t, *stdin, env, append([]string{"adopt"}, args...)...)
}

// adoptFrom checks a store and a token of it, and imports it.
func (d *deployment) adoptFrom(t *testing.T, source string, h held) {
	t.Helper()
	env := append([]string{"DATABASE_URL=" + d.options.Database}, d.options.Env...)
	if got := harness.Run(t.Context(), t, env, "migrate", "up"); got.Status != 0 {
		t.Fatalf("migrate up: %+v", got)
	}
	if got := d.adopt(t, nil, "--check", "--json", "--from", source); got.Status != 0 || !strings.Contains(got.Stdout, `"live":1`) {
		t.Errorf("adopt --check: %+v", got)
	}
	if got := d.adopt(t, &h.Access, "--token", "-", "--from", source); got.Status != 0 || strings.Contains(got.Stdout+got.Stderr, h.Access) {
		t.Errorf("adopt --token: %+v", got)
	}
	got := d.adopt(t, nil, "--from", source, "--json")
	if got.Status != 0 || !strings.Contains(got.Stdout, `"adopted":1`) {
		t.Fatalf("adopt --from: %+v", got)
	}
}

// keep records a store.
func (s store) keep(t *testing.T, d *deployment, source string, h held) {
	t.Helper()
	if *storesInto == "" {
		return
	}
	dir := filepath.Join(*storesInto, s.version+"-"+s.name)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.RemoveAll(dir))
	must(os.MkdirAll(dir, 0o755))
	if s.redis {
		must(os.WriteFile(filepath.Join(dir, "redis.json"), dump(t, source), 0o644))
	} else {
		must(os.CopyFS(filepath.Join(dir, "oauth-proxy"), os.DirFS(filepath.Join(source, "oauth-proxy"))))
	}
	tokens, err := json.MarshalIndent(map[string]any{
		"base_url": d.url(), "client_secret": d.gh.ClientSecret, "key": d.setup["key"], "recorded_at": time.Now().UTC().Format(time.RFC3339),
		"access_token": h.Access, "refresh_token": h.Refresh, "client_id": h.Client,
	}, "", "  ")
	must(err)
	must(os.WriteFile(filepath.Join(dir, "tokens.json"), append(tokens, '\n'), 0o644))
}

// dump returns what is in Redis.
func dump(t *testing.T, url string) []byte {
	t.Helper()
	cli := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "redis-cli", append([]string{"-u", url}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(string(out), "\n")
	}
	all := map[string]string{}
	for _, key := range strings.Fields(cli("KEYS", "*")) {
		all[key] = cli("GET", key)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}
