package mcpserver_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// For everyone but administrators, the administrators' tools do not exist.
func TestAdminToolsDoNotExistForOthers(t *testing.T) {
	t.Parallel()
	e := serve(t)
	calls := map[string]map[string]any{
		"list_clients":  {},
		"get_client":    {"client_id": "client-1"},
		"delete_client": {"client_id": "client-1"},
		"server_status": {},
	}
	for tool, arguments := range calls {
		for _, era := range eras {
			refused := e.rpc("bob", era, "tools/call", map[string]any{"name": tool, "arguments": arguments})
			unknown := e.rpc("bob", era, "tools/call", map[string]any{"name": "no_such_tool", "arguments": arguments})
			want := strings.ReplaceAll(unknown.raw, "no_such_tool", tool)
			if diff := cmp.Diff(want, refused.raw); diff != "" || refused.code() != -32602 {
				t.Errorf("%s, %s: not as for an unknown tool (-want +got):\n%s", tool, era, diff)
			}
			if want := http.StatusBadRequest; era == modern && refused.status != want {
				t.Errorf("%s: status %d, want %d", tool, refused.status, want)
			}
			if allowed := e.rpc("ada", era, "tools/call", map[string]any{"name": tool, "arguments": arguments}); allowed.result() == nil {
				t.Errorf("%s, %s, refused to an administrator: %s", tool, era, allowed.raw)
			}
		}
	}
}

func TestListClients(t *testing.T) {
	t.Parallel()
	e := serve(t)
	e.store.unreadable["client-2"] = true
	r := e.call("ada", modern, "list_clients", nil)
	want := map[string]any{"clients": []any{
		map[string]any{"client_id": "client-1", "client_name": "Chat App", "connections": 3.0,
			"registered_at": "2026-11-18T12:00:00Z", "unreadable": false},
		map[string]any{"client_id": "client-2", "connections": 1.0, "unreadable": true},
	}}
	if diff := cmp.Diff(want, r.structured()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantText := `2 registered apps:
- "Chat App" (client "client-1"): connections: 3, registered 2026-11-18T12:00:00Z
- unnamed app (client "client-2"): connections: 1, registered at an unknown time [record cannot be decrypted]`
	if diff := cmp.Diff(wantText, r.text()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestGetClient(t *testing.T) {
	t.Parallel()
	e := serve(t)
	r := e.call("ada", modern, "get_client", map[string]any{"client_id": "client-1"})
	want := map[string]any{
		"client_id": "client-1", "client_name": "Chat App", "client_uri": "https://chat.example",
		"redirect_uris": []any{"https://chat.example/callback"},
		"grant_types":   []any{"authorization_code", "refresh_token"}, "response_types": []any{"code"},
		"scopes": []any{"mcp"}, "token_endpoint_auth_method": "client_secret_post", "has_secret": true,
		"has_keys": false, "registered_at": "2026-11-18T12:00:00Z",
	}
	if diff := cmp.Diff(want, r.structured()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if strings.Contains(r.raw, string(e.store.clients["client-1"].SecretHash)) {
		t.Errorf("the hash of the secret is shown: %s", r.raw)
	}
	if r := e.call("ada", legacy, "get_client", map[string]any{"client_id": "gone"}); !r.isError() || !strings.Contains(r.text(), "list_clients") {
		t.Errorf("unknown client: %s", r.raw)
	}
}

// Every field of the metadata is shown, but the keys themselves and what only
// metadata documents have.
func TestGetClientShowsMetadata(t *testing.T) {
	t.Parallel()
	e := serve(t)
	shownAs := map[string]string{"scope": "scopes", "jwks": "has_keys", "token_endpoint_auth_methods_supported": ""}
	for _, name := range metadata.Names() {
		c := storage.Client{ID: "client-full"}
		var want any = "text"
		switch field := c.Field(name).(type) {
		case *string:
			*field = "text"
		case *[]string:
			*field, want = []string{"text"}, []any{"text"}
		case *metadata.JSON:
			*field, want = `{"keys":[]}`, true
		}
		e.store.clients[c.ID] = c
		member, renamed := shownAs[name]
		switch {
		case !renamed:
			member = name
		case member == "":
			continue
		case name == "scope":
			want = []any{"text"}
		}
		got := e.call("ada", modern, "get_client", map[string]any{"client_id": c.ID}).structured()
		if diff := cmp.Diff(want, got[member]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	e := serve(t)
	r := e.call("ada", modern, "delete_client", map[string]any{"client_id": "client-2"})
	want := map[string]any{"client_id": "client-2", "deleted": true, "this_client": false}
	if diff := cmp.Diff(want, r.structured()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"grant-ada", "grant-bob", "grant-eve"}, e.store.grantIDs()); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	if r := e.call("ada", modern, "delete_client", map[string]any{"client_id": "client-2"}); !r.isError() {
		t.Errorf("deleted twice: %s", r.raw)
	}
	r = e.call("ada", modern, "delete_client", map[string]any{"client_id": "client-1"})
	if r.structured()["this_client"] != true || !strings.Contains(r.text(), "its next call will be refused") {
		t.Errorf("the client in use: %s", r.raw)
	}
	if !strings.Contains(e.log.String(), `"event":"client_deleted"`) {
		t.Errorf("not logged: %s", e.log)
	}
}

func TestServerStatus(t *testing.T) {
	t.Parallel()
	e := serve(t)
	want := map[string]any{
		"version": "1.2.3", "server": "https://keep.example", "ready": true, "database": "sqlite", "schema_version": 5.0,
		"clients": 2.0, "users": 3.0, "connections": 4.0, "started_at": "2026-11-20T10:30:00Z", "uptime_seconds": 5400.0,
	}
	r := e.call("ada", modern, "server_status", nil)
	if diff := cmp.Diff(want, r.structured()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !strings.Contains(r.text(), "running for 1h30m0s") {
		t.Errorf("text:\n%s", r.text())
	}
}

func TestServerStatusNotReady(t *testing.T) {
	t.Parallel()
	e := serve(t)
	e.store.notReady = errors.New("key \"k9\"\nis missing")
	got := e.call("ada", modern, "server_status", nil)
	if s := got.structured(); s["ready"] != false || s["problem"] != `key "k9" is missing` {
		t.Errorf("got %v", s)
	}
	if !strings.Contains(got.text(), "NOT ready") {
		t.Errorf("text:\n%s", got.text())
	}
}
