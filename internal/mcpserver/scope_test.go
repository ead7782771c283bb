package mcpserver_test

import (
	"strings"
	"testing"
)

// TestToolsNeedTheirScope: a tool refuses a token without the scope that it declares, and
// changes nothing, whatever stands in front of it.
func TestToolsNeedTheirScope(t *testing.T) {
	t.Parallel()
	for tool, arguments := range map[string]map[string]any{
		"revoke_connection": {"connection_id": "grant-ada-2"},
		"list_clients":      {},
		"delete_client":     {"client_id": "client-2"},
	} {
		for _, era := range eras {
			e := serve(t)
			ada := e.people["ada"]
			ada.Scope = "mcp"
			e.people["ada"] = ada
			r := e.rpc("ada", era, "tools/call", map[string]any{"name": tool, "arguments": arguments})
			if !strings.Contains(r.raw, "scope that the app does not have") {
				t.Errorf("%s, %s: %s", tool, era, r.raw)
			}
			if _, there := e.store.clients["client-2"]; !there || len(e.store.grants) != len(serve(t).store.grants) {
				t.Errorf("%s, %s: something changed", tool, era)
			}
		}
	}
}
