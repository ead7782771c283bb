package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// signInAtPage signs the owner in at the page of connections.
func (b *browser) signInAtPage() page {
	b.s.Helper()
	return b.submit(b.visit("/connections"), enter)
}

// endFirst follows the page's link to end an app, and confirms.
func (b *browser) end(p page, text string) page {
	b.s.Helper()
	target := p.links(b.s)[text]
	if target == "" {
		b.s.Fatalf("no link %q\n%s", text, p.brief())
	}
	return b.submit(b.visit(target), nil)
}

// TestConnections: a user sees the apps that act for them and ends one; its token is refused
// at another replica, and the other app continues.
func TestConnections(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		b := s.browser()
		b.visit("/connections").shows(t, http.StatusOK, "Your connections", "Password")
		b.signInAtPage().shows(t, http.StatusOK, "No app is connected", resource, "You signed in to this page.")
		first := s.register(map[string]any{"client_name": "First <b>"})
		mine := first.connect()
		s.clock.advance(time.Minute)
		second := s.register(map[string]any{"client_name": "Second"})
		other, again := second.connect(), second.connect()
		p := b.visit("/connections")
		p.shows(t, http.StatusOK, "“<bdi>First &lt;b&gt;</bdi>”", "“<bdi>Second</bdi>”", "2 connections", "Not verified by this server",
			"An app on this computer (127.0.0.1)", "End all", "You approved “Second”.", "23 November 2026, 12:01 UTC")
		b.visit(p.links(t)["End all"]).shows(t, http.StatusOK, "All 3 connections")
		q := b.end(p, "End access") // of the last app on the page, which is the first one
		q.shows(t, http.StatusOK, "“<bdi>Second</bdi>”", "The access of “First &lt;b&gt;” ended.")
		replica := s.replica(func(*server.Config) {})
		replica.wantAccess(t, mine.access, false)
		first.refresh(mine.refresh).want(t, http.StatusBadRequest, "invalid_grant")
		s.wantAccess(t, other.access, true)
		b.end(q, "End this connection").shows(t, http.StatusOK, "Second")
		b.end(b.visit("/connections"), "End access").shows(t, http.StatusOK, "No app is connected")
		s.wantAccess(t, other.access, false)
		s.wantAccess(t, again.access, false)
		events, err := s.store.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventGrantRevoked}, 1)
		if err != nil || len(events) != 1 || events[0].Actor != events[0].UserID {
			t.Errorf("the actor is not the user: %+v, %v", events, err)
		}
	})
}

// TestConnectionsSession: the session ends by itself, by signing out and with the account,
// and then its cookie opens nothing.
func TestConnectionsSession(t *testing.T) {
	t.Parallel()
	s := start(t)
	const open, closed = "Sign out", "Password"
	b := s.browser()
	stale := b.visit("/connections")
	b.submit(stale, enter).shows(t, http.StatusOK, open)
	stolen := s.browser()
	at := &url.URL{Scheme: "https", Host: "keep.example.com", Path: "/"}
	stolen.http.Jar.SetCookies(at, b.http.Jar.Cookies(at))
	stolen.visit("/connections").shows(t, http.StatusOK, open)
	b.submit(b.visit("/connections"), nil).shows(t, http.StatusOK, closed) // its only form
	stolen.visit("/connections").shows(t, http.StatusOK, closed)

	first := b.signInAtPage()
	first.shows(t, http.StatusOK, open)
	session := b.http.Jar.Cookies(at)
	b.submit(stale, enter).shows(t, http.StatusOK, open) // signs in again: the earlier session ends
	stolen.http.Jar.SetCookies(at, session)
	stolen.visit("/connections").shows(t, http.StatusOK, closed)
	b.open(http.MethodPost, base+"/connections/sign-out", url.Values{"csrf": {"made up"}}).shows(t, http.StatusForbidden, "expired")
	s.clock.advance(storage.BrowserSessionIdle)
	b.visit("/connections").shows(t, http.StatusOK, closed)
	b.submit(first, nil).shows(t, http.StatusForbidden, "You are signed out")

	b.signInAtPage().shows(t, http.StatusOK, open)
	events, err := s.store.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventSessionOpened}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.DisableUser(t.Context(), events[0].UserID, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	b.visit("/connections").shows(t, http.StatusOK, closed)
	b.signInAtPage().shows(t, http.StatusForbidden, "may not sign in")
}

// TestConnectionsForms: forms of another site, another session and another selection do
// nothing, and neither do GETs.
func TestConnectionsForms(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := c.connect()
	b := s.browser()
	p := b.signInAtPage()
	ask := b.visit(p.links(t)["End access"])
	_, fields := ask.form(t)
	endAt := base + "/connections/end"
	other := s.browser()
	other.signInAtPage()
	other.open(http.MethodPost, endAt, fields).shows(t, http.StatusForbidden, "Nothing was changed")
	s.browser().open(http.MethodPost, endAt, fields).shows(t, http.StatusForbidden, "You are signed out")
	b.open(http.MethodPost, endAt, url.Values{"csrf": fields["csrf"]}).shows(t, http.StatusForbidden, "Nothing was changed")
	b.fetch = "cross-site"
	b.open(http.MethodPost, endAt, fields).shows(t, http.StatusForbidden, "Nothing was changed")
	b.fetch = "same-origin"
	for _, path := range []string{"/connections/end?client=none", "/connections/end?grant=" + strings.Repeat("x", 5000)} {
		b.visit(path).shows(t, http.StatusNotFound, "There is no such connection")
	}
	b.visit("/connections/sign-in").shows(t, http.StatusMethodNotAllowed, "not allowed")
	s.wantAccess(t, got.access, true)
	b.submit(b.visit("/authorize?"+c.request().Encode()), nil).shows(t, http.StatusOK, "Password") // the session signs no one in
	b.open(http.MethodPost, endAt, fields).shows(t, http.StatusOK, "No app is connected")
	b.open(http.MethodPost, endAt, fields).shows(t, http.StatusNotFound, "It may have ended already")
	s.wantAccess(t, got.access, false)
}

// TestConnectionsOfOthers: each user sees their own, and ends nothing of anyone else.
func TestConnectionsOfOthers(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c, d := s.register(map[string]any{"client_name": "Of octocat"}), s.register(map[string]any{"client_name": "Of listed"})
	mine := s.connectAs(c)
	gh.SignInAs("listed")
	his := s.connectAs(d)
	b := s.browser()
	p := b.submit(b.visit("/connections"), nil)
	p.shows(t, http.StatusOK, "Signed in as <strong><bdi>listed</bdi></strong> with <bdi>GitHub</bdi>", "Of listed")
	if strings.Contains(p.Body, "Of octocat") || strings.Contains(p.Body, c.id) {
		t.Error("the page shows someone else's app")
	}
	b.visit("/connections/end?client="+c.id).shows(t, http.StatusNotFound, "no such connection")
	b.end(p, "End access")
	s.wantAccess(t, his.access, false)
	s.wantAccess(t, mine.access, true)
}

// TestConnectionsAtProvider: who may not sign in gets no session, one that the lists do not
// name any more loses it, and the provider's answer counts in the browser that asked.
func TestConnectionsAtProvider(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	b := s.browser()
	gh.SignInAs("mallory")
	b.submit(b.visit("/connections"), nil).shows(t, http.StatusForbidden, "may not sign in")
	b.visit("/connections").shows(t, http.StatusOK, "Sign in with <bdi>GitHub</bdi>")
	if events, err := s.store.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventSessionOpened}, 1); err != nil || len(events) > 0 {
		t.Errorf("who may not sign in got a session: %+v, %v", events, err)
	}
	gh.SignInAs("octocat")

	still := s.browser()
	still.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	away := still.submit(still.visit("/connections"), nil)
	answer := gh.Authorize(t, away.Header.Get("Location"))
	s.browser().at(answer).shows(t, http.StatusBadRequest, "has expired")
	callback, other := &url.URL{Scheme: "https", Host: "keep.example.com", Path: "/auth/callback"}, s.browser()
	for _, c := range still.http.Jar.Cookies(callback) {
		if c.Name == "__Secure-mcpkeep-page-signin" {
			other.http.Jar.SetCookies(callback, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/", Secure: true}})
		}
	}
	other.at(answer).shows(t, http.StatusForbidden, "Nothing was changed")
	b.submit(b.visit("/connections"), nil).shows(t, http.StatusOK, "Signed in as")
	canceled := *answer
	canceled.RawQuery = url.Values{"state": {answer.Query().Get("state")}, "error": {"access_denied"}}.Encode()
	still.at(&canceled).shows(t, http.StatusForbidden, "You are not signed in")
	if dump := s.dump(); strings.Contains(dump, "mcpkeep_authorizations") && strings.Contains(dump, "st_") {
		t.Error("a sign-in at the page is stored")
	}

	refusing := s.replica(func(c *server.Config) { c.Policy.Users, c.Policy.Orgs = []string{"someone"}, nil })
	b.moveTo(refusing)
	b.visit("/connections").shows(t, http.StatusForbidden, "may not sign in")
	b.moveTo(s)
	b.visit("/connections").shows(t, http.StatusOK, "Sign in with <bdi>GitHub</bdi>")
}

// TestConnectionsWithoutDatabase: the page says so, with a reference.
func TestConnectionsWithoutDatabase(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.browser()
	b.signInAtPage()
	s.fail()
	p := b.visit("/connections")
	p.shows(t, http.StatusServiceUnavailable, "Not available right now", "Reference")
	if p.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.store.recover()
	b.visit("/connections").shows(t, http.StatusOK, "Sign out")
}
