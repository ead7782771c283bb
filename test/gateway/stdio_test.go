package gateway_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// commanded starts mcpkeep in front of this program, as a server that speaks stdio, with
// further keys of its entry.
func commanded(t *testing.T, more map[string]any) *harness.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	entry := map[string]any{"command": self, "env": map[string]string{everything.AsStdio: "1"}, "limits": map[string]any{"memory": "none"}}
	maps.Copy(entry, more)
	content, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"default": entry}})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := configured(t, string(content))
	return p
}

// TestStdioLife: a session at a command works as at a server of its own. It ends with mcpkeep,
// of which nothing is left, and clients begin again.
func TestStdioLife(t *testing.T) {
	t.Parallel()
	p := commanded(t, nil)
	c := signIn(t, p)
	m := harness.Connect(t, c)
	proceeds(t, m)
	if status, body := post(t, p.URL+"/mcp", signIn(t, p).AccessToken, m.GetSessionId()); status != http.StatusNotFound {
		t.Errorf("another client with this session: %d %s", status, body)
	}
	own := pidOf(t, m)
	p.Kill9()
	gone(t, own)
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if status, body := post(t, p.URL+"/mcp", c.AccessToken, m.GetSessionId()); status != http.StatusNotFound {
		t.Errorf("the session after kill -9: %d %s", status, body)
	}
	own = pidOf(t, harness.Connect(t, c))
	if status := p.Term(); status != 0 {
		t.Errorf("the end: status %d", status)
	}
	gone(t, own)
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// TestStdioRevocation: the process of a grant ends when it is revoked by another process.
func TestStdioRevocation(t *testing.T) {
	t.Parallel()
	p := commanded(t, nil)
	c := signIn(t, p)
	m := harness.Connect(t, c)
	own := pidOf(t, m)
	if result := p.Command(t.Context(), t, "grants", "revoke", "--client", c.ID, "--yes"); result.Status != 0 {
		t.Fatal(result)
	}
	began := time.Now()
	gone(t, own)
	t.Logf("ended %v after the revocation", time.Since(began).Round(time.Millisecond))
}

// pidOf asks the server which process it is.
func pidOf(t *testing.T, m *client.Client) int {
	t.Helper()
	request := mcp.CallToolRequest{}
	request.Params.Name = "test_process_id"
	result, err := m.CallTool(t.Context(), request)
	if err != nil || len(result.Content) != 1 {
		t.Fatalf("%v, %v", result, err)
	}
	text, _ := result.Content[0].(mcp.TextContent)
	pid, err := strconv.Atoi(text.Text)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
