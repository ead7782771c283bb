package githubtest

import (
	"net/http"
	"net/url"
	"testing"
)

// Authorize opens the authorization URL as a browser would, with the given cookies,
// and returns where GitHub sends it: the app's redirect URI with code and state, or
// with error. It fails the test when GitHub shows a page instead.
func (s *Server) Authorize(t testing.TB, authorizeURL string, cookies ...*http.Cookie) *url.URL {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, authorizeURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cookies {
		req.AddCookie(c)
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	to, err := resp.Location()
	if err != nil {
		t.Fatalf("GitHub answered %s instead of redirecting; is anyone signed in (SignInAs)?", resp.Status)
	}
	return to
}
