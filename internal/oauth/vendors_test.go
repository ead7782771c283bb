package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// TestVendors: the data is usable: each URI may be registered, each document's
// address is one that a client ID may be (CIMD-01).
func TestVendors(t *testing.T) {
	t.Parallel()
	names, documents := map[string]bool{}, map[string]bool{}
	for _, v := range oauth.Vendors() {
		if v.Name == "" || names[v.Name] || len(v.RedirectURIs) == 0 || v.MetadataURL != "" && documents[v.MetadataURL] {
			t.Errorf("%+v: no name, a second time, or without redirect URIs", v)
		}
		names[v.Name], documents[v.MetadataURL] = true, true
		for _, uri := range v.RedirectURIs {
			if _, err := oauth.ParseRedirectURI(strings.ReplaceAll(uri, "{id}", "x")); err != nil {
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
		"https://chatgpt.com/connector_platform_oauth_redirect":                     "ChatGPT",
		"https://chatgpt.com/connector/oauth/a1B2-c3_d.e~f":                         "ChatGPT",
		"https://claude.com/api/mcp/auth_callback":                                  "Claude",
		"https://insiders.vscode.dev/redirect":                                      "Visual Studio Code",
		"cursor://anysphere.cursor-mcp/oauth/callback":                              "Cursor",
		"https://antigravity.google/oauth-callback":                                 "Antigravity",
		"cursor://anysphere.cursor-retrieval/oauth/callback":                        "Cursor",
		"cursor://anysphere.cursor-retrieval/oauth/user-keep/callback":              "Cursor",
		"https://teams.microsoft.com/api/platform/v1.0/oAuthRedirect":               "Microsoft Copilot",
		"https://global.consent.azure-apim.net/redirect":                            "Microsoft Copilot",
		"https://global.consent.azure-apim.net/redirect/mvp-5fkeep-5fdfde809e1caf4": "Microsoft Copilot",
		"https://vertexaisearch.cloud.google.com/oauth-redirect":                    "Gemini",
		"https://oauth-redirect.googleusercontent.com/r/user_bound_custom-mcp-1":    "Gemini",
		"https://callback.mistral.ai/v1/integrations_auth/oauth2_callback":          "Le Chat",
		"https://www.perplexity.ai/rest/connections/oauth_callback":                 "Perplexity",
		"https://oauth.n8n.cloud/oauth2/callback":                                   "n8n Cloud",
		"https://global.consent.azure-apim.net/redirect/a/b":                        "",
		"https://tenant.consent.azure-apim.net/redirect":                            "",
		"cursor://anysphere.cursor-retrieval/oauth/a/b/callback":                    "",
		"https://chatgpt.com/connector/oauth/":                                      "",
		"https://chatgpt.com/connector/oauth/a/b":                                   "",
		"https://chatgpt.com/connector/oauth/..":                                    "",
		"https://chatgpt.com/connector/oauth/%2e%2e":                                "",
		"https://chatgpt.com/connector/oauth/a%2Fb":                                 "",
		"https://chatgpt.com/connector/oauth/a?x":                                   "",
		"https://chatgpt.com/connector/oauth/{id}":                                  "",
		"https://chatgpt.com:443/connector/oauth/a":                                 "",
		"https://chatgpt.com.evil.example/connector/oauth/a":                        "",
		"https://evil.example/https://claude.ai/x":                                  "",
		"https://claude.ai@evil.example/api/mcp/auth_callback":                      "",
		"https://claude.ai/api/mcp/auth_callback/":                                  "",
		"https://CLAUDE.ai/api/mcp/auth_callback":                                   "",
		"http://claude.ai/api/mcp/auth_callback":                                    "",
		"http://127.0.0.1:33418/":                                                   "", // anyone may listen there
		"http://localhost:8787/callback":                                            "",
		"cursor://anysphere.cursor-mcp/oauth/callback?x":                            "",
		"evil://claude.ai/api/mcp/auth_callback":                                    "",
		"":                                                                          "",
	} {
		if v, ok := oauth.VendorOf(parsed(uri)); v.Name != want || ok != (want != "") {
			t.Errorf("VendorOf(%q) = %q, %t, want %q", uri, v.Name, ok, want)
		}
	}
}
