//go:build clients

package clients_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// tour is what tour.mjs and tour.py are told: where the server is.
type tour struct {
	Library string     `json:"library"`
	Pin     string     `json:"pin,omitempty"`
	Level   bool       `json:"level"`
	Updates bool       `json:"updates"`
	Tasks   bool       `json:"tasks"`
	Calls   []toolCall `json:"calls,omitempty"`
	Command string     `json:"command,omitempty"`
	Args    []string   `json:"args,omitempty"`
	Server  string     `json:"server,omitempty"`
	Token   string     `json:"token,omitempty"`
}

// TestTour: the official SDKs see the same of real servers directly and through mcpkeep.
// Notifications may come in another order.
func TestTour(t *testing.T) {
	t.Parallel()
	for name, start := range places() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct, calls := start(t)
			entry := map[string]any{"url": direct.Server}
			if direct.Command != "" {
				entry = map[string]any{"command": direct.Command, "args": direct.Args}
			}
			endpoint, token := behind(t, entry)
			for _, library := range []string{"sdk", "client", "python"} {
				t.Run(library, func(t *testing.T) {
					t.Parallel()
					where := tour{Library: library, Level: true, Calls: calls, Tasks: strings.HasPrefix(name, "everything")}
					through := where
					where.Server, where.Command, where.Args = direct.Server, direct.Command, direct.Args
					through.Server, through.Token = endpoint, token
					equal(t, takeTour(t, where), takeTour(t, through))
				})
			}
		})
	}
}

// TestRevisions: clients with sessions see the same of a server that knows none as of one that
// speaks their revision, and clients without sessions the same of an older server.
func TestRevisions(t *testing.T) {
	t.Parallel()
	dir := harness.NodeDir(t)
	server := filepath.Join(dir, "sessionless.mjs")
	const older, newer = "serve", "reject"
	for mode, pins := range map[string][]string{newer: {"", "2026-07-28"}, older: {"2026-07-28"}} {
		endpoint, token := behind(t, map[string]any{"command": harness.Node(dir), "args": []string{server, mode}})
		for _, pin := range pins {
			for _, library := range []string{"sdk", "client", "python"} {
				if library == "sdk" && pin != "" {
					continue // it knows no such revision
				}
				t.Run(library+pin+mode, func(t *testing.T) {
					t.Parallel()
					where := tour{Library: library, Pin: pin, Level: pin == "", Updates: pin == ""}
					through := where
					if where.Command, where.Args = harness.Node(dir), []string{server, newer}; pin == "" {
						where.Args[1] = older
					}
					through.Server, through.Token = endpoint, token
					equal(t, takeTour(t, where), takeTour(t, through))
				})
			}
		}
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
func takeTour(t *testing.T, where tour) []string {
	t.Helper()
	argument, err := json.Marshal(where)
	if err != nil {
		t.Fatal(err)
	}
	dir := harness.NodeDir(t)
	cmd := exec.CommandContext(t.Context(), harness.Node(dir), "tour.mjs", string(argument))
	if cmd.Dir = dir; where.Library == "python" {
		cmd = exec.CommandContext(t.Context(), harness.Python(t), "tour.py", string(argument))
		cmd.Dir = filepath.Join(harness.Root(t), "test", "clients", "python")
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, tail(complaints.String()))
	}
	var saw struct {
		Seen     []any `json:"seen"`
		Progress int   `json:"progress"`
		Breaks   int   `json:"breaks"`
	}
	if err := json.Unmarshal(out, &saw); err != nil {
		t.Fatalf("%v: %.1000s", err, out)
	}
	const steps = 18
	if len(saw.Seen) < steps {
		t.Errorf("%d steps", len(saw.Seen))
	}
	if where.Server != "" && where.Tasks && saw.Breaks != 1 { // other servers give their events no IDs
		t.Errorf("%d streams broke", saw.Breaks)
	}
	if where.Calls == nil {
		for _, word := range []string{`"sampled"`, `"decline"`, "file:///tour", `"stopped"`} {
			if !strings.Contains(string(out), word) {
				t.Errorf("the tour has not shown %s", word)
			}
		}
		if saw.Progress < 3 { // one may come with the response
			t.Errorf("%d times progress", saw.Progress)
		}
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
