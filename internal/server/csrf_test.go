package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestForeignForms: A2, A4, A5, A7 for the local provider, 6749-22. A form counts
// only from the browser that it was made for, and from this site.
func TestForeignForms(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		a, b := s.browser(), s.browser()
		first, consent := a.visit(c.authorizePath()), a.signIn(c)
		otherFirst, otherConsent := a.visit(c.authorizePath(url.Values{"state": {"other"}})), a.signIn(c)
		foreign := b.signIn(c)
		token := func(p page) url.Values {
			_, fields := p.form(t)
			return url.Values{"csrf": fields["csrf"]}
		}
		stranger := s.browser()
		crossSite := func(value string) *browser {
			copied := *a
			copied.fetch = value
			return &copied
		}
		refused := map[string]func(p page, entered url.Values) page{
			"A5 no token":               func(p page, v url.Values) page { return a.submit(p, changed(v, url.Values{"csrf": nil})) },
			"A5 empty token":            func(p page, v url.Values) page { return a.submit(p, changed(v, url.Values{"csrf": {""}})) },
			"A5 made-up token":          func(p page, v url.Values) page { return a.submit(p, changed(v, url.Values{"csrf": {big(43)}})) },
			"A5 another browser's":      func(p page, v url.Values) page { return a.submit(p, changed(v, token(foreign))) },
			"A2 in another browser":     b.submit,
			"A2 without any cookie":     stranger.submit,
			"A5 cross-site":             crossSite("cross-site").submit,
			"A5 from a sibling site":    crossSite("same-site").submit,
			"A5 another request's":      func(p page, v url.Values) page { return a.submit(p, changed(v, token(otherFirst))) },
			"A5 another consent page's": func(p page, v url.Values) page { return a.submit(p, changed(v, token(otherConsent))) },
		}
		for name, submit := range refused {
			t.Run(name, func(t *testing.T) {
				s.unchanged(t, func() {
					for _, form := range []struct {
						page    page
						entered url.Values
					}{{first, enter}, {consent, approve}, {consent, deny}} {
						p := submit(form.page, form.entered)
						p.shows(t, http.StatusForbidden, "This form has expired")
						if p.Header.Get("Location") != "" || p.link(t) != "" {
							t.Errorf("the page leads on to %q", p.Header.Get("Location")+p.link(t))
						}
					}
				})
			})
		}
		t.Run("A5 by GET", func(t *testing.T) {
			s.unchanged(t, func() {
				a.visit(consent.at.RequestURI()+"&action=approve&csrf="+token(consent).Get("csrf")).shows(t, http.StatusOK, "Approve")
			})
		})
		t.Run("A5 a foreign Origin", func(t *testing.T) {
			s.unchanged(t, func() {
				_, fields := consent.form(t)
				cookie := header{"Cookie": a.cookie(t), "Origin": "https://evil.example"}
				s.form("/consent", changed(fields, approve), cookie, asProgram).want(t, http.StatusForbidden, "access_denied")
			})
		})
		t.Run("A5 a null Origin", func(t *testing.T) {
			s.unchanged(t, func() {
				_, fields := consent.form(t)
				s.form("/consent", changed(fields, approve), header{"Cookie": a.cookie(t), "Origin": "null"}, asProgram).want(t, http.StatusForbidden, "access_denied")
			})
		})
		t.Run("A2 the consent page in another browser", func(t *testing.T) {
			b.visit(consent.at.RequestURI()).shows(t, http.StatusForbidden, "This form has expired")
		})
		a.submit(consent, approve).target(t, c.redirect)
	})
}

// cookie is the browser's Cookie header.
func (b *browser) cookie(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(b.s.config.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range b.http.Jar.Cookies(u) {
		list = append(list, c.String())
	}
	return strings.Join(list, "; ")
}

// TestCookie: A2. Its attributes, and what a planted one is worth.
func TestCookie(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	a := s.get(c.authorizePath(), asBrowser)
	set := a.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-mcpkeep=", "; Path=/;", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("Set-Cookie %q without %q", set, want)
		}
	}
	if strings.Contains(set, "Domain") {
		t.Errorf("Set-Cookie %q", set)
	}
	local := start(t, func(set *setup) { set.BaseURL, set.Loopback = "http://127.0.0.1:8080", true })
	set = local.get(local.register().authorizePath(url.Values{"resource": nil}), asBrowser).Header.Get("Set-Cookie")
	if !strings.HasPrefix(set, "mcpkeep_browser=") || strings.Contains(set, "Secure") {
		t.Errorf("on loopback: Set-Cookie %q", set)
	}
	for _, planted := range []string{"short", big(52), strings.Repeat("A", 51) + "!", strings.Repeat("A", 53)} {
		again := s.get(c.authorizePath(), asBrowser, header{"Cookie": "__Host-mcpkeep=" + planted}).Header.Get("Set-Cookie")
		if strings.Contains(again, planted) {
			t.Errorf("the planted cookie %q stays", planted)
		}
	}
	for _, path := range []string{"/token", "/register", "/revoke", "/mcp", "/.well-known/oauth-protected-resource"} {
		if got := s.form(path, nil).Header.Get("Set-Cookie"); got != "" {
			t.Errorf("%s sets the cookie %q", path, got)
		}
	}
}

// TestConsentRequests: bad input to /consent.
func TestConsentRequests(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		b := s.browser()
		consent := b.signIn(c)
		posts := map[string]struct {
			change url.Values
			status int
		}{
			"no decision":         {url.Values{}, http.StatusBadRequest},
			"unknown decision":    {url.Values{"action": {"maybe"}}, http.StatusBadRequest},
			"unknown id":          {changed(approve, url.Values{"id": {"az_unknown"}}), http.StatusBadRequest},
			"empty id":            {changed(approve, url.Values{"id": {""}}), http.StatusBadRequest},
			"id with a zero byte": {changed(approve, url.Values{"id": {"\x00"}}), http.StatusBadRequest},
			"no id":               {changed(approve, url.Values{"id": nil}), http.StatusBadRequest},
			"oversized":           {changed(approve, url.Values{"x": {big(70_000)}}), http.StatusRequestEntityTooLarge},
		}
		for name, tt := range posts {
			t.Run(name, func(t *testing.T) {
				s.unchanged(t, func() {
					if p := b.submit(consent, tt.change); p.Status != tt.status || p.Header.Get("Location") != "" {
						t.Errorf("got %d, want %d\n%s", p.Status, tt.status, p.brief())
					}
				})
			})
		}
		for _, query := range []string{"", "?id=", "?id=az_unknown", "?id=%00", "?id=%ff", "?id=%zz", "?id=" + big(20_000), "?id=a&id=b"} {
			b.visit("/consent"+query).shows(t, http.StatusBadRequest, "")
		}
		s.do(http.MethodPost, "/consent", `{"action":"approve"}`, asJSON, asProgram).want(t, http.StatusBadRequest, "invalid_request")
		s.do(http.MethodPost, "/authorize", `{}`, asJSON, asProgram).want(t, http.StatusBadRequest, "invalid_request")
		s.form("/authorize", url.Values{"x": {big(70_000)}}, asProgram).want(t, http.StatusRequestEntityTooLarge, "invalid_request")
	})
}
