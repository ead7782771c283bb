//go:build clients

package clients_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// cliTimeout bounds a program's run, sign-in included.
const cliTimeout = 60 * time.Second

// opener is a program that a client starts in place of a browser. It keeps the URL.
const opener = `#!/bin/sh
printf '%s' "$1" > "${0%/*}/part" && mv "${0%/*}/part" "${0%/*}/url"
`

// TestCommandLines: mcp-remote and mcporter, which open a browser by themselves, sign in at
// each name of a server on this machine and call it.
func TestCommandLines(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, harness.Engines()[0].Options(t))
	for _, tool := range []struct {
		bin  string
		args func(address string) []string
		want string // in what it prints
	}{
		{"mcp-remote-client", func(address string) []string { return []string{address, "--allow-http"} }, "Connected successfully!"},
		{"mcporter", func(address string) []string {
			return []string{"call", "--http-url", address, "--allow-http", "whoami"}
		}, "connection_id"},
	} {
		for host, address := range localNames(t, p.URL) {
			t.Run(tool.bin+"/"+host, func(t *testing.T) {
				t.Parallel()
				out := runCLI(t, tool.bin, tool.args(address))
				if !strings.Contains(out, tool.want) {
					t.Errorf("%q is not in\n%s", tool.want, out)
				}
			})
		}
	}
}

// runCLI runs a program of the npm package with a home of its own, signs in when it opens
// the browser, and returns what it printed.
func runCLI(t *testing.T, bin string, args []string) string {
	t.Helper()
	dir, home := harness.NodeDir(t), t.TempDir()
	open := filepath.Join(home, "xdg-open")
	if err := os.WriteFile(open, []byte(opener), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), cliTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Node(dir), append([]string{filepath.Join("node_modules", ".bin", bin)}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "MCP_REMOTE_CONFIG_DIR="+home, "BROWSER="+open, "PATH="+home+":"+os.Getenv("PATH"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	opened := time.NewTicker(50 * time.Millisecond)
	defer opened.Stop()
	for signedIn := false; ; {
		select {
		case err := <-ended:
			if err != nil || !signedIn {
				t.Errorf("%s: %v, signed in %t\n%s", bin, err, signedIn, tail(out.String()))
			}
			return out.String()
		case <-opened.C:
			if target, err := os.ReadFile(filepath.Join(home, "url")); err == nil && !signedIn {
				signedIn = true
				approveAt(t, string(target))
			}
		}
	}
}

// approveAt takes a person through the sign-in and back to the client.
func approveAt(t *testing.T, target string) {
	t.Helper()
	who := newPerson(t)
	var answer *url.URL
	answer, err := who.visit(target)
	if err == nil {
		err = who.deliver(answer)
	}
	if err != nil {
		t.Error(err)
	}
}
