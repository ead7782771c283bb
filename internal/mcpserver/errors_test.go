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
		{"unavailable", func() error { return fmt.Errorf("read: %w: %s", storage.ErrUnavailable, secret) }, "cannot be reached right now", secret},
		{"defect", func() error { return errors.New(secret) }, internal, secret},
		{"unexpected sentinel", func() error { return storage.ErrSpent }, internal, "spent already"},
		{"cancelled, but not by the client", func() error { return context.Canceled }, internal, "context canceled"},
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
		if logged := strings.Contains(e.log.String(), "no name of a client"); logged != wantLog {
			t.Errorf("%v: logged %t, want %t", err, logged, wantLog)
		}
	}
}

// A row that does not open is explained to administrators only.
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
		want       string // beside the schema
	}{
		{"missing", "revoke_connection", map[string]any{}, "Missing:[connection_id]"},
		{"no arguments", "revoke_connection", nil, "Missing:[connection_id]"},
		{"null", "get_client", map[string]any{"client_id": nil}, "/client_id: &{Got:null"},
		{"extra", "whoami", map[string]any{"user_id": "user-bob"}, "Properties:[user_id]"},
		{"extra beside a valid one", "revoke_connection", map[string]any{"connection_id": "grant-ada", "user_id": "user-ada"}, "Properties:[user_id]"},
		{"another case", "list_connections", map[string]any{"LIMIT": 1}, "Properties:[LIMIT]"},
		{"wrong type", "revoke_connection", map[string]any{"connection_id": 7}, "Want:[string]"},
		{"list for string", "revoke_connection", map[string]any{"connection_id": []string{"a", "b"}}, "Want:[string]"},
		{"arguments are a list", "list_connections", []any{1}, "Want:[object]"},
		{"arguments are a string", "list_connections", "limit", "Want:[object]"},
		{"fraction", "list_connections", map[string]any{"limit": 1.5}, "Want:[integer]"},
		{"number as string", "list_connections", map[string]any{"limit": "5"}, "Want:[integer]"},
		{"too small", "list_connections", map[string]any{"limit": 0}, `"minimum":1`},
		{"negative", "list_clients", map[string]any{"limit": -1}, `"minimum":1`},
		{"too large", "list_connections", map[string]any{"limit": 101}, `"maximum":100`},
		{"enormous", "list_connections", map[string]any{"limit": 1e300}, `"maximum":100`},
		{"empty", "get_client", map[string]any{"client_id": ""}, `"minLength":1`},
		{"too long", "revoke_connection", map[string]any{"connection_id": huge}, `"maxLength":128`},
		{"huge and odd", "get_client", map[string]any{"client_id": huge + "\n"}, `"maxLength":2048`},
		{"huge name", "whoami", map[string]any{huge: 1}, "Properties:[xxx"},
		{"NUL", "revoke_connection", map[string]any{"connection_id": "grant\x00"}, "/connection_id: "},
		{"not ASCII", "delete_client", map[string]any{"client_id": "clïent"}, "/client_id: "},
		{"cursor of another alphabet", "list_connections", map[string]any{"cursor": "a+b/"}, "/cursor: "},
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
		}
	}
}

func TestInvalidCursor(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for name, cursor := range map[string]string{"no base64": "A", "NUL": "AAAA", "no UTF-8": "____"} {
		for _, tool := range []string{"list_connections", "list_clients"} {
			r := e.call("ada", legacy, tool, map[string]any{"cursor": cursor})
			if !r.isError() || !strings.Contains(r.text(), "next_cursor of the previous answer") {
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
