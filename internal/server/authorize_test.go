package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

var (
	asBrowser = header{"Accept": "text/html"}
	asProgram = header{"Accept": "application/json"}
)

// TestAuthorizationErrors: AS-06, C1. It sends each bad request as a program, which gets the
// error redirect, and as a browser, which gets a page with a link (AS-10).
func TestAuthorizationErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	tests := map[string]struct {
		change url.Values
		code   string
	}{
		"6749-02 repeated scope":                {url.Values{"scope": {"mcp", "mcp"}}, "invalid_request"},
		"6749-02 repeated challenge":            {url.Values{"code_challenge": {oauth.Challenge("a"), oauth.Challenge("a")}}, "invalid_request"},
		"6749-02 repeated response_type":        {url.Values{"response_type": {"code", "code"}}, "invalid_request"},
		"6749-06 no response_type":              {url.Values{"response_type": nil}, "invalid_request"},
		"6749-06 empty response_type":           {url.Values{"response_type": {""}}, "invalid_request"},
		"6749-06 token":                         {url.Values{"response_type": {"token"}}, "unsupported_response_type"},
		"2.1-01 no implicit grant":              {url.Values{"response_type": {"code token"}}, "unsupported_response_type"},
		"response_mode fragment":                {url.Values{"response_mode": {"fragment"}}, "invalid_request"},
		"request object":                        {url.Values{"request": {"eyJ"}}, "invalid_request"},
		"request_uri":                           {url.Values{"request_uri": {"https://evil.example/r"}}, "invalid_request"},
		"7636-02 no challenge":                  {url.Values{"code_challenge": nil}, "invalid_request"},
		"7636-02 neither challenge nor method":  {url.Values{"code_challenge": nil, "code_challenge_method": nil}, "invalid_request"},
		"7636-03 challenge without method":      {url.Values{"code_challenge_method": nil}, "invalid_request"},
		"7636-04 plain":                         {url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
		"7636-04 lower case":                    {url.Values{"code_challenge_method": {"s256"}}, "invalid_request"},
		"7636-04 none":                          {url.Values{"code_challenge_method": {"none"}}, "invalid_request"},
		"7636-05 42 characters":                 {url.Values{"code_challenge": {big(42)}}, "invalid_request"},
		"7636-05 44 characters":                 {url.Values{"code_challenge": {big(44)}}, "invalid_request"},
		"7636-05 padding":                       {url.Values{"code_challenge": {big(42) + "="}}, "invalid_request"},
		"7636-05 alphabet":                      {url.Values{"code_challenge": {big(42) + "+"}}, "invalid_request"},
		"8707-01 relative resource":             {url.Values{"resource": {"/mcp"}}, "invalid_target"},
		"8707-01 resource with fragment":        {url.Values{"resource": {resource + "#x"}}, "invalid_target"},
		"8707-02 foreign resource":              {url.Values{"resource": {"https://other.example/mcp"}}, "invalid_target"},
		"8707-02 look-alike resource":           {url.Values{"resource": {base + ".evil.example/mcp"}}, "invalid_target"},
		"8707-04 one good and one bad resource": {url.Values{"resource": {resource, "https://other.example/"}}, "invalid_target"},
		"8707-05 other path":                    {url.Values{"resource": {base + "/other"}}, "invalid_target"},
		"oversized scope":                       {url.Values{"scope": {"mcp " + big(5000)}}, "invalid_request"},
		"oversized unknown parameter":           {url.Values{"foo": {big(5000)}}, "invalid_request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() {
				q := s.get(c.authorizePath(tt.change)).target(t, c.redirect+"?")
				if q.Get("error") != tt.code || q.Get("code") != "" || q.Get("state") != "state-of-the-client" {
					t.Errorf("6749-07: got %v, want %s with the state", q, tt.code)
				}
				if iss := q["iss"]; len(iss) != 1 || iss[0] != base {
					t.Errorf("9207-01: iss is %q", iss)
				}
				p := s.browser().visit(c.authorizePath(tt.change))
				p.shows(t, http.StatusBadRequest, tt.code)
				if link := p.link(t); !strings.HasPrefix(link, c.redirect+"?error="+tt.code+"&") || p.Header.Get("Location") != "" {
					t.Errorf("9700-10: the page links to %q and redirects to %q", link, p.Header.Get("Location"))
				}
			})
		})
	}
}

// TestAuthorizationPages are errors that never leave the server.
func TestAuthorizationPages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		two := s.register(map[string]any{"redirect_uris": []string{"https://a.example/cb", "https://b.example/cb"}})
		tests := map[string]struct {
			c      *client
			change url.Values
			code   string
		}{
			"6749-03 unknown client":           {c, url.Values{"client_id": {"c_unknown"}}, "invalid_client"},
			"6749-03 no client":                {c, url.Values{"client_id": nil}, "invalid_request"},
			"6749-03 empty client":             {c, url.Values{"client_id": {""}}, "invalid_request"},
			"6749-02 repeated client":          {c, url.Values{"client_id": {c.id, c.id}}, "invalid_request"},
			"oversized client":                 {c, url.Values{"client_id": {big(5000)}}, "invalid_request"},
			"client with a zero byte":          {c, url.Values{"client_id": {c.id + "\x00"}}, "invalid_request"},
			"client that is not UTF-8":         {c, url.Values{"client_id": {"\xff\xfe"}}, "invalid_request"},
			"client with SQL":                  {c, url.Values{"client_id": {"' OR 1=1 --"}}, "invalid_client"},
			"client in upper case":             {c, url.Values{"client_id": {strings.ToUpper(c.id)}}, "invalid_client"},
			"6749-04 one of two must be named": {two, url.Values{"redirect_uri": nil}, "invalid_request"},
			"6749-02 repeated redirect URI":    {c, url.Values{"redirect_uri": {c.redirect, c.redirect}}, "invalid_request"},
			"AS-09 of another client":          {c, url.Values{"redirect_uri": {"https://a.example/cb"}}, "invalid_request"},
			"B5 javascript":                    {c, url.Values{"redirect_uri": {"javascript:alert(1)"}}, "invalid_request"},
			"oversized redirect URI":           {c, url.Values{"redirect_uri": {loopbackRedirect + "?" + big(5000)}}, "invalid_request"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				s.unchanged(t, func() {
					s.browser().visit(tt.c.authorizePath(tt.change)).shows(t, http.StatusBadRequest, tt.code)
					a := s.get(tt.c.authorizePath(tt.change), asProgram)
					a.want(t, http.StatusBadRequest, tt.code)
					if a.Header.Get("Location") != "" {
						t.Errorf("redirected to %s", a.Header.Get("Location"))
					}
				})
			})
		}
		t.Run("C-16 HTML is the default", func(t *testing.T) {
			a := s.get(c.authorizePath(url.Values{"client_id": {"c_unknown"}}))
			page{a, &url.URL{}}.shows(t, http.StatusBadRequest, "not registered")
		})
		t.Run("malformed query", func(t *testing.T) {
			for _, q := range []string{"?client_id=%zz", "?client_id=a;b=c", "?%"} {
				s.get("/authorize"+q, asProgram).want(t, http.StatusBadRequest, "invalid_request")
			}
		})
	})
}

// TestRedirectURIs: 6749-24, 9700-02, AS-09, 9700-01, 8252-01, 8252-02, 8252-06,
// B3.
func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	s := start(t)
	registered := []string{
		"https://app.example/cb", "https://app.example/q?a=b", "http://127.0.0.1:1234/callback", "http://localhost/callback",
		"http://[::1]:1/cb", "cursor://anysphere.cursor-mcp/oauth/callback",
	}
	c := s.register(map[string]any{"redirect_uris": registered})
	tests := map[string]bool{
		"https://app.example/q?a=b": true, "https://app.example/cb": true, "cursor://anysphere.cursor-mcp/oauth/callback": true,
		"http://127.0.0.1:1234/callback": true, "http://127.0.0.1:65535/callback": true, "http://127.0.0.1/callback": true,
		"http://localhost:8123/callback": true, "http://[::1]:9999/cb": true,

		"https://app.example/cb/": false, "https://app.example/cb/x": false, "https://app.example/CB": false,
		"https://app.example/cb?x=1": false, "https://app.example/cb?": false, "https://app.example/cb#": false,
		"https://APP.example/cb": false, "HTTPS://app.example/cb": false, "https://app.example:443/cb": false,
		"https://app.example:8443/cb": false, "https://user@app.example/cb": false, "https://app.example@evil.example/cb": false,
		"https://app.example.evil.example/cb": false, "https://evil.example/cb": false, "https://app.example/../cb": false,
		"https://app.example/%63b": false, "https://app.example\\@evil.example/cb": false, "https://app.example/cb\t": false,
		"\x20https://app.example/cb": false, "https://app.example./cb": false, "http://app.example/cb": false, "//app.example/cb": false,
		"https://app.example/q": false, "https://app.example/q?a=b&a=b": false, "https://app.example/q?a=c": false,

		"http://127.0.0.1:1234/callback/x": false, "http://127.0.0.1:1234/callback?x": false, "http://localhost.evil.example/callback": false,
		"http://127.0.0.1.evil.example/callback": false, "http://localhost@evil.example/callback": false,
		"http://127.0.0.1:1234@evil.example/callback": false, "http://2130706433/callback": false, "http://0.0.0.0/callback": false,
		"http://[::ffff:127.0.0.1]/cb": false, "http://127.0.0.2:1234/callback": false, "http://127.0.0.1:0/callback": false,
		"http://127.0.0.1:99999/callback": false, "https://127.0.0.1:1234/callback": false, "http://localhost/cb": false,
		"http://[::1]:1/callback": false, "http://127.1/callback": false, "cursor://anysphere.cursor-mcp/oauth/callback/": false,
		"cursor://evil/oauth/callback": false, "CURSOR://anysphere.cursor-mcp/oauth/callback": false, "cursor:": false, "": false,
	}
	for uri, want := range tests {
		t.Run(uri, func(t *testing.T) {
			a := s.get(c.authorizePath(url.Values{"redirect_uri": {uri}}))
			if got := a.Status == http.StatusOK; got != want || !got && a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" {
				t.Errorf("%q: %d, Location %q; want matching %t", uri, a.Status, a.Header.Get("Location"), want)
			}
		})
	}
}

// TestAuthorizationTolerance: C-14, C-02 and what 6749-01 calls omitted.
func TestAuthorizationTolerance(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	tests := map[string]url.Values{
		"C-14 no resource":              {"resource": nil},
		"C-14 no scope":                 {"scope": nil},
		"C-14 empty scope":              {"scope": {""}},
		"C-14 prompt":                   {"prompt": {"consent"}},
		"C-14 id_token_hint":            {"id_token_hint": {"x"}},
		"6749-01 unknown parameters":    {"foo": {"bar"}, "audience": {"x"}},
		"6749-02 repeated unknown":      {"foo": {"1", "2"}, "audience": {"x", "x"}},
		"6749-01 empty redirect_uri":    {"redirect_uri": {""}},
		"6749-04 no redirect_uri":       {"redirect_uri": nil},
		"6749-01 empty response_mode":   {"response_mode": {""}},
		"response_mode query":           {"response_mode": {"query"}},
		"6749-08 no state":              {"state": nil},
		"6749-19 one scope is unknown":  {"scope": {"mcp admin"}},
		"6749-19 no known scope":        {"scope": {"openid profile email"}},
		"6749-19 in another case":       {"scope": {"MCP"}},
		"6749-19 offline_access alone":  {"scope": {"openid offline_access"}},
		"8707-05 query of the client's": {"resource": {resource + "?utm_source=x"}},
		"8707-04 two resources":         {"resource": {resource, base}},
		"8707-05 slash of the origin":   {"resource": {base + "/"}},
		"8707-05 upper case":            {"resource": {"HTTPS://KEEP.example.com/mcp"}},
		"8707-05 default port":          {"resource": {"https://keep.example.com:443/mcp"}},
		"C-06 slash of the resource":    {"resource": {resource + "/"}},
		"C-02 another port":             {"redirect_uri": {"http://127.0.0.1:5/callback"}},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() {
				s.browser().visit(c.authorizePath(change)).shows(t, http.StatusOK, "Sign in to")
			})
		})
	}
	t.Run("C-02 three times without cookies", func(t *testing.T) {
		s.unchanged(t, func() {
			for range 3 {
				if a := s.get(c.authorizePath(), asProgram); a.Status != http.StatusOK {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			}
		})
	})
	t.Run("6749-01 by POST", func(t *testing.T) {
		s.unchanged(t, func() {
			a := s.form("/authorize", c.request(), asBrowser)
			page{a, &url.URL{}}.shows(t, http.StatusOK, "Sign in to")
		})
	})
}
