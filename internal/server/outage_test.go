package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

// TestOutage: guarantee 5, 7009-03. While the database is away everything that
// needs it says 503 with Retry-After, tokens seen lately continue, and when it is
// back everything continues where it was.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	seen, unseen := c.connect(), c.connect()
	code := c.code("mcp")
	s.wantAccess(t, seen.access, true)
	b := s.browser()
	first, consent := b.visit(c.authorizePath()), b.signIn(c)

	s.unchanged(t, func() {
		s.fail()
		defer s.store.recover()
		for name, a := range map[string]answer{
			"register":                 s.do(http.MethodPost, "/register", `{"redirect_uris":["https://a.example/cb"]}`, asJSON),
			"code":                     c.exchange(code),
			"refresh":                  c.refresh(seen.refresh),
			"revoke":                   c.revoke(seen.refresh),
			"authorize for a program":  s.get(c.authorizePath(), asProgram),
			"mcp with an unseen token": s.call(unseen.access),
		} {
			t.Run(name, func(t *testing.T) { a.want(t, http.StatusServiceUnavailable, "temporarily_unavailable") })
		}
		for name, p := range map[string]page{
			"authorize": b.visit(c.authorizePath()),
			"password":  b.submit(first, enter),
			"consent":   b.open(http.MethodGet, consent.at.String(), nil),
			"approve":   b.submit(consent, approve),
			"deny":      b.submit(consent, deny),
		} {
			t.Run(name, func(t *testing.T) { p.shows(t, http.StatusServiceUnavailable, "Not available right now") })
		}
		t.Run("readyz", func(t *testing.T) {
			a := s.readyAs(t, http.StatusServiceUnavailable)
			if a.member("reason") != "the database is not responding" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
		t.Run("healthz", func(t *testing.T) {
			if a := s.get("/healthz"); a.Status != http.StatusOK {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
		t.Run("9728-08 discovery", func(t *testing.T) {
			if a := s.get("/.well-known/oauth-authorization-server"); a.Status != http.StatusOK {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			s.call("").want(t, http.StatusUnauthorized, "invalid_token")
			s.call("mka_garbage").want(t, http.StatusUnauthorized, "invalid_token")
		})
		t.Run("a token seen lately", func(t *testing.T) { s.wantAccess(t, seen.access, true) })
	})

	b.submit(consent, approve).target(t, c.redirect)
	b.submit(first, enter).shows(t, http.StatusOK, "Approve")
	tokensOf(t, c.exchange(code))
	tokensOf(t, c.refresh(seen.refresh))
	s.wantAccess(t, unseen.access, true)
	s.readyAs(t, http.StatusOK)
}

// TestSeenTokens: what the memory of seen tokens may not do.
func TestSeenTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	t.Run("expired", func(t *testing.T) {
		got := c.connect()
		s.wantAccess(t, got.access, true)
		s.clock.advance(time.Hour)
		s.fail()
		defer s.store.recover()
		s.call(got.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	})
	t.Run("revoked here and asked about since", func(t *testing.T) {
		got := c.connect()
		s.wantAccess(t, got.access, true)
		c.revoke(got.refresh).want(t, http.StatusOK, "")
		s.wantAccess(t, got.access, false)
		s.fail()
		defer s.store.recover()
		s.call(got.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	})
	t.Run("access token revoked here", func(t *testing.T) {
		got := c.connect()
		s.wantAccess(t, got.access, true)
		c.revoke(got.access).want(t, http.StatusOK, "")
		s.fail()
		defer s.store.recover()
		s.call(got.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	})
	t.Run("refresh token revoked here", func(t *testing.T) {
		got := c.connect()
		s.wantAccess(t, got.access, true)
		c.revoke(got.refresh).want(t, http.StatusOK, "")
		s.fail()
		defer s.store.recover()
		s.call(got.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	})
	t.Run("refresh token reused", func(t *testing.T) {
		got := c.connect()
		s.wantAccess(t, got.access, true)
		tokensOf(t, c.refresh(tokensOf(t, c.refresh(got.refresh)).refresh))
		s.clock.advance(2 * time.Minute)
		c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
		s.fail()
		defer s.store.recover()
		s.call(got.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	})
	t.Run("with too little scope", func(t *testing.T) {
		got := tokensOf(t, c.exchange(c.code("offline_access")))
		s.call(got.access).want(t, http.StatusForbidden, "insufficient_scope")
		s.fail()
		defer s.store.recover()
		s.call(got.access).want(t, http.StatusForbidden, "insufficient_scope")
	})
}

// TestOutageAtCallback: the sign-in at the provider is not lost for the client.
func TestOutageAtCallback(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c := s.register()
	b := s.browser()
	back := b.upTo(c, gh)
	s.fail()
	b.at(back).shows(t, http.StatusServiceUnavailable, "Not available right now")
	p := b.submit(page{answer: answer{Body: `<form action="/consent"></form>`}}, changed(c.request(), url.Values{"action": {"approve"}}))
	p.shows(t, http.StatusServiceUnavailable, "Not available right now")
	s.store.recover()
	if calls := gh.Calls("/login/oauth/access_token"); calls != 0 {
		t.Errorf("GitHub's code was spent %d times in vain", calls)
	}
	tokensOf(t, c.exchange(b.at(back).target(t, c.redirect).Get("code")))
}

// TestUnreadable: guarantee 9. A row that cannot be decrypted is no "not found": the
// answer is an error whose reference leads to the row's id in the log.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	s.defects = true
	c := s.register()
	got := s.connectAs(c)
	back := s.browser().upTo(c, gh)
	for _, statement := range []string{
		"UPDATE mcpkeep_users SET profile = 'damaged'", "UPDATE mcpkeep_authorizations SET request = 'damaged'",
	} {
		if _, err := s.sql.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	gh.SetFault(githubtest.Healthy)
	for table, a := range map[string]answer{
		"mcpkeep_users": s.call(got.access), "mcpkeep_users again": c.refresh(got.refresh), "mcpkeep_authorizations": s.get(back.RequestURI(), asProgram),
	} {
		a.want(t, http.StatusInternalServerError, "server_error")
		description := a.member("error_description")
		if ref := description[strings.LastIndex(description, " ")+1:]; strings.Count(s.log.String(), `"reference":"`+ref+`"`) < 2 {
			t.Errorf("the reference in %q does not lead to the log", description)
		}
		if name, _, _ := strings.Cut(table, " "); !strings.Contains(s.log.String(), name+` row \"`) {
			t.Errorf("the log does not name the row of %s\n%s", name, s.log)
		}
	}
}
