package mcpserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
)

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
		{"TM-07 unknown method", e.request("bob", modern, "no/such", nil), 404, -32601},
		{"TM-07 resources are not offered", e.request("bob", modern, "resources/list", nil), 404, -32601},
		{"TM-07 removed method", e.request("bob", modern, "ping", nil), 404, -32601},
		{"unknown tool", e.request("bob", modern, "tools/call", map[string]any{"name": "nope"}), 400, -32602},
		{"TM-04, D6 method header differs", edit(func(h http.Header) { h.Set("Mcp-Method", "tools/list") }), 400, -32020},
		{"TM-04, D6 name header differs", edit(func(h http.Header) { h.Set("Mcp-Name", "revoke_connection") }), 400, -32020},
		{"TM-04 name header missing", edit(func(h http.Header) { h.Del("Mcp-Name") }), 400, -32020},
		{"TM-05 name in base64", edit(func(h http.Header) { h.Set("Mcp-Name", "=?base64?d2hvYW1p?=") }), 200, 0},
		{"TM-05 another name in base64", edit(func(h http.Header) { h.Set("Mcp-Name", "=?base64?bm9wZQ==?=") }), 400, -32020},
		{"TM-05 case of a value", edit(func(h http.Header) { h.Set("Mcp-Name", "WHOAMI") }), 400, -32020},
		{"TM-03 no client capabilities", e.raw("bob",
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`,
			http.Header{"Mcp-Protocol-Version": {modern}, "Mcp-Method": {"tools/list"}}), 400, -32602},
		{"TM-04 version header missing", edit(func(h http.Header) { h.Del("Mcp-Protocol-Version") }), 400, -32020},
		{"TM-06 unknown version", e.request("bob", "2999-01-01", "tools/list", map[string]any{
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
		{"TL-04 not JSON", `{`, 400, -32700},
		{"batch", `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, 400, -32700},
		{"D9 too deep", strings.Repeat(`{"a":`, 20_000), 400, -32700},
		{"D9 number beyond all bounds", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_connections","arguments":{"limit":1e999999999}}}`, 200, -32600},
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

// TestProtocolVersion: TL-09. A request that names no revision is one of 2025-03-26, and one
// that is not supported is refused.
func TestProtocolVersion(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for version, status := range map[string]int{"": 200, "2025-03-26": 200, "2025-06-18": 200, "1999-01-01": 400, "x": 400, "2025-03-26, x": 400} {
		headers := http.Header{}
		if version != "" {
			headers.Set("Mcp-Protocol-Version", version)
		}
		r := e.send(e.raw("bob", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, headers))
		if r.status != status || (status == 200) != (r.result() != nil) {
			t.Errorf("%q: %d %s", version, r.status, r.raw)
		}
		if result := r.result(); result != nil && result["resultType"] != nil {
			t.Errorf("%q: a result of a later revision: %s", version, r.raw)
		}
	}
}

// TestOnlyPost: TL-01, TL-05, TL-08, TM-01.
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

// TestAccept: TL-06. What a client says to accept is no reason to refuse it.
func TestAccept(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, era := range eras {
		for _, accept := range []string{"", "*/*", "application/json", "text/event-stream", "application/json, text/event-stream"} {
			r := e.request("bob", era, "tools/list", nil)
			r.Header.Set("Accept", accept)
			if got := e.send(r); got.result() == nil || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s, Accept %q: %d %s", era, accept, got.status, got.raw)
			}
		}
	}
}

// TestForwardedIdentity: D7, 9700-12. Who calls is what the token says, whatever
// headers name someone else.
func TestForwardedIdentity(t *testing.T) {
	t.Parallel()
	e := serve(t)
	r := e.request("bob", legacy, "tools/call", map[string]any{"name": "whoami"})
	for _, name := range []string{"X-Forwarded-User", "X-Forwarded-Email", "X-Remote-User", "X-Auth-Request-User", "X-Goog-Authenticated-User-Id", "Forwarded"} {
		r.Header.Set(name, "user-ada")
	}
	if got := e.send(r).structured(); got["user_id"] != "user-bob" || got["admin"] != false {
		t.Errorf("whoami: %v", got)
	}
}

// TestNotification: TL-04. A notification is accepted, and has no answer.
func TestNotification(t *testing.T) {
	t.Parallel()
	e := serve(t)
	r := e.send(e.raw("bob", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, http.Header{"Mcp-Protocol-Version": {legacy}}))
	if r.status != http.StatusAccepted || r.raw != "" {
		t.Errorf("got %d %q", r.status, r.raw)
	}
}

// TestSessionHeadersAreIgnored: TM-01, TL-07, RS-15, D2.
func TestSessionHeadersAreIgnored(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for _, era := range eras {
		r := e.request("bob", era, "tools/call", map[string]any{"name": "whoami"})
		r.Header.Set("Mcp-Session-Id", "someone-elses")
		r.Header.Set("Last-Event-ID", "42")
		if got := e.send(r); got.structured()["user_id"] != "user-bob" {
			t.Errorf("%s: %s", era, got.raw)
		}
	}
}

// TestNothingToSubscribeTo: TM-07, TM-09, TM-13. The method does not exist, which is
// said in one JSON document. Tried often, because mcp-go streams most such answers.
func TestNothingToSubscribeTo(t *testing.T) {
	t.Parallel()
	e := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 20 {
		r := e.request("bob", modern, "subscriptions/listen", map[string]any{"notifications": map[string]any{"toolsListChanged": true}})
		got := e.send(r.WithContext(ctx))
		if got.status != http.StatusNotFound || got.code() != -32601 || got.header.Get("Content-Type") != "application/json" {
			t.Fatalf("got %d %s", got.status, got.raw)
		}
	}
}

// No one reaches a tool without a principal in the context, whatever the request.
func TestNoPrincipal(t *testing.T) {
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
	if !strings.Contains(e.log.String(), "request without a principal") {
		t.Errorf("not logged: %s", e.log)
	}
}

// TestCancellationIsNotShared: D3, D4. One person's notifications/cancelled must
// not end another's call of the same request id.
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

// TestDisconnectCancels: TM-12. Closing the connection is how a call is
// canceled, and no reason for alarm.
func TestDisconnectCancels(t *testing.T) {
	t.Parallel()
	e := serve(t)
	ctx, disconnect := context.WithCancel(t.Context())
	e.store.before = func(ctx context.Context, _ string) error {
		disconnect()
		<-ctx.Done()
		return ctx.Err()
	}
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, e.request("ada", legacy, "tools/call", map[string]any{"name": "list_connections"}).WithContext(ctx))
	if w.Body.Len() > 0 || e.log.String() != "" {
		t.Errorf("answer %q, log %q", w.Body, e.log)
	}
}

// The middleware in front knows which hosts are good, also those that a proxy on
// this machine passes on.
func TestAnyHost(t *testing.T) {
	t.Parallel()
	e := serve(t)
	r := e.request("bob", legacy, "ping", nil)
	r.Host = "keep.example"
	if got := e.send(r); got.status != http.StatusOK {
		t.Errorf("got %d %s", got.status, got.raw)
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
