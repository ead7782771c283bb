package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// TestTokenAnswer: 6749-17, AS-18, C-13.
func TestTokenAnswer(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	a := c.exchange(c.code("mcp"))
	got := tokensOf(t, a)
	if got.scope != "mcp" || a.member("token_type") != "Bearer" || !strings.Contains(a.Body, `"expires_in":3600`) {
		t.Errorf("answer %s", a.Body)
	}
	if a.Header.Get("Pragma") != "no-cache" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", a.Header)
	}
	s.wantAccess(t, got.access, true)
}

// TestTokenErrors sends requests that must change nothing: afterwards the code
// still works. (7636-08, 9700-03, 2.1-02)
func TestTokenErrors(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c, thief := s.register(), s.register()
		code := c.code("mcp")
		tests := map[string]struct {
			change url.Values
			status int
			code   string
		}{
			"6749-20 no grant_type":               {url.Values{"grant_type": nil}, 400, "invalid_request"},
			"6749-20 empty grant_type":            {url.Values{"grant_type": {""}}, 400, "invalid_request"},
			"2.1-01 password grant":               {url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
			"6749-20 client_credentials":          {url.Values{"grant_type": {"client_credentials"}}, 400, "unsupported_grant_type"},
			"6749-02 repeated code":               {url.Values{"code": {code, code}}, 400, "invalid_request"},
			"6749-02 repeated verifier":           {url.Values{"code_verifier": {c.verifier, c.verifier}}, 400, "invalid_request"},
			"6749-02 repeated client":             {url.Values{"client_id": {c.id, c.id}}, 400, "invalid_request"},
			"no code":                             {url.Values{"code": nil}, 400, "invalid_request"},
			"empty code":                          {url.Values{"code": {""}}, 400, "invalid_request"},
			"unknown code":                        {url.Values{"code": {oauth.NewCode()}}, 400, "invalid_grant"},
			"C3 code with a known prefix":         {url.Values{"code": {code[:20]}}, 400, "invalid_grant"},
			"code with a zero byte":               {url.Values{"code": {code + "\x00"}}, 400, "invalid_request"},
			"oversized code":                      {url.Values{"code": {big(30_000)}}, 400, "invalid_grant"},
			"7636-06 no verifier":                 {url.Values{"code_verifier": nil}, 400, "invalid_request"},
			"7636-06 wrong verifier":              {url.Values{"code_verifier": {oauth.NewVerifier()}}, 400, "invalid_grant"},
			"7636-01 42 characters":               {url.Values{"code_verifier": {big(42)}}, 400, "invalid_grant"},
			"7636-01 129 characters":              {url.Values{"code_verifier": {big(129)}}, 400, "invalid_grant"},
			"7636-01 alphabet":                    {url.Values{"code_verifier": {big(43) + "+"}}, 400, "invalid_grant"},
			"2.1-01 challenge as verifier":        {url.Values{"code_verifier": {oauth.Challenge(c.verifier)}}, 400, "invalid_grant"},
			"6749-11 other redirect URI":          {url.Values{"redirect_uri": {"https://evil.example/"}}, 400, "invalid_grant"},
			"6749-11 other port":                  {url.Values{"redirect_uri": {"http://127.0.0.1:1/callback"}}, 400, "invalid_grant"},
			"redirect URI that is not UTF-8":      {url.Values{"redirect_uri": {"\xff"}}, 400, "invalid_request"},
			"8707-03 C7 foreign resource":         {url.Values{"resource": {"https://other.example/mcp"}}, 400, "invalid_target"},
			"8707-01 relative resource":           {url.Values{"resource": {"mcp"}}, 400, "invalid_target"},
			"C4 another client's code":            {url.Values{"client_id": {thief.id}}, 400, "invalid_grant"},
			"C-03 unknown client":                 {url.Values{"client_id": {"c_unknown"}}, 401, "invalid_client"},
			"no client":                           {url.Values{"client_id": nil}, 401, "invalid_client"},
			"client that is not UTF-8":            {url.Values{"client_id": {"\xff"}}, 400, "invalid_request"},
			"B13 an unknown client with a secret": {url.Values{"client_id": {"c_unknown"}, "client_secret": {"guess"}}, 401, "invalid_client"},
			"client assertion":                    {url.Values{"client_assertion": {"eyJ"}, "client_assertion_type": {"x"}}, 401, "invalid_client"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				s.unchanged(t, func() { c.exchange(code, tt.change).want(t, tt.status, tt.code) })
			})
		}
		tokensOf(t, c.exchange(code))
	})
}

// TestTokenBody: 6749-12. The body is a form and nothing else.
func TestTokenBody(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	good := c.exchangeForm(c.code("mcp")).Encode()
	const form = "application/x-www-form-urlencoded"
	tests := map[string]struct {
		path, media, body string
		status            int
	}{
		"no content type":        {"/token", "", good, 400},
		"JSON":                   {"/token", "application/json", `{"grant_type":"authorization_code"}`, 400},
		"multipart":              {"/token", "multipart/form-data; boundary=x", "--x--", 400},
		"malformed content type": {"/token", ";;;", good, 400},
		"text":                   {"/token", "text/plain", good, 400},
		"malformed escape":       {"/token", form, good + "&x=%zz", 400},
		"semicolon":              {"/token", form, good + ";x=y", 400},
		"parameters in the URL":  {"/token?" + good, form, "", 401},
		"oversized":              {"/token", form, good + "&x=" + big(70_000), 413},
		"oversized to revoke":    {"/revoke", form, "token=" + big(70_000), 413},
		"JSON to revoke":         {"/revoke", "application/json", `{"token":"x"}`, 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() {
				code := "invalid_request"
				if tt.status == http.StatusUnauthorized {
					code = "invalid_client"
				}
				s.do(http.MethodPost, tt.path, tt.body, header{"Content-Type": tt.media}).want(t, tt.status, code)
			})
		})
	}
	a := s.do(http.MethodPost, "/token", good, header{"Content-Type": "Application/X-WWW-Form-Urlencoded ; charset=UTF-8"})
	tokensOf(t, a)
}

// TestCodeLife: 6749-09, C16. A code is good for 60 seconds, to the second.
func TestCodeLife(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	for age, ok := range map[time.Duration]bool{59 * time.Second: true, 60 * time.Second: false, 61 * time.Second: false} {
		b := s.browser()
		back := b.submit(b.signIn(c), approve)
		code := back.target(t, c.redirect).Get("code")
		s.clock.advance(age)
		a := c.exchange(code)
		if ok {
			tokensOf(t, a)
		} else {
			a.want(t, http.StatusBadRequest, "invalid_grant")
		}
	}
}

// TestCodeReuse: 6749-10, C2.
func TestCodeReuse(t *testing.T) {
	t.Parallel()
	s := start(t)
	c, thief := s.register(), s.register()
	code := c.code("mcp")
	got := tokensOf(t, c.exchange(code))
	for name, change := range map[string]url.Values{
		"C3 other client's": {"client_id": {thief.id}}, "C3 without the verifier": {"code_verifier": {oauth.NewVerifier()}},
	} {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() { c.exchange(code, change).want(t, http.StatusBadRequest, "invalid_grant") })
			s.wantAccess(t, got.access, true)
		})
	}
	c.exchange(code).want(t, http.StatusBadRequest, "invalid_grant")
	s.wantAccess(t, got.access, false)
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	if !strings.Contains(s.log.String(), `"event":"code_reuse"`) {
		t.Error("the log does not tell of it")
	}
}
