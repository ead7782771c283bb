package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// lastEvent returns the newest event of a type.
func (s *site) lastEvent(t storage.EventType) storage.Event {
	s.Helper()
	events, err := s.store.NewestEvents(s.Context(), storage.EventFilter{Type: t}, 1)
	if err != nil || len(events) != 1 {
		s.Fatalf("no event %s: %v", t, err)
	}
	return events[0]
}

// by fails the test unless a user did what the newest event of a type says.
func (s *site) by(t storage.EventType, userID string) {
	s.Helper()
	if e := s.lastEvent(t); e.Actor != userID || e.Reference == "" {
		s.Errorf("%s by %q with reference %q, want %q", t, e.Actor, e.Reference, userID)
	}
}

// TestAdminActions: each action does what its command does, says so before, and names the
// administrator in the audit trail. A form that is sent twice does nothing the second time.
func TestAdminActions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		first, second := s.register(map[string]any{"client_name": "First"}), s.register(map[string]any{"client_name": "Second"})
		one, two, three := first.connect(), first.connect(), second.connect()
		b := s.administrator()
		owner := s.lastEvent(storage.EventSessionOpened).UserID
		twice := func(path string, says ...string) {
			t.Helper()
			ask := b.visit(path)
			ask.shows(t, http.StatusOK, says...)
			action, fields := ask.form(t)
			b.open(http.MethodPost, base+action, fields).shows(t, http.StatusOK, "Sign out")
			b.open(http.MethodPost, base+action, fields).shows(t, http.StatusNotFound, "not there any more", "Nothing was changed")
		}
		grant := s.lastEvent(storage.EventGrantCreated).GrantID // the third
		twice("/admin/connections/end?grant="+grant, "End this connection?", "“Second”", "1 connection immediately")
		s.by(storage.EventGrantRevoked, owner)
		s.wantAccess(t, three.access, false)
		s.wantAccess(t, one.access, true)
		twice("/admin/connections/end?client="+first.id, "2 connections immediately", "“First”")
		s.by(storage.EventGrantRevoked, owner)
		s.wantAccess(t, one.access, false)
		s.wantAccess(t, two.access, false)
		four := first.connect()
		twice("/admin/connections/end?client="+first.id+"&user="+owner, "1 connection immediately", "owner")
		s.wantAccess(t, four.access, false)
		five := first.connect()
		twice("/admin/apps/delete?client="+first.id, "Delete this app?", "1 connection will end")
		s.by(storage.EventClientDeleted, owner)
		s.replica(func(*server.Config) {}).wantAccess(t, five.access, false)
		b.visit("/admin/apps").shows(t, http.StatusOK, "Second")
		b.visit("/admin/events?type=client_deleted").shows(t, http.StatusOK, first.id, "owner")
	})
}

// TestAdminDisables: an administrator disables and enables users, but not themselves; two do
// not get into each other's way.
func TestAdminDisables(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	s.config.Policy.Admins = []string{"listed", "octocat"}
	s.serve()
	c := s.register()
	got := s.connectAs(c)
	octocat := s.lastEvent(storage.EventGrantCreated).UserID
	open := s.browser()
	open.submit(open.visit("/admin/people"), nil).shows(t, http.StatusOK, "octocat")
	gh.SignInAs("listed")
	b := s.browser()
	p := b.submit(b.visit("/admin/people?q=octocat"), nil)
	p.shows(t, http.StatusOK, "octocat")
	listed := s.lastEvent(storage.EventSessionOpened).UserID
	ask := b.visit(p.links(t)["Disable"])
	ask.shows(t, http.StatusOK, "Disable this account?", "octocat", "1 connection will end")
	mine := open.visit("/admin/people/disable?user=" + listed)
	b.submit(ask, nil).shows(t, http.StatusOK, "Disabled")
	s.by(storage.EventUserDisabled, listed)
	s.wantAccess(t, got.access, false)
	b.submit(ask, nil).shows(t, http.StatusNotFound, "not there any more")
	open.visit("/admin/people").shows(t, http.StatusOK, "Sign in with") // the page that was open
	open.submit(mine, nil).shows(t, http.StatusForbidden, "You are signed out")
	b.visit("/admin/people/disable?user="+octocat).shows(t, http.StatusNotFound, "not there any more")
	b.submit(b.visit("/admin/people/enable?user="+octocat), nil).shows(t, http.StatusOK, "octocat")
	s.by(storage.EventUserEnabled, listed)
	b.visit("/admin/people/disable?user="+listed).shows(t, http.StatusConflict, "your own account")
	_, fields := b.visit("/admin/people/disable?user=" + octocat).form(t)
	fields.Set("user", listed)
	b.open(http.MethodPost, base+"/admin/people/disable", fields).shows(t, http.StatusForbidden, "Nothing was changed")
	b.visit("/admin/people?q="+listed).shows(t, http.StatusOK, "Last sign-in")

	other := s.browser() // two administrators do the same
	gh.SignInAs("octocat")
	other.submit(other.visit("/admin/people"), nil).shows(t, http.StatusOK, "octocat")
	gh.SignInAs("mallory")
	s.config.Policy.Users = append(s.config.Policy.Users, "mallory")
	s.serve()
	s.connectAs(c)
	mallory := s.lastEvent(storage.EventGrantCreated).UserID
	first, second := b.visit("/admin/people/disable?user="+mallory), other.visit("/admin/people/disable?user="+mallory)
	b.submit(first, nil).shows(t, http.StatusOK, "Disabled")
	other.submit(second, nil).shows(t, http.StatusNotFound, "Another administrator may have been faster")
}

// TestAdminForms: forms of another site, another session, another subject, of someone who is no
// administrator any more and of none do nothing, and neither do links.
func TestAdminForms(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register(map[string]any{"client_name": "Kept"})
	s.register(map[string]any{"client_name": "Never used"})
	s.clock.advance(48 * time.Hour)
	got := c.connect()
	owner := s.lastEvent(storage.EventGrantCreated).UserID
	b := s.administrator()
	other := s.administrator()
	for _, path := range []string{
		"/admin/connections/end?client=" + c.id, "/admin/apps/delete?client=" + c.id, "/admin/apps/prune?days=1", "/admin/apps/register",
	} {
		ask := b.visit(path)
		action, fields := ask.form(t)
		fields.Set("name", "New")
		fields.Set("redirect_uris", "https://new.example/cb")
		fields.Set("auth_method", "none")
		without := url.Values{}
		for name, values := range fields {
			if name != "csrf" {
				without[name] = values
			}
		}
		s.unchanged(t, func() {
			other.open(http.MethodPost, base+action, fields).shows(t, http.StatusForbidden, "Nothing was changed")
			s.browser().open(http.MethodPost, base+action, fields).shows(t, http.StatusForbidden, "You are signed out")
			b.open(http.MethodPost, base+action, without).shows(t, http.StatusForbidden, "Nothing was changed")
			b.open(http.MethodPost, base+action, url.Values{"csrf": fields["csrf"], "client": {"x"}, "before": {"1"}, "id": {"y"}}).shows(t, http.StatusForbidden, "Nothing was changed")
			for _, fetch := range []string{"cross-site", "same-site"} {
				b.fetch = fetch
				b.open(http.MethodPost, base+action, fields).shows(t, http.StatusForbidden, "Nothing was changed")
			}
			b.fetch = "same-origin"
			b.visit(path).shows(t, http.StatusOK, "Apps")
			if p := b.open(http.MethodPut, base+action, fields); p.Status != http.StatusMethodNotAllowed {
				t.Errorf("PUT %s: %d", path, p.Status)
			}
		})
	}
	for path, status := range map[string]int{
		"/admin/people/disable": 400, "/admin/people/disable?user=usr_none": 404, "/admin/people/enable?user=" + owner: 404, "/admin/apps/delete": 400,
		"/admin/apps/delete?client=none": 404, "/admin/apps/prune?days=0": 400, "/admin/apps/prune?days=x": 400, "/admin/connections/end": 400,
		"/admin/connections/end?grant=gr_x&user=u": 400, "/admin/connections/end?grant=gr_none": 404, "/admin/connections/end?client=none": 404,
	} {
		if p := b.visit(path); p.Status != status {
			t.Errorf("%s: %d, want %d", path, p.Status, status)
		}
	}
	s.wantAccess(t, got.access, true)
}

// TestAdminFresh: a sign-in of 15 minutes ago shows everything and changes nothing; the next
// one leads back to the same page. In a form that was open, it does so, too.
func TestAdminFresh(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func() *site{
		"password": func() *site { return start(t) },
		"provider": func() *site {
			s, gh := gitHubSite(t)
			gh.SignInAs("listed")
			s.config.Policy.Admins = []string{"listed"}
			s.serve()
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := build()
			var entered url.Values
			if name == "password" {
				entered = enter
			}
			c := s.register(map[string]any{"client_name": "Gone"})
			b := s.browser()
			b.submit(b.visit("/admin/apps"), entered).shows(t, http.StatusOK, "Gone")
			paths := []string{"/admin/apps/delete?client=" + c.id, "/admin/apps/register", "/admin/apps/prune?days=7"}
			ask, register := b.visit(paths[0]), b.visit(paths[1])
			s.clock.advance(15 * time.Minute)
			for _, path := range paths {
				b.visit(path).shows(t, http.StatusOK, "Sign in again", "15 minutes")
			}
			b.visit("/admin/apps").shows(t, http.StatusOK, "Gone", "Sign out")
			again := b.submit(register, url.Values{"name": {"Filled in"}, "redirect_uris": {"https://a.example/cb"}, "auth_method": {"client_secret_post"}})
			again.shows(t, http.StatusOK, "Sign in again")
			again = b.submit(ask, nil)
			again.shows(t, http.StatusOK, "Sign in again")
			b.visit("/admin/apps").shows(t, http.StatusOK, "Gone")
			asked := b.submit(again, entered)
			asked.shows(t, http.StatusOK, "Delete this app?", "Gone")
			if asked.at.RequestURI() != paths[0] {
				t.Errorf("the sign-in leads to %s", asked.at)
			}
			b.submit(ask, nil).shows(t, http.StatusForbidden, "Nothing was changed") // of the session before
			b.submit(asked, nil).shows(t, http.StatusOK, "There is no such app.")
			s.clock.advance(15 * time.Minute)
			register = b.submit(b.visit("/admin/apps/register?name=Filled+in&redirect_uris=https%3A%2F%2Fa.example%2Fcb&auth_method=client_secret_post"), entered)
			register.shows(t, http.StatusOK, "Filled in", "https://a.example/cb", `value="client_secret_post" selected`)
		})
	}
}

var shownSecret = regexp.MustCompile(`Client secret</dt>\n<dd class="paste"><span class="code">([^<]+)<`)

// TestAdminRegisters: an app that an administrator registers is verified, its secret is shown
// once and works, and a form that is sent twice registers one.
func TestAdminRegisters(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		b := s.administrator()
		owner := s.lastEvent(storage.EventSessionOpened).UserID
		form := b.visit("/admin/apps/register")
		for _, wrong := range []url.Values{
			{"name": {"Notes"}, "auth_method": {"none"}}, {"name": {"Notes"}, "redirect_uris": {"javascript:alert(1)"}, "auth_method": {"none"}},
			{"name": {"Notes"}, "redirect_uris": {"https://notes.example/cb"}, "auth_method": {"made_up"}},
			{"name": {"Notes"}, "redirect_uris": {"https://notes.example/cb"}, "auth_method": {"none"}, "jwks_uri": {"https://notes.example/keys"}},
		} {
			s.unchanged(t, func() {
				b.submit(form, wrong).shows(t, http.StatusBadRequest, "This app cannot be registered", "Notes")
			})
		}
		right := url.Values{"name": {"Notes <b>"}, "redirect_uris": {"https://notes.example/cb http://127.0.0.1/cb"}, "auth_method": {"client_secret_post"}}
		p := b.submit(form, right)
		p.shows(t, http.StatusOK, "The app is registered", "Save the secret now")
		m := shownSecret.FindStringSubmatch(p.Body)
		if m == nil {
			t.Fatal(p.brief())
		}
		s.log.secret(m[1])
		s.by(storage.EventClientRegistered, owner)
		id := s.lastEvent(storage.EventClientRegistered).ClientID
		client, err := s.store.Client(t.Context(), id)
		if err != nil || client.Origin != storage.OriginOperator || client.SecretHash != storage.HashOf(m[1]) || len(client.RedirectURIs) != 2 {
			t.Errorf("%+v, %v", client, err)
		}
		again := b.submit(form, right)
		again.shows(t, http.StatusConflict, "The form was sent before")
		if strings.Contains(again.Body, m[1]) || strings.Contains(s.dump(), m[1]) {
			t.Error("the secret is shown again or stored")
		}
		b.visit("/admin/apps?q="+id).shows(t, http.StatusOK, "Verified by this server", "“<bdi>Notes &lt;b&gt;</bdi>”")
		public := b.submit(b.visit("/admin/apps/register"), url.Values{"name": {"Public"}, "redirect_uris": {"https://public.example/cb"}, "auth_method": {"none"}})
		if public.shows(t, http.StatusOK, "The app is registered"); strings.Contains(public.Body, "secret") {
			t.Error("a public client has a secret")
		}
	})
}

// TestAdminPrunes: what the preview shows is deleted; what is younger, in use, or registered by an
// administrator stays.
func TestAdminPrunes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		s.register(map[string]any{"client_name": "Old unused"})
		late := s.register(map[string]any{"client_name": "Old, used meanwhile"})
		s.register(map[string]any{"client_name": "Old used"}).connect()
		if err := s.store.CreateClient(t.Context(), storage.Client{ID: "made", CreatedAt: s.clock.Now(), Origin: storage.OriginOperator}); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(8 * 24 * time.Hour)
		s.register(map[string]any{"client_name": "Young"})
		b := s.administrator()
		b.visit("/admin/apps/prune").shows(t, http.StatusOK, "No app that old was never used")
		p := b.visit("/admin/apps/prune?days=7")
		p.shows(t, http.StatusOK, "2 of the apps", "Old unused", "Old, used meanwhile", "1 that an administrator")
		if strings.Contains(p.Body, "Young") || strings.Contains(p.Body, "Old used") {
			t.Error("the preview shows what stays")
		}
		late.connect()
		b.submit(p, nil).shows(t, http.StatusOK, "Young", "made")
		s.by(storage.EventClientDeleted, s.lastEvent(storage.EventSessionOpened).UserID)
		all := b.visit("/admin/apps")
		all.shows(t, http.StatusOK, "Young", "Old used", "Old, used meanwhile", "made")
		if strings.Contains(all.Body, "Old unused") {
			t.Error("it is still there")
		}
	})
}
