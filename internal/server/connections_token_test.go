package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// withTokens lets users have personal tokens.
func withTokens(who server.PersonalTokens) func(*setup) {
	return func(set *setup) { set.PersonalTokens = who }
}

var shownToken = regexp.MustCompile(`mkp_[a-z2-7]{64}`)

// makeToken makes a personal token on the page.
func (b *browser) makeToken(changes ...url.Values) string {
	b.s.Helper()
	filled := changed(url.Values{"name": {"nightly"}, "resource": {resource}, "days": {"90"}}, changes...)
	p := b.submit(b.visit("/connections/token"), filled)
	token := shownToken.FindString(p.Body)
	if p.Status != http.StatusOK || !oauth.IsPersonalToken(token) || p.Header.Get("Cache-Control") != "no-store" {
		b.s.Fatalf("no token (%d, %q)\n%s", p.Status, p.Header.Get("Cache-Control"), p.brief())
	}
	b.s.log.secret(token)
	return token
}

// refusals counts the events about refused tokens, and returns the detail of the last one.
func (s *site) refusals() (n int, detail string) {
	s.Helper()
	events, err := s.store.NewestEvents(s.Context(), storage.EventFilter{Type: storage.EventPersonalTokenRefused}, 100)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range events {
		detail = e.Detail
	}
	return len(events), detail
}

// takeTokens removes provider tokens that no one needs.
func (s *site) takeTokens() {
	s.Helper()
	if _, err := s.store.TakeProviderTokens(s.Context(), s.clock.Now(), 10); err != nil {
		s.Fatal(err)
	}
}

// TestPersonalToken: a user makes a token, which works until its end or until it is ended, is
// shown once, and is listed with its last use.
func TestPersonalToken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), withTokens(server.PersonalOn), func(set *setup) { set.Readopt.Mode = oauth.ReadoptKnown })
		b := s.browser()
		b.signInAtPage()
		token := b.makeToken(url.Values{"name": {"nightly <report>"}})
		other := b.makeToken(url.Values{"days": {"7"}})
		s.clock.advance(20 * time.Minute)
		s.wantAccess(t, token, true)
		p := b.visit("/connections")
		p.shows(t, http.StatusOK, "Token “<bdi>nightly &lt;report&gt;</bdi>”", "Any program that has it acts as you", "A token for a script was made.",
			"21 February 2027, 12:00 UTC", "23 November 2026, 12:20 UTC", "30 November 2026, 12:00 UTC")
		if strings.Contains(p.Body, token) || strings.Contains(s.dump(), token) || strings.Contains(s.dump(), "nightly") {
			t.Error("the token or its name is kept")
		}
		b.visit(p.links(t)["New token for a script"]).shows(t, http.StatusOK, "Make token")
		s.form("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {storage.PersonalClientID}}).
			want(t, http.StatusUnauthorized, "invalid_client")
		c := s.register()
		c.refresh(token).want(t, http.StatusBadRequest, "invalid_grant")
		b.visit("/authorize?"+c.request(url.Values{"client_id": {storage.PersonalClientID}}).Encode()).shows(t, http.StatusBadRequest, "not registered")
		s.wantAccess(t, token, true)

		srv, err := server.New(s.config)
		if err != nil {
			t.Fatal(err)
		}
		stillValid, err := server.Watch(t.Context(), srv, storage.HashOf(other))
		if err != nil || !stillValid() {
			t.Errorf("an open stream has ended: %v", err)
		}
		s.clock.advance(7 * 24 * time.Hour)
		s.wantAccess(t, other, false)
		if stillValid() {
			t.Error("an open stream outlasts its token")
		}
		s.wantAccess(t, token, true)
		p = b.signInAtPage()
		ask := b.visit(p.links(t)["End access"])
		ask.shows(t, http.StatusOK, "Token “<bdi>nightly", "What uses the token is refused")
		b.submit(ask, nil).shows(t, http.StatusOK, "No app is connected", "The access of a token for a script ended.")
		s.wantAccess(t, token, false)
		if n, detail := s.refusals(); n != 2 || detail != "it has ended, or never was one" {
			t.Errorf("%d refusals, %q", n, detail)
		}
	})
}

// TestPersonalTokenTwice: a form that is sent twice, by a double click, makes one token.
func TestPersonalTokenTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), withTokens(server.PersonalOn))
		b := s.browser()
		b.signInAtPage()
		form := b.visit("/connections/token")
		filled := url.Values{"name": {"nightly"}, "resource": {resource}, "days": {"90"}}
		var clicks sync.WaitGroup
		got := make([]page, 4)
		for i := range got {
			clicks.Go(func() { got[i] = b.submit(form, filled) })
		}
		clicks.Wait()
		made := 0
		for _, p := range got {
			if token := shownToken.FindString(p.Body); token != "" {
				made++
				s.log.secret(token)
				s.wantAccess(t, token, true)
				continue
			}
			p.shows(t, http.StatusConflict, "The form was sent before")
		}
		if made != 1 {
			t.Errorf("%d tokens were made", made)
		}
		b.submit(form, changed(filled, url.Values{"id": {"gr_other"}})).shows(t, http.StatusForbidden, "Nothing was changed")
	})
}

// TestPersonalTokenOpensNoPage: a token neither opens pages nor makes another one, and forms of
// other sites and sessions make none.
func TestPersonalTokenOpensNoPage(t *testing.T) {
	t.Parallel()
	s := start(t, withTokens(server.PersonalOn))
	b := s.browser()
	b.signInAtPage()
	token := b.makeToken()
	for _, path := range []string{"/connections", "/connections/token"} {
		if a := s.get(path, header{"Authorization": "Bearer " + token}); strings.Contains(a.Body, "nightly") || strings.Contains(a.Body, "Make token") {
			t.Errorf("%s is open: %s", path, a.Body)
		}
	}
	_, fields := b.visit("/connections/token").form(t)
	fields = changed(fields, url.Values{"name": {"n"}, "resource": {resource}, "days": {"90"}})
	s.unchanged(t, func() {
		if a := s.form("/connections/token", fields, header{"Authorization": "Bearer " + token}); a.Status != http.StatusForbidden {
			t.Errorf("a token sends the form: %d", a.Status)
		}
		b.open(http.MethodPost, base+"/connections/token", changed(fields, url.Values{"csrf": {"made up"}})).shows(t, http.StatusForbidden, "Nothing was changed")
		b.fetch = "cross-site"
		b.open(http.MethodPost, base+"/connections/token", fields).shows(t, http.StatusForbidden, "Nothing was changed")
		b.fetch = "same-origin"
		for field, values := range map[string][]string{"name": {" "}, "resource": {"https://other.example/mcp"}, "days": {"366"}} {
			b.open(http.MethodPost, base+"/connections/token", changed(fields, url.Values{field: values})).shows(t, http.StatusBadRequest, `role="alert"`)
		}
	})
	b.visit("/connections").shows(t, http.StatusOK, "Sign out")
}

// TestPersonalTokensOff: by the setting, tokens are neither made nor taken, also those that
// exist; or only those of administrators are.
func TestPersonalTokensOff(t *testing.T) {
	t.Parallel()
	s := start(t, withTokens(server.PersonalOn))
	b := s.browser()
	b.signInAtPage()
	token := b.makeToken()
	s.wantAccess(t, token, true)
	for name, tt := range map[string]struct {
		who    server.PersonalTokens
		admins []string
		works  bool
		detail string
	}{
		"off":                {server.PersonalOff, []string{"owner"}, false, "personal tokens are off"},
		"no setting":         {"", nil, false, "personal tokens are off"},
		"the owner":          {server.PersonalAdmins, nil, true, ""},
		"on after all of it": {server.PersonalOn, nil, true, ""},
	} {
		replica := s.replica(func(c *server.Config) { c.PersonalTokens, c.Policy.Admins = tt.who, tt.admins })
		replica.wantAccess(t, token, tt.works)
		srv, err := server.New(replica.config)
		if err != nil {
			t.Fatal(err)
		}
		stillValid, err := server.Watch(t.Context(), srv, storage.HashOf(token))
		if err != nil || stillValid() != tt.works {
			t.Errorf("%s: an open stream continues: %t, %v", name, !tt.works, err)
		}
		if _, detail := s.refusals(); !tt.works && detail != tt.detail {
			t.Errorf("%s: the event says %q", name, detail)
		}
		b.moveTo(replica)
		p := b.visit("/connections")
		if _, offered := p.links(t)["New token for a script"]; offered != tt.works {
			t.Errorf("%s: the page offers one: %t", name, offered)
		}
		if !tt.works {
			b.visit("/connections/token").shows(t, http.StatusForbidden, "does not let this account")
		}
		b.moveTo(s)
	}
}

// TestPersonalTokenResources: a token is good at the MCP servers that it names, also for proxies
// in front and elsewhere, and at no other.
func TestPersonalTokenResources(t *testing.T) {
	t.Parallel()
	list := fronted()
	list = append(list, server.Resource{Path: "/third/mcp", Handler: http.HandlerFunc(tellResource)})
	s := start(t, withTokens(server.PersonalOn), func(set *setup) { set.Resources = list })
	b := s.browser()
	b.signInAtPage()
	both := b.makeToken(url.Values{"resource": {resource, notes}})
	one := b.makeToken()
	for path, want := range map[string][2]bool{"/mcp": {true, true}, "/notes/mcp": {true, false}, "/third/mcp": {false, false}} {
		for i, token := range []string{both, one} {
			a := s.callAt(path, token)
			if want[i] && a.Body != base+path {
				t.Errorf("%s: %d %s", path, a.Status, a.Body)
			} else if !want[i] {
				a.want(t, http.StatusUnauthorized, "invalid_token")
			}
		}
	}
	if n, detail := s.refusals(); n != 3 || detail != "it is for another MCP server" {
		t.Errorf("%d refusals, %q", n, detail)
	}
	if a := s.asks("upstream=notes", both); a.Status != http.StatusOK || a.Header.Get("X-Mcpkeep-Client") != storage.PersonalClientID {
		t.Errorf("a proxy in front gets %d %v", a.Status, a.Header)
	}
	s.asks("upstream=notes", one).want(t, http.StatusUnauthorized, "invalid_token")
	list[1].Entry.Users = []string{"someone-else"} // who alone may enter from now on
	s.callAt("/notes/mcp", both).want(t, http.StatusUnauthorized, "invalid_token")
	if a := s.callAt("/mcp", both); a.Status != http.StatusOK {
		t.Errorf("the other one: %d", a.Status)
	}
	if p := b.visit("/connections/token"); strings.Contains(p.Body, notes) {
		t.Error("the form offers what the user may not use")
	}
}

// TestPersonalTokenElsewhere: an MCP server that runs elsewhere learns about tokens for it alone.
func TestPersonalTokenElsewhere(t *testing.T) {
	t.Parallel()
	const third = "https://third.example/mcp"
	s := start(t, withTokens(server.PersonalOn))
	rs, stranger := s.resourceServer(separate), s.resourceServer(third)
	b := s.browser()
	b.signInAtPage()
	mine := b.makeToken()
	user := s.userOf(t, mine)
	token, both := s.personalToken(user, resource, separate), s.personalToken(user, separate, third)
	if a := rs.introspect(token); a.member("aud") != separate || a.member("client_id") != storage.PersonalClientID || a.member("sub") != user {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	for at, asks := range map[string]*client{separate: rs, third: stranger} {
		if a := asks.introspect(both); a.member("aud") != at {
			t.Errorf("of a token for two servers, %s learns %s", at, a.Body)
		}
	}
	rs.introspect(mine).wantInactive(t)
	stranger.introspect(token).wantInactive(t)
	s.registerWithSecret().introspect(token).wantInactive(t)
	off := s.replica(func(c *server.Config) { c.PersonalTokens = server.PersonalOff })
	rs.s = off
	rs.introspect(token).wantInactive(t)
	s.wantAccess(t, token, true)
}

// personalToken stores a token of a user for some resources.
func (s *site) personalToken(user string, resources ...string) string {
	s.Helper()
	token := oauth.NewPersonalToken()
	err := s.store.CreatePersonalToken(s.Context(), storage.NewPersonalToken{
		PersonalToken: storage.PersonalToken{Name: "n", ExpiresAt: s.clock.Now().Add(time.Hour)}, GrantID: oauth.NewID("gr"), UserID: user,
		Token: storage.HashOf(token), Scope: "mcp", Resources: resources,
	}, s.clock.Now())
	if err != nil {
		s.Fatal(err)
	}
	return token
}

// TestPersonalTokenAtProvider: a token acts as long as the provider confirms its user. The
// sign-in at the page alone is enough to make one; it ends with a place on the lists, and when
// the provider refuses.
func TestPersonalTokenAtProvider(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, withTokens(server.PersonalOn))
	b := s.browser()
	b.submit(b.visit("/connections"), nil).shows(t, http.StatusOK, "No app is connected")
	token := b.makeToken()
	s.clock.advance(90 * time.Minute)
	s.wantAccess(t, token, true) // asks the provider
	late := s.browser()
	gh.SignInAs("listed")
	late.submit(late.visit("/connections"), nil)
	s.clock.advance(20 * time.Minute)
	s.takeTokens()
	late.visit("/connections")
	s.clock.advance(20 * time.Minute)
	late.visit("/connections")
	s.clock.advance(25 * time.Minute)
	s.takeTokens() // the sign-in of the page is an hour old
	late.submit(late.visit("/connections/token"), url.Values{"name": {"n"}, "resource": {resource}, "days": {"90"}}).
		shows(t, http.StatusForbidden, "Sign in again first", "within an hour")
	s.wantAccess(t, token, true)

	for _, admin := range []string{"listed", "octocat"} {
		replica := s.replica(func(c *server.Config) { c.PersonalTokens, c.Policy.Admins = server.PersonalAdmins, []string{admin} })
		replica.wantAccess(t, token, admin == "octocat")
	}
	if n, detail := s.refusals(); n != 1 || detail != "its user is no administrator" {
		t.Errorf("%d refusals, %q", n, detail)
	}
	gone := s.replica(func(c *server.Config) { c.Policy.Users, c.Policy.Orgs = []string{"someone"}, nil })
	gone.wantAccess(t, token, false)
	s.clock.advance(time.Second)
	s.wantAccess(t, token, false) // it has ended for good

	gh.SignInAs("octocat")
	b.submit(b.visit("/connections"), nil)
	again := b.makeToken()
	s.wantAccess(t, again, true)
	gh.RevokeTokens("octocat")
	s.clock.advance(3 * time.Hour)
	s.wantAccess(t, again, false)
}

// TestPersonalTokenWithoutRechecks: where only refreshes ask the provider, a token still does,
// as it is never refreshed.
func TestPersonalTokenWithoutRechecks(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, withTokens(server.PersonalOn), func(set *setup) { set.Lifetimes.Recheck = 0 })
	b := s.browser()
	b.submit(b.visit("/connections"), nil)
	token := b.makeToken()
	gh.RevokeTokens("octocat")
	s.wantAccess(t, token, true)
	s.clock.advance(3 * time.Hour)
	s.wantAccess(t, token, false)
}
