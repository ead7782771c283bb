package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var adminLists = []string{"/admin/people", "/admin/apps", "/admin/connections", "/admin/events"}

// administrator is the browser of the owner, who has signed in at the pages for administrators.
func (s *site) administrator() *browser {
	s.Helper()
	b := s.browser()
	b.submit(b.visit("/admin"), enter).shows(s, http.StatusOK, "People", "Sign out")
	return b
}

// TestAdminLists: an administrator sees everyone's, finds what a text is in, and gets from one
// list to the others.
func TestAdminLists(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		first := s.register(map[string]any{"client_name": "First <b>"})
		mine := first.connect()
		second := s.register(map[string]any{"client_name": "Second"})
		b := s.browser()
		asked := b.visit("/admin/apps?q=FIRST")
		asked.shows(t, http.StatusOK, "Administration", "Password")
		p := b.submit(asked, enter)
		p.shows(t, http.StatusOK, "“<bdi>First &lt;b&gt;</bdi>”", first.id, "Not verified by this server", "Connections")
		if strings.Contains(p.Body, "Second") {
			t.Error("the filter lets everything through")
		}
		b.visit(p.links(t)["Events"]).shows(t, http.StatusOK, "Grant created", first.id, "owner")
		of := b.visit("/admin/connections?client=" + url.QueryEscape(first.id))
		of.shows(t, http.StatusOK, "“First &lt;b&gt;”", "owner")
		b.visit(of.links(t)["owner"]).shows(t, http.StatusOK, "People", "owner", "usr_")
		b.visit("/admin/apps?show=unused").shows(t, http.StatusOK, "Second")
		b.visit("/admin/apps?show=published").shows(t, http.StatusOK, "There is no such app.")
		b.visit("/admin/people?q=none").shows(t, http.StatusOK, "No one of these matches.")
		b.visit("/admin/events?type=client_registered").shows(t, http.StatusOK, second.id)
		b.visit("/connections").shows(t, http.StatusOK, "Administration")
		s.wantAccess(t, mine.access, true)
	})
}

// TestAdminPages: lists show 50 rows a page and lead to the others; each row is on one.
func TestAdminPages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		ids := map[string]int{}
		for i := range 120 {
			id := fmt.Sprintf("c_%03d", i)
			ids[id] = 0
			if err := s.store.CreateClient(t.Context(), storage.Client{ID: id, CreatedAt: s.clock.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		b := s.administrator()
		for _, list := range []string{"/admin/apps", "/admin/apps?q=C_", "/admin/events?type=client_registered", "/admin/apps?show=unused"} {
			pages := 0
			for next := list; next != ""; pages++ {
				p := b.visit(next)
				p.shows(t, http.StatusOK, "Sign out")
				for id := range ids {
					if strings.Contains(p.Body, ">"+id+"<") {
						ids[id]++
					}
				}
				next = p.links(t)["Show more"]
				if back := p.links(t)["Back to the beginning"]; (back == list) != (pages > 0) {
					t.Errorf("%s page %d leads back to %q", list, pages, back)
				}
			}
			if pages != 3 {
				t.Errorf("%s has %d pages, want 3", list, pages)
			}
		}
		for id, n := range ids {
			if n != 4 {
				t.Errorf("%s is on %d pages, want 4", id, n)
			}
		}
	})
}

// TestAdminRefused: who is not an administrator sees nothing, and neither does someone
// without a session; made-up pages are none.
func TestAdminRefused(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	s.config.Policy.Admins = []string{"listed"}
	s.serve()
	c := s.register(map[string]any{"client_name": "Of octocat"})
	s.connectAs(c)
	b := s.browser()
	for _, list := range adminLists {
		p := b.visit(list)
		p.shows(t, http.StatusOK, "Administration", "Sign in with <bdi>GitHub</bdi>")
		b.submit(p, nil).shows(t, http.StatusForbidden, "This account is not an administrator", "octocat")
		if p := b.visit(list); strings.Contains(p.Body, "Of octocat") || p.Status != http.StatusForbidden {
			t.Errorf("%s: %d %s", list, p.Status, p.brief())
		}
		b.submit(b.visit("/connections"), nil)
	}
	if strings.Contains(b.submit(b.visit("/connections"), nil).Body, "/admin") {
		t.Error("the page of connections leads to the pages for administrators")
	}
	gh.SignInAs("listed")
	a := s.browser()
	a.submit(a.visit("/admin/connections?client="+url.QueryEscape(c.id)), nil).shows(t, http.StatusOK, "Of octocat", "octocat", "with <bdi>GitHub</bdi>")
	for _, path := range []string{
		"/admin/people?after=x", "/admin/connections?after=usr_1", "/admin/events?before=ev_x", "/admin/events?type=made_up", "/admin/apps?show=made_up",
	} {
		a.visit(path).shows(t, http.StatusBadRequest, "There is no such page")
	}
	unlisted := s.replica(func(c *server.Config) { c.Policy.Admins = nil })
	a.moveTo(unlisted)
	a.visit("/admin/people").shows(t, http.StatusForbidden, "not an administrator")
	without := s.replica(func(c *server.Config) { c.NoAdminPages = true })
	a.moveTo(without)
	for _, path := range slices.Concat(adminLists, []string{"/admin"}) {
		a.visit(path).shows(t, http.StatusNotFound, "Page not found")
	}
}

// TestAdminSession: the pages end with the session, with the account and with the database.
func TestAdminSession(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.administrator()
	s.fail()
	for _, list := range adminLists {
		b.visit(list).shows(t, http.StatusServiceUnavailable, "Not available right now", "Reference")
	}
	s.store.recover()
	s.clock.advance(storage.BrowserSessionIdle - time.Minute)
	b.visit("/admin/people").shows(t, http.StatusOK, "Sign out")
	events, err := s.store.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventSessionOpened}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.DisableUser(t.Context(), events[0].UserID, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	for _, list := range adminLists {
		b.visit(list).shows(t, http.StatusOK, "Password")
	}
	b.submit(b.visit("/admin/people"), enter).shows(t, http.StatusForbidden, "may not sign in")
}

// TestAdminNext: a sign-in leads to the page that was asked for, and to no other website.
func TestAdminNext(t *testing.T) {
	t.Parallel()
	s := start(t)
	for next, want := range map[string]string{
		"/admin/events?type=grant_created": "/admin/events", "/admin/people?q=" + strings.Repeat("x", 3000): "/admin/people",
	} {
		b := s.browser()
		if p := b.submit(b.visit(next), enter); p.Status != http.StatusOK || p.at.Path != want {
			t.Errorf("%.60s leads to %s", next, p.at)
		}
	}
	for _, next := range []string{
		"https://evil.example/admin", "//evil.example/admin", "/admin@evil.example", "\\\\evil.example/admin", "/consent", "/administer", "javascript:alert(1)//admin",
		"https:/admin/people", "/admin/" + strings.Repeat("x", 2000), "http://user@keep.example.com/admin",
	} {
		if got := server.AfterSignIn(next); got != "/connections" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
	b := s.browser()
	action, fields := b.visit("/admin/people").form(t)
	fields.Set("password", password)
	fields.Set("next", "/admin/events")
	b.open(http.MethodPost, base+action, fields).shows(t, http.StatusForbidden, "Nothing was changed")
}
