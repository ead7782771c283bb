package mcpserver_test

import "testing"

// TestRevoked: whoever remembers tokens learns of what tools revoke, and of
// nothing else.
func TestRevoked(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, step := range []struct {
		tool      string
		arguments map[string]any
		want      int64
	}{
		{"list_connections", nil, 0},
		{"revoke_connection", map[string]any{"connection_id": "grant-bob"}, 0}, // somebody else's
		{"revoke_connection", map[string]any{"connection_id": "grant-ada-2"}, 1},
		{"delete_client", map[string]any{"client_id": "unknown"}, 1},
		{"delete_client", map[string]any{"client_id": "client-2"}, 2},
	} {
		e.call("ada", modern, step.tool, step.arguments)
		if got := e.revoked.Load(); got != step.want {
			t.Errorf("after %s %v: %d calls, want %d", step.tool, step.arguments, got, step.want)
		}
	}
}
