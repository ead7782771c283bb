package mcpserver_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Names come from anyone who registers a client, so they are one visible line
// of bounded length, in the text and in the structured result.
func TestNamesAreData(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, registered, structured, text string }{
		{"line breaks", "App\r\n\n- grant-x: \"Other\"\u2028end", `App - grant-x: "Other" end`, `"App - grant-x: \"Other\" end"`},
		{"controls and escapes", "A\x1b[31mp\x00p\x7f", "A[31mpp", `"A[31mpp"`},
		{"bidirectional and zero width", "\u202eevil\u200b\u2066\ufeffApp", "evilApp", `"evilApp"`},
		{"long", strings.Repeat("é", 500), strings.Repeat("é", 79) + "…", `"` + strings.Repeat("é", 79) + `…"`},
		{"longest", strings.Repeat("é", 80), strings.Repeat("é", 80), `"` + strings.Repeat("é", 80) + `"`},
		{"invalid UTF-8", "A\xffB", "AB", `"AB"`},
		{"other scripts", "Ассистент 助手 🤖", "Ассистент 助手 🤖", `"Ассистент 助手 🤖"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := serve(t)
			e.store.clients["client-1"] = storage.Client{ID: "client-1", Client: metadata.Client{Name: tt.registered}}
			e.connect("bob", "grant-bob", "client-1")
			connections, _ := e.call("bob", legacy, "list_connections", nil).structured()["connections"].([]any)
			if got := connections[0].(map[string]any)["client_name"]; got != tt.structured {
				t.Errorf("list_connections: %q, want %q", got, tt.structured)
			}
			for _, tool := range []string{"whoami", "list_connections"} {
				if text := e.call("bob", modern, tool, nil).text(); !strings.Contains(text, tt.text) {
					t.Errorf("%s: no %s in:\n%s", tool, tt.text, text)
				}
			}
			details := e.call("ada", legacy, "get_client", map[string]any{"client_id": "client-1"})
			if got := details.structured()["client_name"]; got != tt.structured {
				t.Errorf("get_client: %q, want %q", got, tt.structured)
			}
		})
	}
}

// A name of nothing visible is no name.
func TestInvisibleName(t *testing.T) {
	t.Parallel()
	e := serve(t)
	e.store.clients["client-1"] = storage.Client{ID: "client-1", Client: metadata.Client{Name: " \u200b\t"}}
	r := e.call("bob", legacy, "whoami", nil)
	if got, ok := r.structured()["client_name"]; ok {
		t.Errorf("client_name %q", got)
	}
	if !strings.Contains(r.text(), `unnamed app (client "client-1")`) {
		t.Errorf("text:\n%s", r.text())
	}
}

// Whatever the provider knows of a person, the answer reads well.
func TestNamesOfPeople(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, login, want string }{
		{"Bob", "bob1", `Signed in as "Bob" ("bob1") through`},
		{"Bob", "", `Signed in as "Bob" through`},
		{"", "bob1", `Signed in as "bob1" through`},
		{"", "", "Signed in as an unnamed user through"},
		{"A\nB", "\u202e", `Signed in as "A B" through`},
	}
	for _, tt := range tests {
		e := serve(t)
		bob := e.people["bob"]
		bob.User.Name, bob.User.Login = tt.name, tt.login
		e.people["bob"] = bob
		if text := e.call("bob", legacy, "whoami", nil).text(); !strings.HasPrefix(text, tt.want) {
			t.Errorf("%q, %q: %s", tt.name, tt.login, text)
		}
	}
}
