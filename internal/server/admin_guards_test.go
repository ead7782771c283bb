package server_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// session returns the cookie of the browser's session.
func (b *browser) session() string {
	b.s.Helper()
	for _, c := range b.http.Jar.Cookies(&url.URL{Scheme: "https", Host: "keep.example.com", Path: "/"}) {
		if c.Name == "__Host-mcpkeep-session" {
			return c.Value
		}
	}
	b.s.Fatal("no session")
	return ""
}

// TestAdminDismissed: a form that was open changes nothing once its user is no administrator.
func TestAdminDismissed(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	s.config.Policy.Admins = []string{"listed"}
	s.serve()
	c := s.register()
	got := s.connectAs(c)
	gh.SignInAs("listed")
	b := s.browser()
	b.submit(b.visit("/admin/apps"), nil).shows(t, http.StatusOK, c.id)
	ask, register := b.visit("/admin/apps/delete?client="+c.id), b.visit("/admin/apps/register")
	b.moveTo(s.replica(func(c *server.Config) { c.Policy.Admins = []string{"octocat"} }))
	s.unchanged(t, func() {
		b.submit(ask, nil).shows(t, http.StatusForbidden, "not an administrator", "Nothing was changed")
		b.submit(register, url.Values{"name": {"x"}, "redirect_uris": {"https://x.example/cb"}, "auth_method": {"none"}}).
			shows(t, http.StatusForbidden, "not an administrator")
	})
	s.wantAccess(t, got.access, true)
}

// TestAdminOwnAccount: no form disables the administrator who sends it, also not one that they
// made themselves.
func TestAdminOwnAccount(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.administrator()
	owner := s.lastEvent(storage.EventSessionOpened).UserID
	const path = "/admin/people/disable"
	fields := url.Values{"user": {owner}, "csrf": {server.CSRF(b.session(), path+"?user="+owner)}}
	b.open(http.MethodPost, base+path, fields).shows(t, http.StatusConflict, "This is your own account", "Nothing was changed")
	b.visit("/admin/people").shows(t, http.StatusOK, "Sign out")
}

// TestAdminPrunesNothingYoung: no form deletes apps that may be about to sign their users in.
func TestAdminPrunesNothingYoung(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.register()
	b := s.administrator()
	const path = "/admin/apps/prune"
	for _, before := range []string{strconv.FormatInt(s.clock.Now().Unix(), 10), "99999999999", "x", ""} {
		fields := url.Values{"before": {before}}
		subject := path
		if before != "" {
			subject += "?before=" + before
		}
		fields.Set("csrf", server.CSRF(b.session(), subject))
		s.unchanged(t, func() { b.open(http.MethodPost, base+path, fields).shows(t, http.StatusBadRequest, "no such page") })
	}
}

// TestAdminEndsToken: an administrator sees a token for a script among the connections, by its
// name and end, and ends it.
func TestAdminEndsToken(t *testing.T) {
	t.Parallel()
	s := start(t, withTokens(server.PersonalOn))
	b := s.administrator()
	token := b.makeToken()
	s.wantAccess(t, token, true)
	p := b.visit("/admin/connections")
	p.shows(t, http.StatusOK, "Token “nightly” for a script", "Ends", "21 February 2027")
	b.submit(b.visit(p.links(t)["End access"]), nil).shows(t, http.StatusOK, "There is no such connection.")
	s.wantAccess(t, token, false)
}
