//go:build clients

package clients_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// tour is what tour.mjs is told: where the server is.
type tour struct {
	Library string   `json:"library"`
	Level   bool     `json:"level"`
	Command string   `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	Server  string   `json:"server,omitempty"`
	Token   string   `json:"token,omitempty"`
}

// TestTour: the official SDKs see the same of a server that speaks stdio directly and through
// mcpkeep. Notifications may come in another order.
func TestTour(t *testing.T) {
	t.Parallel()
	dir := harness.NodeDir(t)
	server := []string{filepath.Join(dir, "node_modules", "@modelcontextprotocol", "server-everything", "dist", "index.js"), "stdio"}
	entry := map[string]any{"command": harness.Node(dir), "args": server, "limits": map[string]any{"memory": "none"}}
	content, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"default": entry}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mcpkeep.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Args: []string{"--config", path}})
	c := harness.NewClient(p.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	for _, library := range []string{"sdk", "client"} {
		t.Run(library, func(t *testing.T) {
			t.Parallel()
			direct := takeTour(t, dir, tour{Library: library, Level: true, Command: harness.Node(dir), Args: server})
			through := takeTour(t, dir, tour{Library: library, Level: true, Server: p.URL + "/mcp", Token: c.AccessToken})
			for i := range max(len(direct), len(through)) {
				switch {
				case i >= len(direct) || i >= len(through):
					t.Fatalf("%d steps directly, %d through mcpkeep", len(direct), len(through))
				case direct[i] != through[i]:
					t.Fatalf("directly %.500s\nthrough  %.500s", direct[i], through[i])
				}
			}
		})
	}
}

// takeTour returns what the client saw, sorted.
func takeTour(t *testing.T, dir string, where tour) []string {
	t.Helper()
	argument, err := json.Marshal(where)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), harness.Node(dir), "tour.mjs", string(argument))
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var saw struct {
		Seen     []json.RawMessage `json:"seen"`
		Progress int               `json:"progress"`
	}
	if err := json.Unmarshal(out, &saw); err != nil {
		t.Fatalf("%v: %.1000s", err, out)
	}
	const steps, least = 20, 3
	if len(saw.Seen) < steps || saw.Progress < least {
		t.Errorf("%d steps, %d times progress", len(saw.Seen), saw.Progress)
	}
	list := make([]string, 0, len(saw.Seen))
	for _, one := range saw.Seen {
		list = append(list, string(one))
	}
	slices.Sort(list)
	return list
}
