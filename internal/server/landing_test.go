package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestLanding: a person who opens the address in a browser learns what to do with it, at the
// MCP endpoint with the status and the challenge that programs get; programs notice nothing.
func TestLanding(t *testing.T) {
	t.Parallel()
	s := start(t, named)
	b := s.browser()
	b.visit("/").shows(t, http.StatusOK, "is an MCP server", resource)
	for _, path := range []string{"/mcp", "/mcp/"} {
		p := b.visit(path)
		p.shows(t, http.StatusUnauthorized, "claude mcp add --transport http mcpkeep "+resource)
		if got := p.Header.Get("WWW-Authenticate"); got != plainChallenge {
			t.Errorf("%s: challenge %q", path, got)
		}
	}
	if body := s.get("/mcp", asBrowser, at(further[3])).Body; !strings.Contains(body, further[3]+"/mcp<") || strings.Contains(body, base+"/mcp") {
		t.Errorf("at %s the page names another address: %s", further[3], answer{Body: body}.brief())
	}
	program := header{"Accept": "application/json, text/event-stream"}
	for _, h := range []header{program, {"Accept": "*/*"}, {}} {
		a := s.get("/mcp", h)
		a.want(t, http.StatusUnauthorized, "invalid_token")
		if got := a.Header.Get("WWW-Authenticate"); got != plainChallenge {
			t.Errorf("%v: challenge %q", h, got)
		}
		if root := s.get("/", h); root.Status != http.StatusNotFound {
			t.Errorf("%v: the root returns %d", h, root.Status)
		}
	}
	s.do(http.MethodPost, "/mcp", "{}", asBrowser).want(t, http.StatusUnauthorized, "invalid_token")
	s.get("/mcp", asBrowser, header{"Authorization": "Bearer x"}).want(t, http.StatusUnauthorized, "invalid_token")
}

// TestPlainNetwork: AS-07. On a private network without encryption people sign in, told that
// it is not encrypted. Browsers send neither Sec-Fetch-Site nor an Origin there.
func TestPlainNetwork(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.BaseURL = "http://nas.local:8080" })
	c, b := s.register(), s.browser()
	without := url.Values{"resource": nil}
	signIn := b.visit(c.authorizePath(without))
	signIn.shows(t, http.StatusOK, "not encrypted")
	post := func(p page, entered url.Values, origin string) page {
		action, fields := p.form(t)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.config.BaseURL+action, strings.NewReader(changed(fields, entered).Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Origin", origin)
		resp, err := b.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return page{read(t, resp), resp.Request.URL}
	}
	post(signIn, enter, "http://evil.example").shows(t, http.StatusForbidden, "This form has expired")
	post(signIn, changed(enter, url.Values{"csrf": {"x"}}), "null").shows(t, http.StatusForbidden, "This form has expired")
	consent := post(signIn, enter, "null")
	consent.shows(t, http.StatusOK, "not encrypted", "wants to connect")
	code := post(consent, approve, "null").target(t, c.redirect).Get("code")
	s.wantAccess(t, tokensOf(t, c.exchange(code, without)).access, true)

	local := start(t, func(set *setup) { set.BaseURL = "http://127.0.0.1:8080" })
	lc, lb := local.register(), local.browser()
	if p := lb.visit(lc.authorizePath(without)); strings.Contains(p.Body, "not encrypted") {
		t.Error("loopback is called unencrypted")
	}
}
