package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// userOf returns the ID of a token's user.
func (s *site) userOf(t testing.TB, token string) string {
	t.Helper()
	access, err := s.store.Access(t.Context(), storage.HashOf(token), s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return access.User.ID
}

func (s *site) disable(t testing.TB, user string) {
	t.Helper()
	if _, err := s.store.DisableUser(t.Context(), user, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestDisabledPerson: guarantee 4. A disabled user loses access immediately, with
// access and refresh token, and does not get in again: the page says why, and
// leads back to the app.
func TestDisabledPerson(t *testing.T) {
	t.Parallel()
	s, _ := gitHubSite(t)
	c := s.register()
	got := s.connectAs(c)
	user := s.userOf(t, got.access)
	s.disable(t, user)
	s.wantAccess(t, got.access, false)
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	p := s.browser().approveAt(c)
	p.shows(t, http.StatusForbidden, "an administrator of this server has disabled this account")
	p.shows(t, http.StatusForbidden, "octocat")
	link := p.links(t)["Return to the app"]
	if !strings.HasPrefix(link, c.redirect+"?error=access_denied&") || !strings.Contains(link, "state=state-of-the-client") {
		t.Errorf("back to the app by %q", link)
	}
	if err := s.store.EnableUser(t.Context(), user, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.wantAccess(t, got.access, false)
	s.wantAccess(t, s.connectAs(c).access, true)
}

// TestDisabledOwner: the same for the local password.
func TestDisabledOwner(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := c.connect()
	s.disable(t, s.userOf(t, got.access))
	s.wantAccess(t, got.access, false)
	b := s.browser()
	p := b.submit(b.signIn(c), approve)
	p.shows(t, http.StatusForbidden, "an administrator of this server has disabled this account")
	if link := p.link(t); !strings.HasPrefix(link, c.redirect+"?error=access_denied&") {
		t.Errorf("back to the app by %q", link)
	}
}
