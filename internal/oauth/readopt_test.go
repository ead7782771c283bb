package oauth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

const deadID = "2f6c1f9e-8f0e-4a53-9f2b-2f5d8d0f6a11"

// TestReadopt: which redirect URI is taken in which mode.
func TestReadopt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		uri         string
		known, open bool
	}{
		{"http://localhost:63277/callback", true, true},
		{"http://127.0.0.1:1/", true, true},
		{"http://[::1]:9/cb", true, true},
		{"https://localhost/cb", true, true},
		{"https://claude.ai/api/mcp/auth_callback", true, true},
		{"https://chatgpt.com/connector/oauth/abc", true, true},
		{"https://vscode.dev/redirect", true, true},
		{"cursor://anysphere.cursor-mcp/oauth/callback", true, true},
		{"https://claude.ai/other", false, true},
		{"https://claude.ai.evil.example/api/mcp/auth_callback", false, true},
		{"https://evil.example/cb", false, true},
		{"evil://claude.ai/api/mcp/auth_callback", false, true},
		{"com.example.app:/cb", false, true},
		{"http://evil.example/cb", false, false},
		{"http://127.0.0.1.evil.example/cb", false, false},
		{"http://localhost@evil.example/cb", false, false},
		{"javascript:alert(1)", false, false},
		{"http://127.0.0.1/cb#x", false, false},
		{"", false, false},
	}
	for _, tt := range tests {
		for mode, want := range map[oauth.ReadoptMode]bool{"off": false, "": false, "known": tt.known, "open": tt.open} {
			reg, ok := (oauth.Readoption{Mode: mode}).Readopt(deadID, parsed(tt.uri))
			if ok != want {
				t.Errorf("%s %q: %t, want %t", mode, tt.uri, ok, want)
			}
			if !ok {
				continue
			}
			if !matches(reg.RedirectURIs, tt.uri) || reg.AuthMethod != "" || !slices.Contains(reg.GrantTypes, "refresh_token") {
				t.Errorf("%s %q: %+v", mode, tt.uri, reg)
			}
			for _, uri := range reg.RedirectURIs {
				if parsed(uri).String() == "" {
					t.Errorf("%s %q registers %q", mode, tt.uri, uri)
				}
			}
		}
	}
}

// TestReadoptVendor: a vendor's client comes back with its other redirect URIs, and
// no one else's.
func TestReadoptVendor(t *testing.T) {
	t.Parallel()
	reg, ok := (oauth.Readoption{Mode: oauth.ReadoptKnown}).Readopt(deadID, parsed("https://insiders.vscode.dev/redirect"))
	if !ok || reg.Name != "Visual Studio Code" || !slices.Equal(reg.RedirectURIs, []string{
		"https://insiders.vscode.dev/redirect", "https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/",
	}) {
		t.Errorf("%+v, %t", reg, ok)
	}
	reg, ok = (oauth.Readoption{Mode: oauth.ReadoptKnown}).Readopt(deadID, parsed("https://chatgpt.com/connector/oauth/abc"))
	if !ok || reg.Name != "ChatGPT" || !slices.Equal(reg.RedirectURIs, []string{
		"https://chatgpt.com/connector/oauth/abc", "https://chatgpt.com/connector_platform_oauth_redirect",
		"https://chatgpt.com/backend-api/aip/connectors/links/oauth/callback",
	}) {
		t.Errorf("%+v, %t", reg, ok)
	}
	reg, ok = (oauth.Readoption{Mode: oauth.ReadoptKnown}).Readopt(deadID, parsed("http://127.0.0.1:33418/"))
	if !ok || reg.Name != "" || !slices.Equal(reg.RedirectURIs, []string{"http://127.0.0.1:33418/"}) {
		t.Errorf("%+v, %t", reg, ok)
	}
}

// TestReadoptRedirects: an operator's own redirect URIs are known, exactly, and only
// where known ones are let in.
func TestReadoptRedirects(t *testing.T) {
	t.Parallel()
	own := []oauth.RedirectURI{parsed("https://n8n.example/rest/oauth2-credential/callback"), parsed("acme:/cb")}
	for uri, want := range map[string]bool{
		"https://n8n.example/rest/oauth2-credential/callback": true, "acme:/cb": true,
		"https://n8n.example/rest/oauth2-credential/callback?x": false, "https://n8n.example/rest/oauth2-credential/callback/": false,
		"https://n8n.example/": false, "acme:/other": false,
	} {
		for mode, lets := range map[oauth.ReadoptMode]bool{oauth.ReadoptKnown: true, oauth.ReadoptOff: false, "": false} {
			if _, ok := (oauth.Readoption{Mode: mode, Redirects: own}).Readopt(deadID, parsed(uri)); ok != (want && lets) {
				t.Errorf("%s, %s: %t", uri, mode, ok)
			}
		}
	}
}

// TestReadoptID: which ids are taken.
func TestReadoptID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		deadID: true, "c_" + strings.Repeat("a", 26): true, "A-b_c.d~e": true, "0": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "https://claude.ai/oauth/mcp-oauth-client-metadata": false, "https:": false,
		"a b": false, "a\n": false, "a/b": false, "a:b": false, "a%2Fb": false, "a?b": false, "a#b": false, "<script>": false,
		"a'b": false, "ключ": false, "a\x00": false, "\xff": false, "mcp-oauth-proxy-clients:a": false, "usr_abc": false,
	} {
		if _, ok := (oauth.Readoption{Mode: oauth.ReadoptOpen}).Readopt(id, parsed("http://127.0.0.1/cb")); ok != want {
			t.Errorf("%q: %t, want %t", id, ok, want)
		}
	}
}

func TestParseReadoptMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"off", "known", "open"} {
		if got, err := oauth.ParseReadoptMode(mode); string(got) != mode || err != nil {
			t.Errorf("%q: %q, %v", mode, got, err)
		}
	}
	for _, mode := range []string{"", "on", "OPEN"} {
		if _, err := oauth.ParseReadoptMode(mode); err == nil {
			t.Errorf("%q is taken", mode)
		}
	}
}
