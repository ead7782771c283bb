//go:build clients

package clients_test

import (
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// toolCall is a tool's name and its arguments.
type toolCall = [2]any

// places are the servers that tours visit: how each is reached directly, and what is called
// there if it has not the tools of server-everything.
func places() map[string]func(t *testing.T) (tour, []toolCall) {
	return map[string]func(t *testing.T) (tour, []toolCall){
		"everything, stdio": func(t *testing.T) (tour, []toolCall) {
			t.Helper()
			command, script := nodeServer(t, "server-everything")
			return tour{Command: command, Args: []string{script, "stdio"}}, nil
		},
		"everything, HTTP": func(t *testing.T) (tour, []toolCall) {
			t.Helper()
			command, script := nodeServer(t, "server-everything")
			address := harness.FreeAddress(t)
			_, port, _ := net.SplitHostPort(address)
			cmd := exec.CommandContext(t.Context(), command, script, "streamableHttp")
			cmd.Env = append(os.Environ(), "PORT="+port)
			return tour{Server: serveAt(t, address, cmd)}, nil
		},
		"FastMCP": func(t *testing.T) (tour, []toolCall) {
			t.Helper()
			address := harness.FreeAddress(t)
			_, port, _ := net.SplitHostPort(address)
			cmd := exec.CommandContext(t.Context(), harness.Python(t), "server.py", port)
			cmd.Dir = filepath.Join(harness.Root(t), "test", "clients", "python")
			return tour{Server: serveAt(t, address, cmd)}, nil
		},
		"mcp-go": func(t *testing.T) (tour, []toolCall) {
			t.Helper()
			s := httptest.NewServer(everything.New())
			t.Cleanup(func() {
				s.CloseClientConnections()
				s.Close()
			})
			none := map[string]any{}
			return tour{Server: s.URL + "/mcp"}, []toolCall{
				{"test_simple_text", none}, {"test_image_content", none}, {"test_error_handling", none}, {"test_tool_with_progress", none},
				{"test_sampling", map[string]any{"prompt": "p"}}, {"test_elicitation", map[string]any{"message": "m"}}, {"test_tool_with_logging", none},
			}
		},
		"filesystem": func(t *testing.T) (tour, []toolCall) {
			t.Helper()
			command, script := nodeServer(t, "server-filesystem")
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			path := map[string]any{"path": filepath.Join(dir, "a")}
			return tour{Command: command, Args: []string{script, dir}}, []toolCall{
				{"write_file", map[string]any{"path": path["path"], "content": "content"}}, {"read_text_file", path}, {"list_directory", map[string]any{"path": dir}},
				{"read_text_file", map[string]any{"path": "/etc/passwd"}},
			}
		},
	}
}

// nodeServer returns how one of the reference servers is started.
func nodeServer(t *testing.T, name string) (command, script string) {
	t.Helper()
	dir := harness.NodeDir(t)
	return harness.Node(dir), filepath.Join(dir, "node_modules", "@modelcontextprotocol", name, "dist", "index.js")
}

// serveAt starts a server and returns its endpoint when it takes connections.
func serveAt(t *testing.T, address string, cmd *exec.Cmd) string {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
			return "http://" + address + "/mcp"
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not serve: %v", cmd, err)
		}
	}
}
