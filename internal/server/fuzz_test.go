package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// The targets of this file send what strangers may send to the whole server. That no
// answer is a 500, is well-formed and has the right headers is checked of every
// answer; each target adds what it must not be.

// within is the site for one input: what fails is the input's, and the log starts again.
func (s *site) within(t *testing.T) *site {
	t.Helper()
	s.log.mu.Lock()
	s.log.text.Reset()
	s.log.secrets = nil
	s.log.mu.Unlock()
	one := *s
	one.TB = t
	return &one
}

// raw sends a request whose parts are not checked by any client.
func (s *site) raw(method, path, query, body string, h http.Header) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.config.BaseURL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.URL.RawQuery = query
	req.Header = h
	return s.send(req)
}

// FuzzAuthorizeQuery: whatever the query holds, a visit sends no one anywhere but to
// the client's own redirect URI, and only a program.
func FuzzAuthorizeQuery(f *testing.F) {
	s := start(f)
	c := s.register()
	for _, change := range []url.Values{
		{}, {"redirect_uri": {"https://evil.example/"}}, {"state": {"a b+c%/\u00e9"}}, {"resource": {"https://other.example"}},
		{"response_type": {"token"}}, {"code_challenge_method": {"plain"}}, {"scope": {""}}, {"client_id": {"https://claude.ai/oauth/x"}},
		{"request_uri": {"https://evil.example"}}, {"prompt": {"none"}}, {"iss": {"https://evil.example"}},
	} {
		f.Add(c.request(change).Encode())
	}
	f.Add("client_id=a&client_id=b")
	f.Add("%zz=1&;&&=&client_id=%00")
	f.Fuzz(func(t *testing.T, query string) {
		one := s.within(t)
		for accept, mayRedirect := range map[string]bool{"application/json": true, "text/html": false} {
			a := one.raw(http.MethodGet, "/authorize", query, "", http.Header{"Accept": {accept}})
			to := a.Header.Get("Location")
			if to != "" && (!mayRedirect || !strings.HasPrefix(to, "http://127.0.0.1:") || !strings.Contains(to, "/callback?")) {
				t.Errorf("%s, Accept %s: redirected to %q", query, accept, to)
			}
			if strings.Contains(to, "code=") {
				t.Errorf("%s: a code for a visit: %q", query, to)
			}
		}
	})
}

// FuzzTokenForm: no body of a stranger gets a token.
func FuzzTokenForm(f *testing.F) {
	s := start(f)
	c := s.register()
	const form = "application/x-www-form-urlencoded"
	f.Add(c.exchangeForm(oauth.NewCode()).Encode(), form)
	f.Add(c.refreshForm(oauth.NewRefreshToken()).Encode(), form+"; charset=utf-8")
	f.Add("grant_type=refresh_token&refresh_token=x&client_id=a&client_id=b", form)
	f.Add("%zz&;=&grant_type=authorization_code&code=%00", form)
	f.Add(`{"grant_type":"authorization_code"}`, "application/json")
	f.Add("client_assertion=e30.e30.x&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer", form)
	f.Add("", "multipart/form-data; boundary=")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		one := s.within(t)
		for _, path := range []string{"/token", "/revoke", "/introspect"} {
			a := one.raw(http.MethodPost, path, "", body, http.Header{"Content-Type": {contentType}})
			if a.Status == http.StatusOK && path != "/revoke" || a.Status >= http.StatusInternalServerError {
				t.Errorf("%s: %d %s for %q", path, a.Status, a.Body, body)
			}
		}
	})
}

// FuzzBasicHeader: no Authorization header but the client's own authenticates it.
func FuzzBasicHeader(f *testing.F) {
	s := start(f)
	c := s.register(map[string]any{"token_endpoint_auth_method": "client_secret_basic"})
	right := basic(c.id, c.secret)["Authorization"]
	f.Add(right)
	f.Add(strings.ToLower(right))
	f.Add("Basic ")
	f.Add("Basic Og==")
	f.Add("Basic YTpiOmM=")
	f.Add("Bearer " + c.secret)
	f.Add("Basic \x00\xff,=")
	f.Add("Digest username=\"" + c.id + "\"")
	f.Fuzz(func(t *testing.T, authorization string) {
		a := s.within(t).raw(http.MethodPost, "/token", "", "grant_type=refresh_token&refresh_token=none", http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {authorization},
		})
		// Behind authentication the answer is invalid_grant.
		if authenticated := a.Status == http.StatusBadRequest && a.member("error") == "invalid_grant"; authenticated && !sameBasic(authorization, right) {
			t.Errorf("%q authenticates: %d %s", authorization, a.Status, a.Body)
		}
		// A challenge answers an attempt with the header (RFC 6749, section 5.2).
		scheme, _, _ := strings.Cut(authorization, " ")
		if a.Status == http.StatusUnauthorized && strings.EqualFold(scheme, "Basic") && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%q: challenge %q", authorization, a.Header.Get("WWW-Authenticate"))
		}
	})
}

// sameBasic reports whether two headers hold the same credentials.
func sameBasic(a, b string) bool {
	read := func(authorization string) (string, string) {
		id, secret, _ := (&http.Request{Header: http.Header{"Authorization": {strings.TrimSpace(authorization)}}}).BasicAuth()
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		return id, secret
	}
	idA, secretA := read(a)
	idB, secretB := read(b)
	return idA == idB && secretA == secretB
}

var anyChallenge = regexp.MustCompile(`^Bearer resource_metadata="[^"\\]+", scope="[^"\\]*"(, error="[a-z_]+"(, error_description="[^"\\]*")?)?$`)

// FuzzBearerHeader: 6750-01, RS-03, RS-13. No header of a stranger opens the MCP
// endpoint, and each refusal has a challenge that clients can read.
func FuzzBearerHeader(f *testing.F) {
	s := start(f)
	token := s.register().connect().access
	for _, header := range []string{
		"", "Bearer", "Bearer ", "bearer x", "Bearer " + token + "x", "Bearer " + token[:len(token)-1], "Basic Og==", "Bearer \x00\xff\"",
		"Bearer " + oauth.NewAccessToken(), "Bearer " + oauth.NewRefreshToken(), "Bearer a, Bearer " + token, strings.ToUpper("bearer " + token),
	} {
		f.Add(header, "")
	}
	f.Add("Bearer x", "access_token="+token)
	f.Add("Bearer x", "%zz;access_token")
	f.Fuzz(func(t *testing.T, authorization, query string) {
		scheme, presented, _ := strings.Cut(authorization, " ")
		if strings.EqualFold(scheme, "Bearer") && presented == token {
			return // the right token: the one input that is no stranger's
		}
		a := s.within(t).raw(http.MethodPost, "/mcp", query, listTools, http.Header{
			"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}, "Authorization": {authorization},
		})
		if a.Status != http.StatusUnauthorized && a.Status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", authorization, a.Status, a.Body)
		}
		if challenge := a.Header.Get("WWW-Authenticate"); !anyChallenge.MatchString(challenge) {
			t.Errorf("%q: challenge %q", authorization, challenge)
		}
	})
}
