package operator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/operator"
)

// furnish connects alice with two apps and bob with one.
func furnish(o *office) {
	o.register("c_desk", "Desk 助手", start.Add(-time.Hour))
	o.register("c_idle", "Idle\x1b[31m\u202e", start.Add(-time.Hour))
	o.connect("1", "c_desk", alice)
	o.connect("2", "c_lost", alice)
	o.connect("3", "c_desk", bob)
}

// TestTables: aligned columns, UTC, a dash for what is unknown, and nothing of a
// name that would move the cursor.
func TestTables(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		o.contains(o.run(o.console.ListUsers), "Nobody has signed in yet.")
		o.contains(o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, false) }), "No client is registered.")
		o.contains(o.run(func(ctx context.Context) error { return o.console.ListGrants(ctx, operator.Selection{}) }), "No app is connected.")
		furnish(o)
		want := strings.TrimPrefix(`
CLIENT  NAME       REDIRECT URIS        REGISTERED         LAST SIGN-IN       CONNECTIONS
c_desk  Desk 助手  http://127.0.0.1/cb  2026-11-25 11:00Z  2026-11-25 12:00Z  2
c_idle  Idle[31m   http://127.0.0.1/cb  2026-11-25 11:00Z  never              0
`, "\n")
		if diff := cmp.Diff(want, o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, false) })); diff != "" {
			t.Errorf("clients (-want +got):\n%s", diff)
		}
		want = strings.TrimPrefix(`
CLIENT  NAME      REDIRECT URIS        REGISTERED         LAST SIGN-IN  CONNECTIONS
c_idle  Idle[31m  http://127.0.0.1/cb  2026-11-25 11:00Z  never         0
`, "\n")
		if diff := cmp.Diff(want, o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, true) })); diff != "" {
			t.Errorf("unused clients (-want +got):\n%s", diff)
		}
		want = strings.TrimPrefix(`
GRANT  LOGIN  APP        CLIENT  SCOPE  SINCE              LAST USED
gr_1   alice  Desk 助手  c_desk  mcp    2026-11-25 12:00Z  2026-11-25 12:00Z
gr_2   alice  -          c_lost  mcp    2026-11-25 12:00Z  2026-11-25 12:00Z
`, "\n")
		got := o.run(func(ctx context.Context) error { return o.console.ListGrants(ctx, operator.Selection{User: "alice"}) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("grants (-want +got):\n%s", diff)
		}
		o.contains(o.run(o.console.ListUsers), o.user(bob)+"  bob    -              -                  https://github.com  1002", "enabled")
	})
}

// TestTerminal: what is too wide for a terminal is cut, but for ids, which are there
// to be copied.
func TestTerminal(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	o.register("c_"+strings.Repeat("i", 30), strings.Repeat("助", 60), start)
	list := func(ctx context.Context) error { return o.console.ListClients(ctx, false) }
	o.contains(o.run(list), strings.Repeat("助", 60))
	o.console.Width = 120
	got := o.run(list)
	o.contains(got, "c_"+strings.Repeat("i", 30)+"  助", "助…")
	for line := range strings.SplitSeq(got, "\n") {
		cells := 0
		for _, r := range line {
			if cells++; r > 0x2fff {
				cells++
			}
		}
		if cells > 120 {
			t.Errorf("%d cells: %s", cells, line)
		}
	}
}

// TestJSON: members' names, which programs rely on; null for unknown times; escapes
// for what a terminal would obey.
func TestJSON(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	o.console.JSON = true
	lists := map[string]func(ctx context.Context) error{
		"clients": func(ctx context.Context) error { return o.console.ListClients(ctx, false) },
		"grants":  func(ctx context.Context) error { return o.console.ListGrants(ctx, operator.Selection{}) },
		"users":   o.console.ListUsers,
	}
	for name, list := range lists {
		if got := o.run(list); got != "[]\n" {
			t.Errorf("no %s: %q", name, got)
		}
	}
	furnish(o)
	wants := map[string]string{
		"clients": `{"client_id":"c_idle","client_name":"Idle\u001b[31m\u202e","client_uri":"","redirect_uris":["http://127.0.0.1/cb"],` +
			`"grant_types":["authorization_code"],"response_types":["code"],"scope":"mcp","token_endpoint_auth_method":"none",` +
			`"application_type":"","software_id":"","software_version":"","token_endpoint_auth_signing_alg":"","jwks_uri":"",` +
			`"has_secret":false,"has_keys":false,"origin":"registered","document_fetched_at":null,"registered_at":"2026-11-25T11:00:00Z",` +
			`"last_used_at":null,"grants":0,"foreign":false,"reclaimable":true,"unreadable":false}`,
		"grants": `{"grant_id":"gr_2","user_id":"` + o.user(alice) + `","issuer":"https://github.com","subject":"1001","login":"alice",` +
			`"client_id":"c_lost","client_name":"","scope":"mcp","resource":"https://keep.example/mcp","created_at":"2026-11-25T12:00:00Z",` +
			`"last_used_at":"2026-11-25T12:00:00Z"}`,
		"users": `{"user_id":"` + o.user(alice) + `","issuer":"https://github.com","subject":"1001","login":"alice","name":"Alice Example",` +
			`"email":"alice@example.com","created_at":"2026-11-25T12:00:00Z","last_sign_in_at":"2026-11-25T12:00:00Z","disabled_at":null,` +
			`"grants":2,"unreadable":false}`,
	}
	for name, want := range wants {
		got := o.run(lists[name])
		o.contains(got, want)
		var parsed []map[string]any
		if err := json.Unmarshal([]byte(got), &parsed); err != nil || len(parsed) < 2 {
			t.Errorf("%s: %d, %v", name, len(parsed), err)
		}
	}
}

// TestPages: a listing goes on until there is nothing more, in text and in JSON.
func TestPages(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	for i := range 1001 {
		o.register(fmt.Sprintf("c_%04d", i), "App", start)
	}
	got := o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, false) })
	if lines := strings.Count(got, "\n"); lines != 1002 || !strings.Contains(got, "c_1000  App") {
		t.Errorf("%d lines, want 1002", lines)
	}
	o.console.JSON = true
	var parsed []struct {
		ID string `json:"client_id"`
	}
	got = o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, true) })
	if err := json.Unmarshal([]byte(got), &parsed); err != nil || len(parsed) != 1001 || parsed[1000].ID != "c_1000" {
		t.Errorf("%d, %v", len(parsed), err)
	}
}

func TestShowClient(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	furnish(o)
	show := func(id string) func(ctx context.Context) error {
		return func(ctx context.Context) error { return o.console.ShowClient(ctx, id) }
	}
	o.contains(o.run(show("c_desk")), "Name            Desk 助手\n", "Redirect URIs   http://127.0.0.1/cb\n", "Connections     2\n", "Secret          none\n")
	o.fails(`no client "c_none" is registered here`, show("c_none"))
	dbtest.Exec(t, dbtest.SQL(t, o.url), "UPDATE oauth_clients SET value = '{}' WHERE key LIKE '%c_desk'")
	got := o.run(show("c_desk"))
	o.contains(got, "does not open", "Connections     2\n")
	o.contains(o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, false) }), "(does not open)")
	o.console.JSON = true
	o.contains(o.run(show("c_desk")), `"redirect_uris":[]`, `"unreadable":true`)
}
