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
	Pin     string   `json:"pin,omitempty"`
	Level   bool     `json:"level"`
	Updates bool     `json:"updates"`
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
	endpoint, token := behind(t, map[string]any{"command": harness.Node(dir), "args": server})
	for _, library := range []string{"sdk", "client"} {
		t.Run(library, func(t *testing.T) {
			t.Parallel()
			direct := takeTour(t, dir, tour{Library: library, Level: true, Command: harness.Node(dir), Args: server})
			through := takeTour(t, dir, tour{Library: library, Level: true, Server: endpoint, Token: token})
			equal(t, direct, through)
		})
	}
}

// TestSessionlessTour: clients with sessions see the same of a server that knows none as of one that
// speaks their revision, and a client without sessions as directly.
func TestSessionlessTour(t *testing.T) {
	t.Parallel()
	dir := harness.NodeDir(t)
	server := filepath.Join(dir, "sessionless.mjs")
	endpoint, token := behind(t, map[string]any{"command": harness.Node(dir), "args": []string{server, "reject"}})
	for name, test := range map[string]struct{ library, pin, mode string }{
		"sdk": {"sdk", "", "serve"}, "client": {"client", "", "serve"}, "without sessions": {"client", "2026-07-28", "reject"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			where := tour{Library: test.library, Pin: test.pin, Level: test.pin == "", Updates: test.pin == ""}
			direct, through := where, where
			direct.Command, direct.Args = harness.Node(dir), []string{server, test.mode}
			through.Server, through.Token = endpoint, token
			equal(t, takeTour(t, dir, direct), takeTour(t, dir, through))
		})
	}
}

// behind puts mcpkeep in front of a server, and returns its endpoint and a token.
func behind(t *testing.T, entry map[string]any) (endpoint, token string) {
	t.Helper()
	if entry["command"] != nil {
		entry["limits"] = map[string]any{"memory": "none"} // Node.js reserves more than it uses
	}
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
	return p.URL + "/mcp", c.AccessToken
}

// equal compares two transcripts.
func equal(t *testing.T, direct, through []string) {
	t.Helper()
	for i := range max(len(direct), len(through)) {
		switch {
		case i >= len(direct) || i >= len(through):
			t.Fatalf("%d steps directly, %d through mcpkeep", len(direct), len(through))
		case direct[i] != through[i]:
			t.Errorf("directly %.500s\nthrough  %.500s", direct[i], through[i])
		}
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
		Seen     []any `json:"seen"`
		Progress int   `json:"progress"`
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
		line, err := json.Marshal(one) // with the members of objects in one order
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(line))
	}
	slices.Sort(list)
	return list
}
