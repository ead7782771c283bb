package oauth_test

import (
	"slices"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// TestVendorDocumentOfConnection: CIMD-13. A document that is made for one connection has
// the redirect URI of that connection and no other.
func TestVendorDocumentOfConnection(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"https://chatgpt.com/oauth/BKj9umzr4ef_/client.json":       "https://chatgpt.com/connector/oauth/BKj9umzr4ef_",
		"https://chatgpt.com/oauth/codex/EDrLtgxAifwZ/client.json": "http://127.0.0.1/callback/EDrLtgxAifwZ",
		"https://chatgpt.com/oauth/codex/client.json":              "http://127.0.0.1/callback",
		"https://chatgpt.com/oauth//client.json":                   "",
		"https://chatgpt.com/oauth/a/b/client.json":                "",
		"https://chatgpt.com/oauth/../client.json":                 "",
		"https://chatgpt.com/oauth/{id}/client.json":               "",
		"https://chatgpt.com/oauth/a%2Fb/client.json":              "",
		"https://chatgpt.com/oauth/a/client.json?x":                "",
		"https://chatgpt.com.evil.example/oauth/a/client.json":     "",
		"http://chatgpt.com/oauth/a/client.json":                   "",
	} {
		reg, ok := oauth.VendorDocument(id)
		if ok != (want != "") || ok && !slices.Equal(reg.RedirectURIs, []string{want}) {
			t.Errorf("%s: %t, %v", id, ok, reg.RedirectURIs)
		}
	}
}

// TestUnread: what is known without a document is public, has one redirect URI on the
// person's machine, and no name.
func TestUnread(t *testing.T) {
	t.Parallel()
	for uri, loopback := range map[string]bool{
		"http://127.0.0.1:1/callback": true, "http://localhost/": true, "http://[::1]:9/x": true,
		"https://client.example/cb": false, "cursor://anysphere.cursor-mcp/oauth/callback": false, "app://localhost/cb": false, "": false,
	} {
		for _, mode := range []oauth.ReadoptMode{oauth.ReadoptOff, oauth.ReadoptKnown, oauth.ReadoptOpen, ""} {
			reg, ok := mode.Unread(parsedRedirect(uri))
			if want := loopback && (mode == oauth.ReadoptKnown || mode == oauth.ReadoptOpen); ok != want {
				t.Errorf("%q, %q: %t", mode, uri, ok)
			}
			if ok && (!slices.Equal(reg.RedirectURIs, []string{uri}) || !slices.Equal(reg.AuthMethods, []string{"none"}) || reg.Name != "") {
				t.Errorf("%q: %+v", uri, reg)
			}
		}
	}
}

// parsedRedirect is the zero value for what is no redirect URI.
func parsedRedirect(uri string) oauth.RedirectURI {
	u, err := oauth.ParseRedirectURI(uri)
	if err != nil {
		return oauth.RedirectURI{}
	}
	return u
}
