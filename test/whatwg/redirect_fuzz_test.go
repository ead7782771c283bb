package whatwg_test

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// FuzzMatchRedirectURI holds what is accepted against two other parsers: the
// standard library's and one that works like browsers (WHATWG URL).
func FuzzMatchRedirectURI(f *testing.F) {
	for _, uri := range realRedirectURIs(f) {
		f.Add(uri, uri)
		f.Add(uri, strings.Replace(uri, ":", ":8080", 1))
	}
	for _, pair := range [][2]string{
		{"http://localhost/cb", "http://localhost:1/cb"}, {"http://[::1]:1", "http://[::1]:2/"}, {"http://127.0.0.1/?iss=1", "http://127.0.0.1:9/?iss=1"},
		{"https://xn--bcher-kva.example/cb?a;b=%20", "https://192.0.2.1/cb"}, {"myapp:///cb", "com.example.app:/cb?state=1"}, {"https://[2001:db8::1]/", "x-a+b.c://h:1"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, registered, requested string) {
		accepted := parsed(requested).String() != ""
		if accepted {
			checkAccepted(t, requested)
		}
		if matches([]string{requested}, requested) != accepted {
			t.Errorf("%q matches itself: %t, may be registered: %t", requested, !accepted, accepted)
		}
		if matches([]string{registered}, requested) && registered != requested {
			checkPortOnly(t, registered, requested)
		}
	})
}

// realRedirectURIs are those of clients in the field.
func realRedirectURIs(f *testing.F) []string {
	f.Helper()
	text, err := os.ReadFile("../../internal/oauth/testdata/redirect_uris.txt")
	if err != nil {
		f.Fatal(err)
	}
	return strings.Fields(string(text))
}

// checkAccepted: browsers go where we think, and find one answer there.
func checkAccepted(t *testing.T, uri string) {
	t.Helper()
	browser, err := whatwg.Parse(uri)
	if err != nil {
		t.Fatalf("browsers refuse %q: %v", uri, err)
	}
	library, err := url.Parse(uri)
	if err != nil {
		t.Fatalf("net/url refuses %q: %v", uri, err)
	}
	web := browser.Scheme() == "https" || browser.Scheme() == "http"
	if slices.Contains([]string{"javascript", "data", "vbscript", "file", "blob", "about"}, browser.Scheme()) ||
		browser.Scheme() != library.Scheme || browser.OpaquePath() || browser.Username()+browser.Password()+browser.Hash() != "" {
		t.Errorf("%q: scheme %q, %q for net/url", uri, browser.Scheme(), library.Scheme)
	}
	host := parsed(uri).Host()
	if web && (host == "" || host != browser.Hostname() || strings.Trim(host, "[]") != strings.ToLower(library.Hostname())) {
		t.Errorf("%q: host %q, browsers %q, net/url %q", uri, host, browser.Hostname(), library.Hostname())
	}
	loopback := slices.Contains([]string{"127.0.0.1", "[::1]", "localhost"}, browser.Hostname())
	if browser.Scheme() == "http" && !loopback || parsed(uri).IsLoopback() != (web && loopback) {
		t.Errorf("%q: IsLoopback() = %t", uri, parsed(uri).IsLoopback())
	}
	if web && browser.Pathname() != "/"+strings.TrimPrefix(library.EscapedPath(), "/") {
		t.Errorf("%q: path %q, net/url %q", uri, browser.Pathname(), library.EscapedPath())
	}
	checkBuilt(t, uri, browser)
}

// checkBuilt: the answer goes to the same place, with one value for each
// parameter of ours.
func checkBuilt(t *testing.T, uri string, before *whatwg.Url) {
	t.Helper()
	want := map[string][]string{"code": {"c"}, "state": {"s + %"}, "iss": {"https://i.example"}, "error": nil, "error_description": nil}
	built := oauth.BuildRedirect(uri, oauth.RedirectParams{Code: "c", State: "s + %", Issuer: "https://i.example"})
	after, err := whatwg.Parse(built)
	if err != nil {
		t.Fatalf("browsers refuse %q: %v", built, err)
	}
	if after.Protocol() != before.Protocol() || after.Host() != before.Host() || after.Pathname() != before.Pathname() || after.Hash() != "" {
		t.Errorf("%q leads elsewhere than %q", built, uri)
	}
	query, err := url.ParseQuery(strings.ReplaceAll(strings.TrimPrefix(after.Search(), "?"), ";", "&"))
	if err != nil {
		t.Fatalf("%q: %v", built, err)
	}
	for name, values := range want {
		if !slices.Equal(query[name], values) {
			t.Errorf("%q: %s = %q", built, name, query[name])
		}
	}
}

// checkPortOnly: both are http URIs of one loopback host and differ in the port.
func checkPortOnly(t *testing.T, registered, requested string) {
	t.Helper()
	a, errA := whatwg.Parse(registered)
	b, errB := whatwg.Parse(requested)
	if errA != nil || errB != nil {
		t.Fatalf("%q matches %q: %v, %v", requested, registered, errA, errB)
	}
	a.SetPort("")
	b.SetPort("")
	if a.Scheme() != "http" || !parsed(requested).IsLoopback() || a.Href(false) != b.Href(false) {
		t.Errorf("%q matches %q", requested, registered)
	}
}

// matches parses and matches a requested redirect URI.
func matches(registered []string, requested string) bool {
	u, err := oauth.ParseRedirectURI(requested)
	return err == nil && u.Matches(registered)
}

// parsed is the zero value for what is no redirect URI.
func parsed(uri string) oauth.RedirectURI {
	u, err := oauth.ParseRedirectURI(uri)
	if err != nil {
		return oauth.RedirectURI{}
	}
	return u
}
