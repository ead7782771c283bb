//go:build clients

package clients_test

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// library is a client whose sign-ins are tried.
type library struct {
	name string // for people
	key  string // for test names
	pkg  string // where it comes from
	path string // of its redirect URI; "" for /callback
	// secretBy is how it authenticates with a secret, left to itself.
	secretBy string
	start    func(*testing.T, setup) driver
	expects  []expectation // where it does not get through by itself
}

// Ways to authenticate with a secret (RFC 6749 section 2.3.1).
const (
	basic = "client_secret_basic"
	post  = "client_secret_post"
)

func (lib library) redirectPath() string { return cmp.Or(lib.path, "/callback") }

// redirectURI is one with a port of its own.
func (lib library) redirectURI(t *testing.T) string {
	t.Helper()
	return "http://" + harness.FreeAddress(t) + lib.redirectPath()
}

// libraries are the clients that exist as packages.
func libraries() []library {
	return []library{
		{
			name: "TypeScript SDK 1", key: "typescript1", pkg: "@modelcontextprotocol/sdk", secretBy: basic, start: node("sdk"),
			expects: []expectation{{step: stepUp, outcome: configured, reason: "The SDK responds to the challenge with a refresh, " +
				"which cannot add scope, and then gives up. The application requests the scope by calling `auth()` without tokens."}},
		},
		{name: "TypeScript SDK 2", key: "typescript2", pkg: "@modelcontextprotocol/client", secretBy: basic, start: node("client")},
		{name: "Python SDK", key: "python", pkg: "mcp", secretBy: basic, start: python("mcp", false)},
		{name: "FastMCP", key: "fastmcp", pkg: "fastmcp", secretBy: post, start: python("fastmcp", true)},
		{
			name: "mcp-go", key: "mcp-go", pkg: "github.com/mark3labs/mcp-go", secretBy: post, start: startMCPGo,
			expects: []expectation{
				{step: stepUp, outcome: configured, reason: "The library does not support step-up: the application " +
					"receives the refusal as the tool result and signs in with the scope in its configuration."},
				{step: signIn, ways: []string{"metadata document"}, outcome: byItself, reason: "The library does not support " +
					"metadata documents: the application passes the document’s URL as the client ID."},
			},
		},
		{name: "Go SDK", key: "go", pkg: "github.com/modelcontextprotocol/go-sdk", secretBy: post, start: goSDK},
		{
			name: "Inspector, command line", key: "inspector", pkg: "@modelcontextprotocol/inspector", path: "/oauth/callback", secretBy: basic, start: startInspector,
			expects: []expectation{{
				step: stepUp, ways: []string{"registration"}, outcome: configured, reason: "Without an OAuth setting, the command line " +
					"ignores the challenge. With the scope in its configuration file, it requests it.",
			}},
		},
	}
}

func node(library string) func(*testing.T, setup) driver {
	return func(t *testing.T, s setup) driver {
		t.Helper()
		dir := harness.NodeDir(t)
		s.Library = library
		return startProcess(t, false, dir, []string{harness.Node(dir), "run.mjs"}, s)
	}
}

func python(library string, listens bool) func(*testing.T, setup) driver {
	return func(t *testing.T, s setup) driver {
		t.Helper()
		s.Library = library
		return startProcess(t, listens, "python", []string{harness.Python(t), "-W", "ignore", "run.py"}, s)
	}
}

func goSDK(t *testing.T, s setup) driver {
	t.Helper()
	program, err := buildGoSDK()
	if err != nil {
		t.Fatalf("go build test/clients/gosdk: %v", err)
	}
	s.Library = "gosdk"
	return startProcess(t, false, ".", []string{program}, s)
}

// buildGoSDK builds the client of the official Go SDK, whose module is its own.
var buildGoSDK = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs("../../.cache")
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "gosdk")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", program, ".")
	cmd.Dir, cmd.Stderr = "gosdk", os.Stderr
	return program, cmd.Run()
})
