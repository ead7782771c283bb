package fastmcp_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// pythonVariable names an interpreter that has fastmcp and cryptography installed.
const pythonVariable = "MCPKEEP_TEST_PYTHON"

// TestPythonReads shows our rows to FastMCP itself.
func TestPythonReads(t *testing.T) {
	t.Parallel()
	python := os.Getenv(pythonVariable)
	if python == "" {
		t.Skipf("%s does not name a Python interpreter with fastmcp and cryptography", pythonVariable)
	}
	clients := map[string]fastmcp.Client{}
	values := map[string]json.RawMessage{}
	for _, c := range ourClients() {
		value, err := fastmcp.Seal(ring(t, storageKey), []byte(encode(t, c)))
		if err != nil {
			t.Fatal(err)
		}
		clients[c.ClientID], values[c.ClientID] = c, value
	}
	for id, seen := range readByPython(t, python, values) {
		c := decode(t, string(seen))
		want := clients[id]
		want.Extra = nil
		if c.Scope == nil && want.Scope != nil && *want.Scope == "" {
			c.Scope = want.Scope // FastMCP 4 reads an empty scope as none
		}
		if diff := cmp.Diff(encode(t, want), encode(t, c)); diff != "" {
			t.Errorf("FastMCP sees %s: %s", seen, diff)
		}
	}
}

// ourClients are made as for FastMCP 2.13, the strictest reader.
func ourClients() []fastmcp.Client {
	return []fastmcp.Client{
		{
			ClientID: "public", RedirectURIs: []string{"http://localhost:33418/callback", "cursor://anysphere.cursor-mcp/oauth/callback"},
			Scope: new("read write"), ClientName: new("Zoë ✓ 🚀 <b>\"R&D\"</b>\\/\u2028\x7f"),
			Extra: map[string]json.RawMessage{"mcpkeep": json.RawMessage(`{"redirect_uris":["http://localhost:33418/callback"],"é":[null]}`)},
		},
		{
			ClientID: "confidential", RedirectURIs: []string{"https://chatgpt.com/connector_platform_oauth_redirect"},
			ClientSecret: new("00112233"), GrantTypes: []string{"authorization_code"}, Scope: new(""),
			AllowedRedirectURIPatterns: []string{"https://*.example.com/*"},
		},
		{
			ClientID: "complete", RedirectURIs: []string{"https://a.example/cb"}, ClientURI: new("https://a.example/"),
			LogoURI: new("https://a.example/logo"), Contacts: []string{"a@a.example"}, TosURI: new("https://a.example/tos"),
			PolicyURI: new("https://a.example/policy"), JWKSURI: new("https://a.example/jwks"), JWKS: json.RawMessage(`{"keys":[]}`),
			SoftwareID: new("s"), SoftwareVersion: new("1"), ClientIDIssuedAt: new(int64(1750000000)), ClientSecretExpiresAt: new(int64(0)),
		},
	}
}

func readByPython(t *testing.T, python string, values map[string]json.RawMessage) map[string]json.RawMessage {
	t.Helper()
	given, err := json.Marshal(map[string]any{"encryption_key": storageKey, "values": values})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", filepath.Join("testdata", "read.py"))
	cmd.Stdin = bytes.NewReader(given)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var seen map[string]json.RawMessage
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(seen) != len(values) {
		t.Fatalf("FastMCP sees %d of %d clients: %s", len(seen), len(values), out)
	}
	return seen
}
