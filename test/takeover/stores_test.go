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

// storesInto is where TestMatrix leaves the stores that FastMCP wrote, for tests without Python.
var storesInto = flag.String("record", "", "directory to copy FastMCP's stores into, with the tokens of its client")

// store is one that FastMCP keeps outside of the database.
type store struct {
	name, version string
	redis         bool
}

func storeOf(c combination) store {
	name := "directory"
	if c.store == inRedis {
		name = "redis"
	}
	return store{name: name, version: c.version, redis: c.store == inRedis}
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

// adoptFrom checks a store and a token of it, and imports it. The session of that token may be
// left to its first use.
func (d *deployment) adoptFrom(t *testing.T, source string, h held, left bool) {
	t.Helper()
	want := `"adopted":3,"already_adopted":0,"left_for_first_use":0`
	if left {
		want = `"adopted":2,"already_adopted":0,"left_for_first_use":1`
	}
	env := append([]string{"DATABASE_URL=" + d.options.Database}, d.options.Env...)
	if got := harness.Run(t.Context(), t, env, "migrate", "up"); got.Status != 0 {
		t.Fatalf("migrate up: %+v", got)
	}
	if got := d.adopt(t, nil, "--check", "--json", "--from", source); got.Status != 0 || !strings.Contains(got.Stdout, `"live":3`) {
		t.Errorf("adopt --check: %+v", got)
	}
	if got := d.adopt(t, &h.Access, "--token", "-", "--from", source); got.Status != 0 || strings.Contains(got.Stdout+got.Stderr, h.Access) {
		t.Errorf("adopt --token: %+v", got)
	}
	got := d.adopt(t, nil, "--from", source, "--json")
	if got.Status != 0 || !strings.Contains(got.Stdout, want) {
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
