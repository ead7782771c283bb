package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// refusedLogins returns whose sign-ins were refused, the newest first; "" for no one knows.
func (s *site) refusedLogins() (logins []string) {
	s.Helper()
	events, err := s.store.EventsBefore(s.Context(), storage.EventFilter{Type: storage.EventSignInRefused}, "", 100)
	if err == nil {
		err = s.store.DescribeRefused(s.Context(), events)
	}
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range events {
		who := ""
		if e.Account != nil {
			who = e.Account.Login + " " + e.Account.Subject + " " + e.Account.Email
		}
		logins = append(logins, who)
	}
	return logins
}

// TestRefusedAccount: an administrator sees who was refused, for an app and at a page. It is
// neither in the database nor in the log, and no one else's page has it.
func TestRefusedAccount(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		gh := githubtest.New(t)
		gh.AddUser(githubtest.User{ID: 7, Login: "octocat"})
		gh.AddUser(githubtest.User{ID: 9, Login: "listed"})
		s := start(t, on(e), onGitHub(gh, identity.Policy{
			Users: []string{"octocat", "listed", "by-address@acme.example"}, Admins: []string{"octocat"}, // so that GitHub is asked for addresses
		}, 1500*time.Millisecond))
		gh.AddUser(githubtest.User{ID: 66, Login: "intruder", Name: "Mx. Intruder", Primary: "intruder@elsewhere.example", PrimaryVerified: true})
		gh.SignInAs("intruder")
		c := s.register()
		s.browser().approveAt(c).shows(t, http.StatusForbidden, "may not sign in")
		b := s.browser()
		b.submit(b.visit("/connections"), nil).shows(t, http.StatusForbidden, "may not sign in")
		b.submit(b.visit("/admin"), nil).shows(t, http.StatusForbidden, "may not sign in")
		gh.SetDenying(true)
		s.browser().approveAt(c)
		gh.SetDenying(false)
		who := "intruder 66 intruder@elsewhere.example"
		if got := s.refusedLogins(); !slices.Equal(got, []string{"", who, who, who}) {
			t.Errorf("refused: %q", got)
		}
		gh.SignInAs("octocat")
		admin := s.browser()
		admin.submit(admin.visit("/admin"), nil).shows(t, http.StatusOK, "Administration")
		admin.visit("/admin/events?type=sign_in_refused").shows(t, http.StatusOK, "intruder", "Mx. Intruder", "intruder@elsewhere.example", "66")
		mine := admin.visit("/connections")
		gh.SignInAs("listed")
		other := s.browser()
		his := other.submit(other.visit("/connections"), nil)
		his.shows(t, http.StatusOK, "Signed in as")
		for place, text := range map[string]string{
			"the database": s.dump(), "the log": s.log.String(), "an administrator's own connections": mine.Body, "someone else's": his.Body,
		} {
			if strings.Contains(text, "ntruder") {
				t.Errorf("%s shows who was refused", place)
			}
		}
		dbtest.Exec(t, s.sql, "UPDATE mcpkeep_refused_accounts SET account = 'damaged'")
		admin.visit("/admin/events").shows(t, http.StatusOK, "cannot be decrypted")
	})
}

// TestRefusedAtConsent: who leaves the list between the provider's answer and the approval is
// known as well.
func TestRefusedAtConsent(t *testing.T) {
	t.Parallel()
	w := takeOver(t)
	w.gh.SetTokenLifetime(8 * time.Hour)
	f, b := w.depart(), w.browser()
	p := b.at(f.atGitHub("octocat"))
	p.shows(t, http.StatusOK, "wants to connect")
	b.moveTo(w.replica(func(c *server.Config) { c.Policy.Users, c.Policy.Orgs = []string{"someone"}, nil }))
	b.submit(p, approve).shows(t, http.StatusForbidden, "may not sign in")
	if got := w.refusedLogins(); !slices.Equal(got, []string{"octocat 7 "}) {
		t.Errorf("refused: %q", got)
	}
}

// TestRefusedPassword: a wrong password belongs to no account of a provider.
func TestRefusedPassword(t *testing.T) {
	t.Parallel()
	s := start(t)
	c, b := s.register(), s.browser()
	p := b.visit(c.authorizePath())
	b.submit(p, url.Values{"password": {"wrong"}}).shows(t, http.StatusForbidden, "The password is incorrect")
	if got := s.refusedLogins(); !slices.Equal(got, []string{""}) {
		t.Errorf("a wrong password keeps the account %q", got)
	}
}
