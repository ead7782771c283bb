//go:build attack

package gateway_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestSessionsAbandoned: after MCPKEEP_TEST_SESSIONS sessions that no client ends, mcpkeep has
// at most a tenth more memory than before.
func TestSessionsAbandoned(t *testing.T) {
	n := number(t, "MCPKEEP_TEST_SESSIONS", 1000)
	up := newBroadcaster(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, _ := configured(t, fmt.Sprintf(`{"mcpServers": {"default": {"url": %q},
		"command": {"command": %q, "process": "shared", "env": {%q: "1"}, "limits": {"memory": "none", "idle": "5s"}}}}`, up.URL+"/mcp", self, everything.AsStdio))
	for path, c := range map[string]*harness.Client{"/mcp": signIn(t, p), "/command/mcp": signInAt(t, p, "/command/mcp")} {
		begin(t, p.URL+path, c.AccessToken, n/2) // warm
		eventually(t, "the memory does not settle", steady(t, p.PID()))
		before := anonymous(t, p.PID())
		begin(t, p.URL+path, c.AccessToken, n)
		after := anonymous(t, p.PID())
		eventually(t, "the memory does not return", func() bool { return anonymous(t, p.PID()) <= before*1.1 })
		t.Logf("%s: %.1f MB before %d sessions, %.1f MB with them, %.1f MB then", path, before/1e3, n, after/1e3, anonymous(t, p.PID())/1e3)
	}
}

// steady returns what reports whether a process has used much the same memory for some seconds.
func steady(t *testing.T, pid int) func() bool {
	last, since := 0.0, time.Now()
	return func() bool {
		if now := anonymous(t, pid); now < last*0.98 || now > last*1.02 {
			last, since = now, time.Now()
		}
		return time.Since(since) > 10*time.Second
	}
}

// begin begins sessions.
func begin(t *testing.T, url, token string, n int) {
	t.Helper()
	const message = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`
	seen := map[string]bool{}
	for range n {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		id := response.Header.Get("Mcp-Session-Id")
		if response.StatusCode != http.StatusOK || id == "" || seen[id] {
			t.Fatalf("a session got %d and the id %q", response.StatusCode, id)
		}
		seen[id] = true
	}
}
