package setups_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// envoyWith runs deploy/envoy/forward-auth.yaml in front of mcpkeep and of an MCP server, with
// other names for what differs.
func envoyWith(t *testing.T, at, keep, server string, c certificate) []string {
	t.Helper()
	shipped, err := os.ReadFile(filepath.Join(harness.Root(t), "deploy", "envoy", "forward-auth.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(shipped)
	for from, to := range map[string]string{
		"/etc/letsencrypt/live/mcp.example.com/fullchain.pem": c.cert,
		"/etc/letsencrypt/live/mcp.example.com/privkey.pem":   c.key,
		"address: 0.0.0.0, port_value: 443}":                  "address: 127.0.0.1, port_value: " + port(at) + "}",
		"address: 127.0.0.1, port_value: 8080}":               "address: 127.0.0.1, port_value: " + port(keep) + "}",
		"address: 127.0.0.1, port_value: 9000}":               "address: 127.0.0.1, port_value: " + port(server) + "}",
	} {
		if !strings.Contains(text, from) {
			t.Fatalf("the file lacks %q", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	main := filepath.Join(c.folder, "envoy.yaml")
	write(t, main, text)
	return []string{find(t, "envoy"), "-c", main, "--disable-hot-restart", "--concurrency", "1", "-l", "warn"}
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
