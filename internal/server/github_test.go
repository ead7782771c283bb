package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// gitHubSite is a site where octocat, of the organization acme, and those on
// the list may sign in.
func gitHubSite(t *testing.T, options ...func(*setup)) (*site, *githubtest.Server) {
	t.Helper()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{ID: 7, Login: "octocat", Orgs: []string{"a", "b", "c", "d", "acme"}})
	gh.AddUser(githubtest.User{ID: 8, Login: "mallory", Orgs: []string{"evil"}})
	gh.AddUser(githubtest.User{ID: 9, Login: "listed"})
	gh.SetOrgPageSize(2)
	gh.SignInAs("octocat")
	policy := identity.Policy{Users: []string{"listed"}, Orgs: []string{"acme"}}
	return start(t, append([]func(*setup){onGitHub(gh, policy, 1500*time.Millisecond)}, options...)...), gh
}

// approveAt goes through consent and GitHub, as far as it gets.
func (b *browser) approveAt(c *client, changes ...url.Values) page {
	b.s.Helper()
	return b.submit(b.visit(c.authorizePath(changes...)), approve)
}

// connectAs signs someone in at GitHub and returns tokens.
func (s *site) connectAs(c *client, changes ...url.Values) tokens {
	s.Helper()
	code := s.browser().approveAt(c, changes...).target(s, c.redirect).Get("code")
	return tokensOf(s, c.exchange(code, changes...))
}

// upTo approves and returns the callback's URL, which the browser does not open.
func (b *browser) upTo(c *client, gh *githubtest.Server) *url.URL {
	b.s.Helper()
	_, fields := b.visit(c.authorizePath()).form(b.s)
	still := *b
	still.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p := still.open(http.MethodPost, b.s.config.BaseURL+"/consent", changed(fields, approve))
	return gh.Authorize(b.s, p.Header.Get("Location"))
}

func (b *browser) at(u *url.URL) page {
	b.s.Helper()
	return b.open(http.MethodGet, u.String(), nil)
}

// TestProviderName: the name that the operator chose for the provider is on the page that
// asks before the sign-in there, and on the page of a refusal.
func TestProviderName(t *testing.T) {
	t.Parallel()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{ID: 8, Login: "mallory"})
	gh.SignInAs("mallory")
	s := start(t, onGitHub(gh, identity.Policy{Users: []string{"alice"}}, 1500*time.Millisecond), func(set *setup) {
		provider, err := identity.NewGitHub(identity.GitHubConfig{
			ClientID: gh.ClientID, ClientSecret: gh.ClientSecret, URL: gh.URL, APIURL: gh.APIURL, Title: "Acme <SSO>",
		})
		if err != nil {
			panic(err)
		}
		set.Provider = provider
	})
	c := s.register()
	b := s.browser()
	b.visit(c.authorizePath()).shows(t, http.StatusOK, "If you approve, you continue to <strong><bdi>Acme &lt;SSO&gt;</bdi></strong> to sign in.")
	page := b.approveAt(c)
	page.shows(t, http.StatusForbidden, "mallory", "Acme &lt;SSO&gt;")
	if strings.Contains(page.Body, "GitHub") {
		t.Error("the page names another provider")
	}
}

// TestGitHub is the whole way: AS-21, A1, org pages.
func TestGitHub(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s, gh := gitHubSite(t, on(e))
		c := s.register()
		var p page
		b := s.browser()
		s.unchanged(t, func() {
			for range 2 {
				p = b.visit(c.authorizePath())
			}
		})
		p.shows(t, http.StatusOK, "you continue to <strong><bdi>GitHub</bdi></strong>")
		if policy := p.Header.Get("Content-Security-Policy"); !strings.Contains(policy, gh.URL) || !strings.Contains(policy, "http://127.0.0.1:33418") {
			t.Errorf("C-11: policy %q", policy)
		}
		q := b.submit(p, approve).target(t, c.redirect)
		got := tokensOf(t, c.exchange(q.Get("code")))
		if q.Get("iss") != base || q.Get("state") != "state-of-the-client" {
			t.Errorf("got %v", q)
		}
		s.wantAccess(t, got.access, true)
		got = tokensOf(t, c.refresh(got.refresh))
		if gh.Calls("/user") != 2 {
			t.Errorf("GitHub was asked %d times", gh.Calls("/user"))
		}
		p = b.visit(s.register().authorizePath())
		p.shows(t, http.StatusOK, "Approve") // A1, A3: signed in or not, every app is asked about
		if dump := s.dump(); strings.Contains(dump, "octocat") || strings.Contains(dump, "gho_") || strings.Contains(dump, got.refresh) {
			t.Error("AS-20: the database holds secrets in the clear")
		}
	})
}

// TestGitHubForms: 9700-09, A2, A5, A7. The answer counts in the browser that
// approved.
func TestGitHubForms(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c := s.register()
	a, b := s.browser(), s.browser()
	pa, pb := a.visit(c.authorizePath()), b.visit(c.authorizePath())
	_, foreign := pb.form(t)
	s.unchanged(t, func() {
		for name, p := range map[string]page{
			"A5 no token":       a.submit(pa, changed(approve, url.Values{"csrf": nil})),
			"A5 other browser":  a.submit(pa, changed(approve, url.Values{"csrf": foreign["csrf"]})),
			"A2 without cookie": s.browser().submit(pa, approve),
			"A5 deny, no token": a.submit(pa, changed(deny, url.Values{"csrf": nil})),
			"A5 other request":  a.submit(pa, changed(approve, url.Values{"state": {"x"}})),
		} {
			t.Run(name, func(t *testing.T) { p.shows(t, http.StatusForbidden, "This form has expired") })
		}
		if q := a.submit(pa, deny).target(t, c.redirect); q.Get("error") != "access_denied" || q.Get("iss") != base {
			t.Errorf("deny: %v", q)
		}
	})
	back := a.upTo(c, gh)
	s.unchanged(t, func() {
		b.at(back).shows(t, http.StatusForbidden, "This form has expired")
		s.browser().at(back).shows(t, http.StatusForbidden, "This form has expired")
		s.get(back.RequestURI(), asProgram).want(t, http.StatusForbidden, "access_denied")
	})
	code := a.at(back).target(t, c.redirect).Get("code")
	s.unchanged(t, func() {
		a.at(back).shows(t, http.StatusOK, "You may close this window")
		b.at(back).shows(t, http.StatusForbidden, "This form has expired")
	})
	s.wantAccess(t, tokensOf(t, c.exchange(code)).access, true)
}

// TestCallbackRequests: bad input to the callback, and a late one.
func TestCallbackRequests(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c := s.register()
	b := s.browser()
	back := b.upTo(c, gh)
	state := url.QueryEscape(back.Query().Get("state"))
	s.unchanged(t, func() {
		for _, query := range []string{
			"", "?state=", "?code=x", "?state=st_unknown&code=x", "?state=" + state + "x", "?state=" + state + "&state=" + state,
			"?state=%00", "?state=%zz", "?error=access_denied", "?state=" + big(20_000), "?state=" + state + "&code=a&code=b",
		} {
			b.visit("/auth/callback"+query).shows(t, http.StatusBadRequest, "")
		}
	})
	s.clock.advance(15 * time.Minute)
	s.unchanged(t, func() { b.at(back).shows(t, http.StatusBadRequest, "expired") })
	forged := b.upTo(c, gh)
	q := forged.Query()
	q.Set("code", "guessed")
	forged.RawQuery = q.Encode()
	if q := b.at(forged).target(t, c.redirect); q.Get("error") != "access_denied" {
		t.Errorf("a code that GitHub does not know: %v", q)
	}
}

// TestRefusedPeople: who may not sign in is told so; the app gets nothing.
func TestRefusedPeople(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c := s.register()
	gh.SignInAs("mallory")
	p := s.browser().approveAt(c)
	p.shows(t, http.StatusForbidden, "mallory")
	p.shows(t, http.StatusForbidden, "at <bdi>GitHub</bdi>")
	if link := p.links(t)["Return to the app"]; !strings.HasPrefix(link, c.redirect+"?error=access_denied") || !strings.Contains(link, "iss=") {
		t.Errorf("the page links to %q", link)
	}
	if strings.Contains(p.Body, "listed") || strings.Contains(p.Body, "acme") {
		t.Error("the page tells who may sign in")
	}
	gh.SignInAs("listed")
	s.wantAccess(t, s.connectAs(c).access, true)
	gh.SignInAs("octocat")
	gh.SetDenying(true)
	if q := s.browser().approveAt(c).target(t, c.redirect); q.Get("error") != "access_denied" || q.Get("state") != "state-of-the-client" {
		t.Errorf("canceled at GitHub: %v", q)
	}
	gh.SetDenying(false)
	gh.SetOrgs("octocat")
	s.browser().approveAt(c).shows(t, http.StatusForbidden, "octocat")
	s.wantRefusals(c, 3)
}

// wantRefusals: the audit trail has so many sign-ins that were refused, each with its
// reason and without the account's name, and none that a person denied.
func (s *site) wantRefusals(c *client, n int) {
	s.Helper()
	events, err := s.store.ListEvents(s.Context(), storage.EventFilter{ClientID: c.id}, "", 100)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range events {
		switch {
		case e.Type == storage.EventAuthorizationDenied, strings.Contains(e.Detail, "mallory"):
			s.Errorf("%+v", e)
		case e.Type == storage.EventSignInRefused && e.Detail != "" && e.Reference != "":
			n--
		}
	}
	if n != 0 {
		s.Errorf("%d refused sign-ins are missing in %+v", n, events)
	}
}

// TestGitHubAwayAtCallback: nothing is lost; the same callback works afterwards.
func TestGitHubAwayAtCallback(t *testing.T) {
	t.Parallel()
	for _, fault := range []githubtest.Fault{githubtest.ServiceUnavailable, githubtest.ConnectionReset, githubtest.HTMLPage, githubtest.Truncated} {
		t.Run(fmt.Sprint("fault ", fault), func(t *testing.T) {
			t.Parallel()
			s, gh := gitHubSite(t)
			c := s.register()
			b := s.browser()
			back := b.upTo(c, gh)
			gh.SetFault(fault)
			b.at(back).shows(t, http.StatusServiceUnavailable, "Not available right now")
			s.get(back.RequestURI(), asProgram, header{"Cookie": b.cookie(t)}).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
			if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_authorizations WHERE finished_at IS NULL"); n != 1 {
				t.Errorf("%d sign-ins in progress, want one", n)
			}
			gh.SetFault(githubtest.Healthy)
			tokensOf(t, c.exchange(b.at(back).target(t, c.redirect).Get("code")))
		})
	}
}

// TestApprovalBeforeSignIn: A11. Someone who knows a sign-in's ID cannot finish it
// without the provider.
func TestApprovalBeforeSignIn(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	b := s.browser()
	b.upTo(s.register(), gh)
	id := dbtest.Value[string](t, s.sql, "SELECT id FROM mcpkeep_authorizations")
	p := b.visit("/consent?id=" + id)
	s.unchanged(t, func() {
		b.submit(p, approve).shows(t, http.StatusBadRequest, "expired")
		b.submit(p, deny).shows(t, http.StatusBadRequest, "expired")
	})
}
