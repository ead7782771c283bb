package mcpserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
)

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

// Per-person answers may be cached by nobody else, and not at all.
func TestCacheHints(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, method := range []string{"tools/list", "server/discover"} {
		result := e.rpc("bob", modern, method, nil).result()
		if result["cacheScope"] != "private" || result["ttlMs"] != 0.0 {
			t.Errorf("%s: cacheScope %v, ttlMs %v", method, result["cacheScope"], result["ttlMs"])
		}
	}
}

func TestModernErrors(t *testing.T) {
	t.Parallel()
	e := serve(t)
	edit := func(f func(http.Header)) *http.Request {
		r := e.request("bob", modern, "tools/call", map[string]any{"name": "whoami"})
		f(r.Header)
		return r
	}
	tests := []struct {
		name    string
		request *http.Request
		status  int
		code    float64
	}{
		{"unknown method", e.request("bob", modern, "no/such", nil), 404, -32601},
		{"resources are not offered", e.request("bob", modern, "resources/list", nil), 404, -32601},
		{"removed method", e.request("bob", modern, "ping", nil), 404, -32601},
		{"unknown tool", e.request("bob", modern, "tools/call", map[string]any{"name": "nope"}), 400, -32602},
		{"method header differs", edit(func(h http.Header) { h.Set("Mcp-Method", "tools/list") }), 400, -32020},
		{"name header differs", edit(func(h http.Header) { h.Set("Mcp-Name", "revoke_connection") }), 400, -32020},
		{"name header missing", edit(func(h http.Header) { h.Del("Mcp-Name") }), 400, -32020},
		{"version header missing", edit(func(h http.Header) { h.Del("Mcp-Protocol-Version") }), 400, -32020},
		{"unknown version", e.request("bob", "2999-01-01", "tools/list", map[string]any{
			"_meta": map[string]any{"io.modelcontextprotocol/protocolVersion": "2999-01-01"}}), 400, -32022},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := e.send(tt.request); r.status != tt.status || r.code() != tt.code {
				t.Errorf("got %d, code %v, want %d, %v: %s", r.status, r.code(), tt.status, tt.code, r.raw)
			}
		})
	}
}

func TestLegacyErrors(t *testing.T) {
	t.Parallel()
	e := serve(t)
	tests := []struct {
		name, body string
		status     int
		code       float64
	}{
		{"unknown method", `{"jsonrpc":"2.0","id":1,"method":"no/such"}`, 200, -32601},
		{"not JSON", `{`, 400, -32700},
		{"batch", `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, 400, -32700},
		{"too deep", strings.Repeat(`{"a":`, 20_000), 400, -32700},
		{"number beyond all bounds", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_connections","arguments":{"limit":1e999999999}}}`, 200, -32600},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := e.send(e.raw("bob", tt.body, http.Header{"Mcp-Protocol-Version": {legacy}}))
			if r.status != tt.status || r.code() != tt.code {
				t.Errorf("got %d, code %v, want %d, %v: %s", r.status, r.code(), tt.status, tt.code, r.raw)
			}
		})
	}
}

func TestOnlyPost(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, era := range append([]string{""}, eras...) {
		for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodHead, http.MethodPut} {
			r := e.raw("bob", "", http.Header{"Mcp-Protocol-Version": {era}})
			r.Method = method
			if got := e.send(r); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "POST" {
				t.Errorf("%s %q: %d, Allow %q", method, era, got.status, got.header.Get("Allow"))
			}
		}
	}
}

// A notification is accepted, and has no answer.
func TestNotification(t *testing.T) {
	t.Parallel()
	e := serve(t)
	r := e.send(e.raw("bob", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, http.Header{"Mcp-Protocol-Version": {legacy}}))
	if r.status != http.StatusAccepted || r.raw != "" {
		t.Errorf("got %d %q", r.status, r.raw)
	}
}

func TestSessionHeadersAreIgnored(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, era := range eras {
		r := e.request("bob", era, "tools/call", map[string]any{"name": "whoami"})
		r.Header.Set("Mcp-Session-Id", "somebody-elses")
		r.Header.Set("Last-Event-ID", "42")
		if got := e.send(r); got.structured()["user_id"] != "user-bob" {
			t.Errorf("%s: %s", era, got.raw)
		}
	}
}

// There is nothing to subscribe to, so the request ends at once.
func TestSubscriptionsEnd(t *testing.T) {
	t.Parallel()
	e := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := e.request("bob", modern, "subscriptions/listen", map[string]any{"notifications": map[string]any{"toolsListChanged": true}})
	if got := e.send(r.WithContext(ctx)); got.result() == nil || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", got.status, got.raw)
	}
}

// Nobody reaches a tool without a caller in the context, whatever the request.
func TestNoCaller(t *testing.T) {
	t.Parallel()
	e := serve(t)
	e.store.before = func(context.Context, string) error {
		t.Error("the store was reached")
		return nil
	}
	for _, era := range eras {
		for _, method := range []string{"tools/call", "tools/list"} {
			r := e.rpc("stranger", era, method, map[string]any{"name": "list_connections"})
			if r.status != http.StatusInternalServerError || r.code() != -32603 {
				t.Errorf("%s %s: %d %s", era, method, r.status, r.raw)
			}
		}
	}
	if !strings.Contains(e.log.String(), "request without a caller") {
		t.Errorf("not logged: %s", e.log)
	}
}

// One person's notifications/cancelled must not end another's call of the same
// request id.
func TestCancellationIsNotShared(t *testing.T) {
	t.Parallel()
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			t.Parallel()
			e := serve(t)
			running, release := make(chan struct{}), make(chan struct{})
			e.store.before = func(ctx context.Context, method string) error {
				if method != "ListGrants" {
					return nil
				}
				close(running)
				select {
				case <-release:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			answer := make(chan reply)
			go func() { answer <- e.rpc("ada", era, "tools/call", map[string]any{"name": "list_connections"}) }()
			<-running
			cancel := e.request("eve", era, "notifications/cancelled", map[string]any{"requestId": 1})
			body := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1%s}}`
			meta := ""
			if era == modern {
				meta = fmt.Sprintf(`,"_meta":{"io.modelcontextprotocol/protocolVersion":%q,"io.modelcontextprotocol/clientCapabilities":{}}`, era)
			}
			if r := e.send(e.raw("eve", fmt.Sprintf(body, meta), cancel.Header)); r.status != http.StatusAccepted {
				t.Errorf("cancellation: %d %s", r.status, r.raw)
			}
			close(release)
			if r := <-answer; r.isError() {
				t.Errorf("eve ended ada's call: %s", r.raw)
			}
		})
	}
}

// Closing the connection is how a call is cancelled.
func TestDisconnectCancels(t *testing.T) {
	t.Parallel()
	e := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	e.store.before = func(ctx context.Context, _ string) error {
		cancel()
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	if _, err := http.DefaultClient.Do(e.request("ada", legacy, "tools/call", map[string]any{"name": "list_connections"}).WithContext(ctx)); err == nil {
		t.Error("the request was answered")
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the call goes on")
	}
}

// The zero configuration beyond the store works.
func TestDefaults(t *testing.T) {
	t.Parallel()
	e := serve(t)
	server := httptest.NewServer(e.authenticate(mcpserver.New(mcpserver.Config{Store: e.store})))
	t.Cleanup(server.Close)
	e.url = server.URL
	if got := e.call("ada", legacy, "server_status", nil).structured(); got["ready"] != true || got["database"] != nil {
		t.Errorf("server_status: %v", got)
	}
}
