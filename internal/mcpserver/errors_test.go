package mcpserver_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// callsOfAllTools has a valid call of each tool that asks the store.
var callsOfAllTools = map[string]map[string]any{
	"list_connections":  {},
	"revoke_connection": {"connection_id": "grant-ada"},
	"list_clients":      {},
	"get_client":        {"client_id": "client-1"},
	"delete_client":     {"client_id": "client-1"},
	"server_status":     {},
}

var reference = regexp.MustCompile(`reference ([a-z0-9]{10})\.`)

func TestStorageErrors(t *testing.T) {
	t.Parallel()
	const secret = "dsn-with-a-password"
	internal := "Internal error"
	tests := []struct {
		name   string
		fail   func() error
		want   string
		logged string
	}{
		{"unavailable", func() error { return fmt.Errorf("read: %w: %s", storage.ErrUnavailable, secret) }, "database is unavailable", secret},
		{"defect", func() error { return errors.New(secret) }, internal, secret},
		{"unexpected sentinel", func() error { return storage.ErrSpent }, internal, "already used"},
		{"canceled, but not by the client", func() error { return context.Canceled }, internal, "context canceled"},
		{"panic", func() error { panic(secret) }, internal, secret},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := serve(t)
			e.store.before = func(context.Context, string) error { return tt.fail() }
			for tool, arguments := range callsOfAllTools {
				for _, era := range eras {
					r := e.call("ada", era, tool, arguments)
					if !r.isError() || !strings.Contains(r.text(), tt.want) || strings.Contains(r.raw, secret) {
						t.Errorf("%s, %s: %s", tool, era, r.raw)
					}
					ref := reference.FindStringSubmatch(r.text())
					if tt.want == internal && (len(ref) < 2 || !strings.Contains(e.log.String(), `"reference":"`+ref[1]+`"`)) {
						t.Errorf("%s: reference of %q is not in the log", tool, r.text())
					}
				}
			}
			if !strings.Contains(e.log.String(), tt.logged) {
				t.Errorf("the cause is not in the log:\n%s", e.log)
			}
		})
	}
}

// whoami knows all but the app's name from the token, also without a database.
func TestWhoamiWithoutDatabase(t *testing.T) {
	t.Parallel()
	for _, err := range []error{storage.ErrUnavailable, storage.ErrNotFound, storage.ErrUnreadable} {
		e := serve(t)
		e.store.before = func(context.Context, string) error { return err }
		r := e.call("bob", modern, "whoami", nil)
		if got := r.structured(); got["user_id"] != "user-bob" || got["client_name"] != nil {
			t.Errorf("%v: %v", err, got)
		}
		if !strings.Contains(r.text(), `unnamed app (client "client-1")`) {
			t.Errorf("%v: %s", err, r.text())
		}
		wantLog := !errors.Is(err, storage.ErrNotFound)
		if logged := strings.Contains(e.log.String(), "client name unavailable"); logged != wantLog {
			t.Errorf("%v: logged %t, want %t", err, logged, wantLog)
		}
	}
}

// A row that cannot be decrypted is explained to administrators only.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	e := serve(t)
	e.store.unreadable["client-1"] = true
	r := e.call("ada", legacy, "get_client", map[string]any{"client_id": "client-1"})
	for _, part := range []string{"oauth_clients", "row-of-client-1", "key-7"} {
		if !r.isError() || !strings.Contains(r.text(), part) {
			t.Errorf("%q is not in: %s", part, r.raw)
		}
	}
	e.store.before = func(context.Context, string) error {
		return &storage.UnreadableError{Table: "oauth_clients", Row: "row", KeyID: "key-7"}
	}
	if r := e.call("bob", legacy, "list_connections", nil); !r.isError() || strings.Contains(r.raw, "key-7") {
		t.Errorf("to bob: %s", r.raw)
	}
}

func TestInvalidArguments(t *testing.T) {
	t.Parallel()
	e := serve(t)
	e.store.before = func(_ context.Context, method string) error {
		t.Errorf("%s was reached", method)
		return nil
	}
	huge := strings.Repeat("x", 1<<18)
	const schema = "must match this JSON Schema: {"
	tests := []struct {
		name, tool string
		arguments  any
		want       string // in addition to the schema
	}{
		{"missing", "revoke_connection", map[string]any{}, "connection_id is required: Connection ID, from list_connections."},
		{"no arguments", "revoke_connection", nil, "connection_id is required"},
		{"empty list of arguments", "revoke_connection", []any{}, "connection_id is required"},
		{"null", "get_client", map[string]any{"client_id": nil}, "client_id is required"},
		{"an extra one only", "revoke_connection", map[string]any{"id": "grant-ada"}, "connection_id is required"},
		{"wrong type", "revoke_connection", map[string]any{"connection_id": 7}, "connection_id must be a string, not a number."},
		{"list for string", "revoke_connection", map[string]any{"connection_id": []string{"a", "b"}}, "must be a string, not an array."},
		{"object for string", "list_clients", map[string]any{"cursor": map[string]any{"a": 1}}, "cursor must be a string, not an object."},
		{"arguments are a list", "list_connections", []any{1}, "The arguments must be a JSON object, not an array."},
		{"arguments are a string", "list_connections", "limit", "The arguments must be a JSON object, not a string."},
		{"fraction", "list_connections", map[string]any{"limit": 1.5}, "limit must be a whole number from 1 to 100."},
		{"number as string", "list_connections", map[string]any{"limit": "5"}, "limit must be a whole number from 1 to 100, not a string."},
		{"boolean for number", "list_connections", map[string]any{"limit": false}, "limit must be a whole number from 1 to 100, not a boolean."},
		{"too small", "list_connections", map[string]any{"limit": 0}, "from 1 to 100."},
		{"negative", "list_clients", map[string]any{"limit": -1}, "from 1 to 100."},
		{"too large", "list_connections", map[string]any{"limit": 101}, "from 1 to 100."},
		{"enormous", "list_connections", map[string]any{"limit": 1e300}, "from 1 to 100."},
		{"empty", "get_client", map[string]any{"client_id": ""}, "client_id is required: Client ID of the app, from list_clients."},
		{"too long", "revoke_connection", map[string]any{"connection_id": huge}, "connection_id must have at most 128 characters."},
		{"huge and odd", "get_client", map[string]any{"client_id": huge + "\n"}, "client_id must have at most 2048 characters."},
		{"NUL", "revoke_connection", map[string]any{"connection_id": "grant\x00"}, "connection_id has characters that it cannot have."},
		{"not ASCII", "delete_client", map[string]any{"client_id": "clïent"}, "client_id has characters that it cannot have."},
		{"cursor of another alphabet", "list_connections", map[string]any{"cursor": "a+b/"}, "cursor has characters that it cannot have."},
	}
	for _, tt := range tests {
		for _, era := range eras {
			r := e.call("ada", era, tt.tool, tt.arguments)
			if !r.isError() || !strings.Contains(r.text(), tt.want) || !strings.Contains(r.text(), schema) {
				t.Errorf("%s, %s: no %q in %.300s", tt.name, era, tt.want, r.text())
			}
			if n := utf8.RuneCountInString(r.text()); n > 2000 {
				t.Errorf("%s: the error has %d characters", tt.name, n)
			}
			for _, internal := range []string{"&{", "map[", "interface", "float64", "jsonschema", "<nil>"} {
				if strings.Contains(r.text(), internal) {
					t.Errorf("%s: Go in the answer: %s", tt.name, r.text())
				}
			}
		}
	}
}

// TestToleratedArguments: what models and clients add is ignored, and an optional
// argument that is filled in without a value counts as absent.
func TestToleratedArguments(t *testing.T) {
	t.Parallel()
	e := serve(t)
	huge := strings.Repeat("x", 1<<16)
	tests := []struct {
		tool      string
		arguments any
	}{
		{"whoami", map[string]any{"user_id": "user-bob", huge: huge}},
		{"whoami", []any{}},
		{"whoami", ""},
		{"whoami", []any{"anything"}},
		{"list_connections", map[string]any{"limit": nil, "cursor": nil}},
		{"list_connections", map[string]any{"limit": "", "cursor": ""}},
		{"list_connections", map[string]any{"limit": map[string]any{}, "cursor": []any{}}},
		{"list_connections", map[string]any{"limit": "null", "cursor": "None"}},
		{"list_connections", map[string]any{"cursor": " undefined ", "LIMIT": 7, "reason": "the user asked"}},
		{"list_connections", map[string]any{"limit": 2.0, "_": map[string]any{"a": []any{1}}}},
		{"get_client", map[string]any{"client_id": "client-1", "verbose": true}},
	}
	for _, tt := range tests {
		for _, era := range eras {
			if r := e.call("ada", era, tt.tool, tt.arguments); r.isError() {
				t.Errorf("%s, %s, %.80v: %.300s", tt.tool, era, tt.arguments, r.text())
			}
		}
	}
	list, _ := e.call("ada", legacy, "list_connections", map[string]any{"limit": nil, "extra": 1}).structured()["connections"].([]any)
	if len(list) != 2 {
		t.Errorf("%d connections, want all", len(list))
	}
}

func TestInvalidCursor(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for name, cursor := range map[string]string{"no base64": "A", "NUL": "AAAA", "no UTF-8": "____"} {
		for _, tool := range []string{"list_connections", "list_clients"} {
			r := e.call("ada", legacy, tool, map[string]any{"cursor": cursor})
			if !r.isError() || !strings.Contains(r.text(), "next_cursor from the previous response") {
				t.Errorf("%s: %s", name, r.raw)
			}
		}
	}
}

// What JSON Schema calls an integer is one, however it is written.
func TestIntegerNotations(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, limit := range []string{"1", "1.0", "1e0", "10e-1"} {
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_connections","arguments":{"limit":` + limit + `}}}`
		r := e.send(e.raw("ada", body, nil))
		if list, _ := r.structured()["connections"].([]any); len(list) != 1 {
			t.Errorf("limit %s: %s", limit, r.raw)
		}
	}
}
