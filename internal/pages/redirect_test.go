package pages_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
)

// FuzzRedirectURI: the pages name the host and scheme that the authorization server has
// checked, although they parse the redirect URI by themselves.
func FuzzRedirectURI(f *testing.F) {
	for _, uri := range []string{
		"https://claude.ai/api/mcp/auth_callback", "https://ChatGPT.com:8443/x?y=https://evil.example", "http://127.0.0.1:33418", "http://[::1]/cb",
		"https://xn--bcher-kva.example", "https://under_score.example/@evil.example", "cursor://anysphere.cursor-mcp/cb", "com.example.app:/oauth2redirect",
		"x-y://~:1/a:b", "https://127.0.0.2/;@x", "app:///x", "https://[2001:db8::1]:1", "https://a--b.example/%2f%2f", "https://r3---sn-a.example",
	} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		checked, err := oauth.ParseRedirectURI(uri)
		if err != nil {
			return
		}
		shown, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q: %v", uri, err)
		}
		want := shown.Scheme + ":"
		if host := checked.Host(); host != "" {
			if got := strings.TrimSuffix(strings.ToLower(shown.Host), ":"+shown.Port()); got != host {
				t.Errorf("%q: %q is shown for %q", uri, got, host)
			}
			if !strings.HasPrefix(host, "[") {
				want += "//" + strings.ToLower(shown.Host)
			}
		}
		if scheme, _, _ := strings.Cut(uri, ":"); !strings.EqualFold(scheme, shown.Scheme) {
			t.Errorf("%q: the scheme is shown as %q", uri, shown.Scheme)
		}
		if got := pages.FormActionSource(uri); got != want {
			t.Errorf("%q: the browser may follow to %q, want %q", uri, got, want)
		}
	})
}
