package fastmcp_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

func TestClientKey(t *testing.T) {
	t.Parallel()
	for id, key := range map[string]string{
		"2f6c1f9e-8f0e-4a53-9f2b-2f5d8d0f6a11": "mcp-oauth-proxy-clients:2f6c1f9e-8f0e-4a53-9f2b-2f5d8d0f6a11",
		"https://app.example/client.json":      "mcp-oauth-proxy-clients:https://app.example/client.json",
	} {
		if got := fastmcp.ClientKey(id); got != key {
			t.Errorf("got %s, want %s", got, key)
		}
		if got, ok := fastmcp.ClientID(key); got != id || !ok {
			t.Errorf("%s: got %s, %t", key, got, ok)
		}
	}
	for _, key := range []string{"", "c1", "mcp-oauth-proxy-clients", "mcp-oauth-proxy-clients:", "mcp-jti-mappings:c1", "x:mcp-oauth-proxy-clients:c1"} {
		if id, ok := fastmcp.ClientID(key); ok {
			t.Errorf("%q is the key of client %q", key, id)
		}
	}
}
