package mcpserver_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
)

// TestRevisions: TM-18.
func TestRevisions(t *testing.T) {
	t.Parallel()
	for _, revision := range []string{"2025-03-26", "2025-06-18", legacy, modern} {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			e := serve(t)
			c := e.client("ada", revision)
			if got := c.ProtocolVersion(); got != revision {
				t.Errorf("negotiated %s", got)
			}
			tools, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if len(tools.Tools) != 7 {
				t.Errorf("got %d tools", len(tools.Tools))
			}
			request := mcp.CallToolRequest{Params: mcp.CallToolParams{Name: "whoami"}}
			result, err := c.CallTool(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			who, _ := result.StructuredContent.(map[string]any)
			if who["user_id"] != "user-ada" || result.IsError {
				t.Errorf("whoami: %v", result)
			}
		})
	}
}

// client connects mcp-go's client, pinned to a revision.
func (e *endpoint) client(as, revision string) *client.Client {
	e.t.Helper()
	tr, err := transport.NewStreamableHTTP(e.url, transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + as}))
	if err != nil {
		e.t.Fatal(err)
	}
	c := client.NewClient(tr, client.WithProtocolVersion(revision))
	if err := c.Start(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.Close() })
	var init mcp.InitializeRequest
	init.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
	init.Params.ProtocolVersion = revision
	if _, err := c.Initialize(e.t.Context(), init); err != nil {
		e.t.Fatal(err)
	}
	return c
}

// TestName: the operator's name for the server is in serverInfo.
func TestName(t *testing.T) {
	t.Parallel()
	e := serve(t)
	named := mcpserver.New(mcpserver.Config{Store: e.store, Name: "Acme tools", Version: "1"})
	e.handler = e.authenticate(named)
	again := httptest.NewServer(e.handler)
	t.Cleanup(again.Close)
	e.url = again.URL
	r := e.rpc("bob", legacy, "initialize", map[string]any{
		"protocolVersion": legacy, "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "x", "version": "1"},
	})
	info, _ := r.result()["serverInfo"].(map[string]any)
	if info["name"] != "Acme tools" || info["title"] != "Acme tools" {
		t.Errorf("serverInfo %v", info)
	}
}

// TestInitialize: TL-07.
func TestInitialize(t *testing.T) {
	t.Parallel()
	e := serve(t)
	r := e.rpc("bob", legacy, "initialize", map[string]any{
		"protocolVersion": legacy, "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "x", "version": "1"},
	})
	result := r.result()
	if result["protocolVersion"] != legacy {
		t.Errorf("protocolVersion %v", result["protocolVersion"])
	}
	if diff := cmp.Diff(map[string]any{"tools": map[string]any{}}, result["capabilities"]); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	info, _ := result["serverInfo"].(map[string]any)
	if info["name"] != "mcpkeep" || info["version"] != "1.2.3" || info["websiteUrl"] != "https://keep.example" {
		t.Errorf("serverInfo %v", info)
	}
	if text, _ := result["instructions"].(string); !strings.Contains(text, "revoke_connection") {
		t.Errorf("instructions %q", text)
	}
	if id := r.header.Get("Mcp-Session-Id"); id != "" {
		t.Errorf("session id %q from a server without sessions", id)
	}
}

// TestDiscover: TM-08, C-18.
func TestDiscover(t *testing.T) {
	t.Parallel()
	result := serve(t).rpc("bob", modern, "server/discover", nil).result()
	want := []any{modern, legacy, "2025-06-18", "2025-03-26", "2024-11-05"}
	if diff := cmp.Diff(want, result["supportedVersions"]); diff != "" {
		t.Errorf("supportedVersions (-want +got):\n%s", diff)
	}
	if result["resultType"] != "complete" {
		t.Errorf("resultType %v", result["resultType"])
	}
}

// TestCacheHints: TM-11, RS-14. Per-person answers may be cached by no one else,
// and not at all. Every result has a type, that of a tool that failed included.
func TestCacheHints(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for name, result := range map[string]map[string]any{
		"server/discover":          e.rpc("bob", modern, "server/discover", nil).result(),
		"tools/list":               e.rpc("bob", modern, "tools/list", nil).result(),
		"tools/call":               e.rpc("bob", modern, "tools/call", map[string]any{"name": "whoami"}).result(),
		"tools/call of no one's":   e.rpc("bob", modern, "tools/call", map[string]any{"name": "revoke_connection", "arguments": map[string]any{"connection_id": "x"}}).result(),
		"tools/call, bad argument": e.rpc("bob", modern, "tools/call", map[string]any{"name": "revoke_connection", "arguments": map[string]any{}}).result(),
	} {
		if result["resultType"] != "complete" {
			t.Errorf("%s: resultType %v in %v", name, result["resultType"], result)
		}
	}
	for _, method := range []string{"tools/list", "server/discover"} {
		result := e.rpc("bob", modern, method, nil).result()
		if result["cacheScope"] != "private" || result["ttlMs"] != 0.0 {
			t.Errorf("%s: cacheScope %v, ttlMs %v", method, result["cacheScope"], result["ttlMs"])
		}
	}
}
