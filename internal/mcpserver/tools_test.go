package mcpserver_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// What tools/list says is the interface of this package: clients cache it, and
// people approved it.
func TestToolsListGolden(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"ada": "tools_admin.json", "bob": "tools.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := serve(t)
			golden(t, file, e.rpc(name, legacy, "tools/list", nil).result()["tools"])
		})
	}
}

// TestToolsListIsTheSameInBothErasAndEveryTime: TM-16.
func TestToolsListIsTheSameInBothErasAndEveryTime(t *testing.T) {
	t.Parallel()
	e := serve(t)
	want := e.rpc("ada", legacy, "tools/list", nil).result()["tools"]
	for range 10 {
		for _, era := range eras {
			if diff := cmp.Diff(want, e.rpc("ada", era, "tools/list", nil).result()["tools"]); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", era, diff)
			}
		}
	}
}

// TestResultsGolden keeps results of every tool on file, where test/schemas holds
// them against the output schemas.
func TestResultsGolden(t *testing.T) {
	t.Parallel()
	e := serve(t)
	e.connect("ada", "grant-bare", "client-bare") // nothing optional is known
	e.store.grants["grant-bare"] = storage.Grant{ID: "grant-bare", UserID: "user-ada", ClientID: "client-bare"}
	e.store.clients["client-bare"] = storage.Client{ID: "client-bare"}
	type result struct {
		Tool      string         `json:"tool"`
		Arguments map[string]any `json:"arguments,omitempty"`
		Result    any            `json:"result"`
	}
	results := []result{
		{Tool: "whoami"},
		{Tool: "list_connections"},
		{Tool: "list_connections", Arguments: map[string]any{"limit": 1}},
		{Tool: "list_clients"},
		{Tool: "get_client", Arguments: map[string]any{"client_id": "client-1"}},
		{Tool: "get_client", Arguments: map[string]any{"client_id": "client-bare"}},
		{Tool: "server_status"},
		{Tool: "revoke_connection", Arguments: map[string]any{"connection_id": "grant-ada-2"}},
		{Tool: "delete_client", Arguments: map[string]any{"client_id": "client-2"}},
	}
	for i, r := range results {
		got := e.call("ada", modern, r.Tool, r.Arguments)
		results[i].Result = got.structured()
		if got.text() == "" {
			t.Errorf("%s: no text", r.Tool)
		}
	}
	golden(t, "results.json", results)
}

// golden compares a value's JSON with a file of testdata.
func golden(t *testing.T, name string, value any) {
	t.Helper()
	got, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is different; if you meant that, run with -update (-want +got):\n%s", file, diff)
	}
}

func TestWhoami(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, era := range eras {
		r := e.call("bob", era, "whoami", map[string]any{})
		want := map[string]any{
			"user_id": "user-bob", "provider": "https://github.com", "login": "login-bob", "name": "Name of bob",
			"email": "bob@example.com", "admin": false, "connection_id": "grant-bob",
			"client_id": "client-1", "client_name": "Chat App", "scopes": []any{"mcp:manage", "mcp:admin"},
			"resource": "https://keep.example/mcp", "token_expires_at": "2026-11-20T13:00:00Z", "server": "https://keep.example",
		}
		if diff := cmp.Diff(want, r.structured()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", era, diff)
		}
		for _, part := range []string{"Name of bob", "user-bob", "https://github.com", "bob@example.com", `"Chat App"`, "grant-bob", "mcp", "13:00:00Z"} {
			if !strings.Contains(r.text(), part) {
				t.Errorf("%q is not in the text:\n%s", part, r.text())
			}
		}
		if strings.Contains(r.text(), "administrator") {
			t.Errorf("bob is no administrator:\n%s", r.text())
		}
	}
	if r := e.call("ada", legacy, "whoami", nil); r.structured()["admin"] != true || !strings.Contains(r.text(), "administrator") {
		t.Errorf("ada is an administrator: %s", r.raw)
	}
}

func TestListConnections(t *testing.T) {
	t.Parallel()
	e := serve(t)
	r := e.call("ada", legacy, "list_connections", nil)
	entry := func(id, client, name string, current bool) map[string]any {
		return map[string]any{
			"connection_id": id, "client_id": client, "client_name": name, "scopes": []any{"mcp"},
			"connected_at": "2026-11-19T12:00:00Z", "last_used_at": "2026-11-20T11:59:00Z", "this_connection": current,
		}
	}
	want := map[string]any{"connections": []any{
		entry("grant-ada", "client-1", "Chat App", true),
		entry("grant-ada-2", "client-2", "Editor", false),
	}}
	if diff := cmp.Diff(want, r.structured()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantText := `2 connections:
- grant-ada: "Chat App" (client "client-1"), since 2026-11-19T12:00:00Z, last used 2026-11-20T11:59:00Z, scopes: mcp [this connection]
- grant-ada-2: "Editor" (client "client-2"), since 2026-11-19T12:00:00Z, last used 2026-11-20T11:59:00Z, scopes: mcp`
	if diff := cmp.Diff(wantText, r.text()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

// Connections of one client follow each other, and say which were replaced.
func TestListConnectionsGroups(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, id := range []string{"grant-bob-2", "grant-bob-3"} {
		e.connect("bob", id, map[string]string{"grant-bob-2": "client-2", "grant-bob-3": "client-1"}[id])
	}
	older := e.store.grants["grant-bob-3"]
	older.ReplacedAt = time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	e.store.grants["grant-bob-3"] = older
	r := e.call("bob", legacy, "list_connections", nil)
	var ids []string
	for _, c := range r.structured()["connections"].([]any) {
		c := c.(map[string]any)
		ids = append(ids, c["connection_id"].(string))
		if at, ok := c["replaced_at"]; ok != (c["connection_id"] == "grant-bob-3") || ok && at != "2026-11-20T11:00:00Z" {
			t.Errorf("replaced: %v", c)
		}
	}
	if diff := cmp.Diff([]string{"grant-bob", "grant-bob-3", "grant-bob-2"}, ids); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for _, part := range []string{
		"3 connections:\n- \"Chat App\" (client \"client-1\"): 2 connections\n  - grant-bob: ", "\n  - grant-bob-3: ",
		", replaced 2026-11-20T11:00:00Z\n- grant-bob-2: ",
	} {
		if !strings.Contains(r.text(), part) {
			t.Errorf("%q is not in\n%s", part, r.text())
		}
	}
}

func TestListConnectionsEmpty(t *testing.T) {
	t.Parallel()
	e := serve(t)
	delete(e.store.grants, "grant-bob")
	if diff := cmp.Diff(map[string]any{"connections": []any{}}, e.call("bob", modern, "list_connections", nil).structured()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Walking through the pages shows every entry once, whatever the size.
func TestPaging(t *testing.T) {
	t.Parallel()
	e := serve(t)
	const n = 107
	for i := range n {
		id := "x-" + strings.Repeat("i", i+1)
		e.store.clients[id] = storage.Client{ID: id, Client: metadata.Client{Name: "App"}}
		e.connect("bob", "grant-"+id, id)
	}
	lists := []struct {
		as, tool, list, id string
		total              int
	}{
		{"bob", "list_connections", "connections", "connection_id", n + 1},
		{"ada", "list_clients", "clients", "client_id", n + 2},
	}
	for _, l := range lists {
		for _, limit := range []int{0, 1, 7, n + 1, 100} {
			arguments := map[string]any{}
			if limit > 0 {
				arguments["limit"] = min(limit, 100)
			}
			ids := e.walk(l.as, l.tool, l.list, l.id, arguments)
			if !slices.IsSorted(ids) || len(slices.Compact(ids)) != l.total {
				t.Errorf("%s, limit %d: got %d entries, want %d", l.tool, limit, len(ids), l.total)
			}
		}
	}
}

func (e *endpoint) walk(as, tool, list, id string, arguments map[string]any) []string {
	e.t.Helper()
	size := 50 // the default
	if limit, ok := arguments["limit"].(int); ok {
		size = limit
	}
	var ids []string
	for {
		got := e.call(as, legacy, tool, arguments).structured()
		entries, _ := got[list].([]any)
		for _, entry := range entries {
			ids = append(ids, entry.(map[string]any)[id].(string))
		}
		cursor, more := got["next_cursor"]
		if !more {
			return ids
		}
		if len(entries) != size {
			e.t.Fatalf("%s: %d entries on a full page of %d", tool, len(entries), size)
		}
		arguments["cursor"] = cursor
	}
}

func TestRevokeConnection(t *testing.T) {
	t.Parallel()
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			t.Parallel()
			e := serve(t)
			r := e.call("ada", era, "revoke_connection", map[string]any{"connection_id": "grant-ada-2"})
			want := map[string]any{"connection_id": "grant-ada-2", "revoked": true, "this_connection": false}
			if diff := cmp.Diff(want, r.structured()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff([]string{"grant-ada", "grant-bob", "grant-eve"}, e.store.grantIDs()); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
			r = e.call("ada", era, "revoke_connection", map[string]any{"connection_id": "grant-ada"})
			if r.structured()["this_connection"] != true || !strings.Contains(r.text(), "next call will be refused") {
				t.Errorf("the connection in use: %s", r.raw)
			}
		})
	}
}

// Someone else's connection, an ended one and one that never was look alike,
// to administrators as well.
func TestRevokeConnectionOfOthers(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, as := range []string{"eve", "ada"} {
		unknown := e.call(as, legacy, "revoke_connection", map[string]any{"connection_id": "no-such"})
		others := e.call(as, legacy, "revoke_connection", map[string]any{"connection_id": "grant-bob"})
		if !others.isError() || !strings.Contains(others.text(), "list_connections") {
			t.Errorf("as %s: %s", as, others.raw)
		}
		if diff := cmp.Diff(unknown.raw, others.raw); diff != "" {
			t.Errorf("as %s, someone else's ID is told apart from an unknown one (-unknown +other):\n%s", as, diff)
		}
	}
	if diff := cmp.Diff([]string{"grant-ada", "grant-ada-2", "grant-bob", "grant-eve"}, e.store.grantIDs()); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}
