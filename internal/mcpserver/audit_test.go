package mcpserver_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/audit"
)

// TestCallsAreNoted: each call of a tool, with who made it and whether it was an error; a
// tool that does not exist for the user is none.
func TestCallsAreNoted(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, era := range eras {
		for _, c := range []struct{ as, tool, want string }{
			{"ada", "whoami", audit.OK}, {"bob", "whoami", audit.OK}, {"ada", "get_client", audit.Error}, {"bob", "get_client", ""}, {"ada", "none", ""},
		} {
			e.rpc(c.as, era, "tools/call", map[string]any{"name": c.tool, "arguments": map[string]any{}})
			var got audit.Call
			select {
			case got = <-e.called:
			default: // a call is noted before its response
			}
			got.Took = 0
			want := audit.Call{}
			if p := e.people[c.as]; c.want != "" {
				want = audit.Call{
					UserID: p.User.ID, ClientID: p.ClientID, GrantID: p.GrantID, Reference: got.Reference,
					Upstream: audit.BuiltIn, Tool: c.tool, Outcome: c.want,
				}
			}
			if got != want {
				t.Errorf("%s, %s: %+v\nwant %+v", c.as, c.tool, got, want)
			}
		}
	}
}
