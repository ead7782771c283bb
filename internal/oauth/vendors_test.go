package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// TestVendors: the data is usable: each URI may be registered, each document's
// address is one that a client id may be (CIMD-01).
func TestVendors(t *testing.T) {
	t.Parallel()
	names, documents := map[string]bool{}, map[string]bool{}
	for _, v := range oauth.Vendors() {
		if v.Name == "" || names[v.Name] || len(v.RedirectURIs) == 0 || v.MetadataURL != "" && documents[v.MetadataURL] {
			t.Errorf("%+v: no name, a second time, or without redirect URIs", v)
		}
		names[v.Name], documents[v.MetadataURL] = true, true
		for _, uri := range v.RedirectURIs {
			if err := oauth.ParseRedirectURI(strings.ReplaceAll(uri, "{id}", "x")); err != nil {
				t.Errorf("%s: %q: %v", v.Name, uri, err)
			}
		}
		u, err := url.Parse(v.MetadataURL)
		if v.MetadataURL != "" && (err != nil || u.Scheme != "https" || len(u.Path) < 2 || u.RawQuery != "" || u.User != nil) {
			t.Errorf("CIMD-01: %s: %q", v.Name, v.MetadataURL)
		}
	}
}

func TestVendorOf(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"https://chatgpt.com/connector_platform_oauth_redirect": "ChatGPT",
		"https://chatgpt.com/connector/oauth/a1B2-c3_d.e~f":     "ChatGPT",
		"https://claude.com/api/mcp/auth_callback":              "Claude",
		"https://insiders.vscode.dev/redirect":                  "Visual Studio Code",
		"cursor://anysphere.cursor-mcp/oauth/callback":          "Cursor",
		"https://antigravity.google/oauth-callback":             "Antigravity",
		"https://chatgpt.com/connector/oauth/":                  "",
		"https://chatgpt.com/connector/oauth/a/b":               "",
		"https://chatgpt.com/connector/oauth/..":                "",
		"https://chatgpt.com/connector/oauth/%2e%2e":            "",
		"https://chatgpt.com/connector/oauth/a%2Fb":             "",
		"https://chatgpt.com/connector/oauth/a?x":               "",
		"https://chatgpt.com/connector/oauth/{id}":              "",
		"https://chatgpt.com:443/connector/oauth/a":             "",
		"https://chatgpt.com.evil.example/connector/oauth/a":    "",
		"https://evil.example/https://claude.ai/x":              "",
		"https://claude.ai@evil.example/api/mcp/auth_callback":  "",
		"https://claude.ai/api/mcp/auth_callback/":              "",
		"https://CLAUDE.ai/api/mcp/auth_callback":               "",
		"http://claude.ai/api/mcp/auth_callback":                "",
		"http://127.0.0.1:33418/":                               "", // anybody may listen there
		"http://localhost:8787/callback":                        "",
		"cursor://anysphere.cursor-mcp/oauth/callback?x":        "",
		"evil://claude.ai/api/mcp/auth_callback":                "",
		"":                                                      "",
	} {
		if v, ok := oauth.VendorOf(uri); v.Name != want || ok != (want != "") {
			t.Errorf("VendorOf(%q) = %q, %t, want %q", uri, v.Name, ok, want)
		}
	}
}
