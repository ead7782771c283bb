package mcpserver_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

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
			got, err := json.MarshalIndent(e.rpc(name, legacy, "tools/list", nil).result()["tools"], "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("tools/list differs from %s; if that is meant, run with -update (-want +got):\n%s", golden, diff)
			}
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

// Every successful result is one that the tool's output schema announces.
func TestResultsMatchOutputSchemas(t *testing.T) {
	t.Parallel()
	e := serve(t)
	e.connect("ada", "grant-bare", "client-bare") // nothing optional is known
	e.store.grants["grant-bare"] = storage.Grant{ID: "grant-bare", UserID: "user-ada", ClientID: "client-bare"}
	e.store.clients["client-bare"] = storage.Client{ID: "client-bare"}
	calls := []struct {
		tool      string
		arguments map[string]any
	}{
		{"whoami", nil},
		{"list_connections", nil},
		{"list_connections", map[string]any{"limit": 1}},
		{"list_clients", nil},
		{"get_client", map[string]any{"client_id": "client-1"}},
		{"get_client", map[string]any{"client_id": "client-bare"}},
		{"server_status", nil},
		{"revoke_connection", map[string]any{"connection_id": "grant-ada-2"}},
		{"delete_client", map[string]any{"client_id": "client-2"}},
	}
	schemas := e.outputSchemas("ada")
	for _, call := range calls {
		got := e.call("ada", modern, call.tool, call.arguments)
		if err := schemas[call.tool].Validate(got.structured()); err != nil {
			t.Errorf("%s %v: %v", call.tool, call.arguments, err)
		}
		if got.text() == "" {
			t.Errorf("%s: no text", call.tool)
		}
	}
}

func (e *endpoint) outputSchemas(as string) map[string]*jsonschema.Schema {
	e.t.Helper()
	var list struct {
		Result struct {
			Tools []struct {
				Name         string          `json:"name"`
				OutputSchema json.RawMessage `json:"outputSchema"`
			} `json:"tools"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(e.rpc(as, legacy, "tools/list", nil).raw), &list); err != nil {
		e.t.Fatal(err)
	}
	out := make(map[string]*jsonschema.Schema)
	for _, tool := range list.Result.Tools {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(tool.OutputSchema))
		if err != nil {
			e.t.Fatalf("%s: %v", tool.Name, err)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource(tool.Name, document); err != nil {
			e.t.Fatal(err)
		}
		if out[tool.Name], err = compiler.Compile(tool.Name); err != nil {
			e.t.Fatal(err)
		}
	}
	return out
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
		e.store.clients[id] = storage.Client{ID: id, Name: "App"}
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
			if r.structured()["this_connection"] != true || !strings.Contains(r.text(), "the next call will be refused") {
				t.Errorf("the connection in use: %s", r.raw)
			}
		})
	}
}

// Somebody else's connection, an ended one and one that never was look alike,
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
			t.Errorf("as %s, somebody else's id is told apart from an unknown one (-unknown +other):\n%s", as, diff)
		}
	}
	if diff := cmp.Diff([]string{"grant-ada", "grant-ada-2", "grant-bob", "grant-eve"}, e.store.grantIDs()); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}
