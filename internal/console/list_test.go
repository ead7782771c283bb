package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// furnish connects alice to two apps and bob to one.
func furnish(o *fixture) {
	o.register("c_desk", "Desk 助手", start.Add(-time.Hour))
	o.register("c_idle", "Idle\x1b[31m\u202e", start.Add(-time.Hour))
	o.connect("1", "c_desk", alice)
	o.connect("2", "c_lost", alice)
	o.connect("3", "c_desk", bob)
}

// TestGrantsAreGrouped: the connections of a user with a client follow each other.
func TestGrantsAreGrouped(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	for id, client := range map[string]string{"1": "c_b", "2": "c_a", "3": "c_b", "4": "c_a"} {
		o.connect(id, client, alice)
	}
	o.connect("0", "c_b", bob)
	dbtest.Exec(t, dbtest.SQL(t, o.url), "UPDATE mcpkeep_grants SET replaced_at = last_used_at WHERE id = 'gr_1'")
	got := o.run(func(ctx context.Context) error { return o.console.ListGrants(ctx, console.Selection{}) })
	var order []string
	for line := range strings.Lines(got) {
		order = append(order, strings.Fields(line)[0])
		if strings.HasPrefix(line, "gr_") && strings.HasSuffix(line, "  -\n") == strings.HasPrefix(line, "gr_1") {
			t.Errorf("replaced: %q", line)
		}
	}
	if diff := cmp.Diff([]string{"GRANT", "gr_2", "gr_4", "gr_1", "gr_3", "gr_0"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s\n%s", diff, got)
	}
}

// TestTables: aligned columns, UTC, a dash for unknown values, and no characters that
// would move the cursor.
func TestTables(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		o.contains(o.run(o.console.ListUsers), "No one has signed in yet.")
		o.contains(o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{}) }), "No clients.")
		o.contains(o.run(func(ctx context.Context) error { return o.console.ListGrants(ctx, console.Selection{}) }), "No connections.")
		furnish(o)
		want := strings.TrimPrefix(`
CLIENT  NAME       REDIRECT URIS        REGISTERED            LAST SIGN-IN          CONNECTIONS
c_desk  Desk 助手  http://127.0.0.1/cb  2026-11-25 11:00:00Z  2026-11-25 12:00:00Z  2
c_idle  Idle[31m   http://127.0.0.1/cb  2026-11-25 11:00:00Z  never                 0
`, "\n")
		if diff := cmp.Diff(want, o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{}) })); diff != "" {
			t.Errorf("clients (-want +got):\n%s", diff)
		}
		want = strings.TrimPrefix(`
CLIENT  NAME      REDIRECT URIS        REGISTERED            LAST SIGN-IN  CONNECTIONS
c_idle  Idle[31m  http://127.0.0.1/cb  2026-11-25 11:00:00Z  never         0
`, "\n")
		if diff := cmp.Diff(want, o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{Unused: true}) })); diff != "" {
			t.Errorf("unused clients (-want +got):\n%s", diff)
		}
		want = strings.TrimPrefix(`
GRANT  LOGIN  APP        CLIENT  SCOPE  SINCE                 LAST USED             REPLACED
gr_1   alice  Desk 助手  c_desk  mcp    2026-11-25 12:00:00Z  2026-11-25 12:00:00Z  -
gr_2   alice  -          c_lost  mcp    2026-11-25 12:00:00Z  2026-11-25 12:00:00Z  -
`, "\n")
		got := o.run(func(ctx context.Context) error { return o.console.ListGrants(ctx, console.Selection{User: "alice"}) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("grants (-want +got):\n%s", diff)
		}
		o.contains(o.run(o.console.ListUsers), o.user(bob)+"  bob    -              -                  https://github.com  1002", "enabled")
	})
}

// TestTerminal: values too wide for the terminal are cut, except ids, which are there to
// be copied.
func TestTerminal(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	o.register("c_"+strings.Repeat("i", 30), strings.Repeat("助", 60), start)
	list := func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{}) }
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

// TestJSON: member names, which programs rely on; null for unknown times; escapes for
// characters that a terminal would interpret.
func TestJSON(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	o.console.JSON = true
	lists := map[string]func(ctx context.Context) error{
		"clients": func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{}) },
		"grants":  func(ctx context.Context) error { return o.console.ListGrants(ctx, console.Selection{}) },
		"users":   o.console.ListUsers,
	}
	for name, list := range lists {
		if got := o.run(list); got != "[]\n" {
			t.Errorf("no %s: %q", name, got)
		}
	}
	furnish(o)
	dbtest.Exec(t, dbtest.SQL(t, o.url), "UPDATE mcpkeep_grants SET upstream_token_id = 'up' WHERE id = 'gr_2'")
	wants := map[string]string{
		"clients": `{"client_id":"c_idle","client_name":"Idle\u001b[31m\u202e","client_uri":"","redirect_uris":["http://127.0.0.1/cb"],` +
			`"grant_types":["authorization_code"],"response_types":["code"],"token_endpoint_auth_method":"none",` +
			`"token_endpoint_auth_methods_supported":[],"token_endpoint_auth_signing_alg":"","jwks_uri":"","application_type":"",` +
			`"scope":"mcp","software_id":"","software_version":"","claimed_name":"",` +
			`"has_secret":false,"has_keys":false,"origin":"registered","document_fetched_at":null,"registered_at":"2026-11-25T11:00:00Z",` +
			`"last_used_at":null,"grants":0,"foreign":false,"reclaimable":true,"unreadable":false}`,
		"grants": `{"grant_id":"gr_2","user_id":"` + o.user(alice) + `","issuer":"https://github.com","subject":"1001","login":"alice",` +
			`"client_id":"c_lost","client_name":"","claimed_name":"","scope":"mcp","resource":"https://keep.example/mcp","created_at":"2026-11-25T12:00:00Z",` +
			`"last_used_at":"2026-11-25T12:00:00Z","replaced_at":null,"adopted":true}`,
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

// TestPages: a listing of several pages is complete, as text and as JSON.
func TestPages(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	for i := range 1001 {
		o.register(fmt.Sprintf("c_%04d", i), "App", start)
	}
	got := o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{}) })
	if lines := strings.Count(got, "\n"); lines != 1002 || !strings.Contains(got, "c_1000  App") {
		t.Errorf("%d lines, want 1002", lines)
	}
	o.console.JSON = true
	var parsed []struct {
		ID string `json:"client_id"`
	}
	got = o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{Unused: true}) })
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
	o.fails(`client "c_none" is not registered`, show("c_none"))
	dbtest.Exec(t, dbtest.SQL(t, o.url), "UPDATE oauth_clients SET value = '{}' WHERE key LIKE '%c_desk'")
	got := o.run(show("c_desk"))
	o.contains(got, "cannot be decrypted", "Connections     2\n")
	o.contains(o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{}) }), "(cannot be decrypted)")
	o.console.JSON = true
	o.contains(o.run(show("c_desk")), `"redirect_uris":[]`, `"unreadable":true`)
}

// TestClaimedNames: what a client without a name calls itself is shown as a claim, quoted
// and without characters that a terminal would interpret, wherever its name would be.
func TestClaimedNames(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	o.register("c_lost", "", start)
	o.connect("1", "c_lost", alice)
	o.ok(o.store.ClaimName(t.Context(), storage.NameClaim{ClientID: "c_lost", Name: "Zed\x1b[31m \"Editor\""}, start))
	const claim = `calls itself "Zed[31m \"Editor\""`
	grants := func(ctx context.Context) error { return o.console.ListGrants(ctx, console.Selection{}) }
	find := func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{Search: "editor"}) }
	show := func(ctx context.Context) error { return o.console.ShowClient(ctx, "c_lost") }
	for _, command := range []func(context.Context) error{grants, find, show} {
		o.contains(o.run(command), "("+claim+")")
	}
	o.answer = errors.New("no")
	o.fails("no", func(ctx context.Context) error { return o.console.DeleteClient(ctx, "c_lost") })
	o.fails("no", func(ctx context.Context) error { return o.console.RevokeGrants(ctx, console.Selection{ID: "gr_1"}) })
	for _, asked := range o.asked {
		o.contains(asked, "client c_lost ("+claim+")")
	}
	o.console.JSON = true
	for _, command := range []func(context.Context) error{grants, find, show} {
		o.contains(o.run(command), `"client_name":""`, `"claimed_name":"Zed`)
	}
}
