package server_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// TestRecheckAtRefresh: AS-25, C8. Only a definite no ends a session.
func TestRecheckAtRefresh(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		event func(*githubtest.Server)
		ends  bool
	}{
		"AS-25 removed from the organization": {func(gh *githubtest.Server) { gh.SetOrgs("octocat", "a", "b", "c") }, true},
		"AS-25 token revoked at GitHub":       {func(gh *githubtest.Server) { gh.RevokeTokens("octocat") }, true},
		"AS-25 suspended":                     {func(gh *githubtest.Server) { gh.Suspend("octocat", true) }, true},
		"AS-25 account deleted":               {func(gh *githubtest.Server) { gh.DeleteUser("octocat") }, true},
		"renamed":                             {func(gh *githubtest.Server) { gh.RenameUser("octocat", "tentacle") }, false},
		"C8 down":                             {func(gh *githubtest.Server) { gh.SetFault(githubtest.ServiceUnavailable) }, false},
		"C8 reset":                            {func(gh *githubtest.Server) { gh.SetFault(githubtest.ConnectionReset) }, false},
		"C8 a page":                           {func(gh *githubtest.Server) { gh.SetFault(githubtest.HTMLPage) }, false},
		"C8 truncated":                        {func(gh *githubtest.Server) { gh.SetFault(githubtest.Truncated) }, false},
		"C8 rate limit":                       {func(gh *githubtest.Server) { gh.SetFault(githubtest.PrimaryRateLimit) }, false},
		"C8 secondary rate limit":             {func(gh *githubtest.Server) { gh.SetFault(githubtest.SecondaryRateLimit) }, false},
		"C8 slow":                             {func(gh *githubtest.Server) { gh.SetSlow(10 * time.Second) }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := gitHubSite(t)
			c := s.register()
			got := s.connectAs(c)
			tt.event(gh)
			a := c.refresh(got.refresh)
			if tt.ends {
				a.want(t, http.StatusBadRequest, "invalid_grant")
				s.wantAccess(t, got.access, false)
				c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
				return
			}
			s.wantAccess(t, tokensOf(t, a).access, true)
		})
	}
}

// TestListsGrow: an operator who lists organizations or addresses later signs out no one
// whom the lists name otherwise, although GitHub has not granted for the tokens on
// record what is asked for now.
func TestListsGrow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		policy identity.Policy
		ends   bool
	}{
		"an organization in addition to the list": {identity.Policy{Users: []string{"listed"}, Orgs: []string{"acme"}}, false},
		"an administrator by address":             {identity.Policy{Users: []string{"listed"}, Admins: []string{"root@example.com"}}, false},
		"an organization in place of it":          {identity.Policy{Orgs: []string{"acme"}}, true},
		"a domain in place of it":                 {identity.Policy{Domains: []string{"example.com"}}, true},
		"someone else in place of it":             {identity.Policy{Users: []string{"octocat"}}, true},
		"the list with an additional address":     {identity.Policy{Users: []string{"listed", "root@example.com"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gh := githubtest.New(t)
			gh.AddUser(githubtest.User{ID: 9, Login: "listed", Orgs: []string{"b"}})
			gh.SignInAs("listed")
			s := start(t, onGitHub(gh, identity.Policy{Users: []string{"listed"}}, time.Second))
			c := s.register()
			got := s.connectAs(c)
			c.s = s.replica(func(config *server.Config) {
				set := &setup{Config: *config}
				onGitHub(gh, tt.policy, time.Second)(set)
				config.Provider, config.Policy = set.Provider, set.Policy
			})
			a := c.refresh(got.refresh)
			if tt.ends {
				a.want(t, http.StatusBadRequest, "invalid_grant")
				return
			}
			c.s.wantAccess(t, tokensOf(t, a).access, true)
		})
	}
}

// TestManyConnections: GitHub keeps ten tokens of a person; an eleventh app
// must not end the first one's session.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	s, _ := gitHubSite(t)
	c := s.register()
	first := s.connectAs(c)
	for range githubtest.TokensPerUser + 1 {
		s.connectAs(c)
	}
	tokensOf(t, c.refresh(first.refresh))
}

// TestOtherProvider: sessions of a provider that is no longer configured end.
func TestOtherProvider(t *testing.T) {
	t.Parallel()
	s, _ := gitHubSite(t)
	c := s.register()
	got := s.connectAs(c)
	local := *c
	local.s = s.replica(func(cfg *server.Config) { cfg.Provider = identity.Local{} })
	local.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	s.wantAccess(t, got.access, false)
}

// TestRenewedTokens: GitHub Apps' tokens expire and rotate. Each new one is
// kept, also when GitHub gives it and then does not say whose it is.
func TestRenewedTokens(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	gh.SetTokenLifetime(30 * time.Second) // renewed at every refresh
	c := s.register()
	got := s.connectAs(c)
	for _, fault := range []githubtest.Fault{githubtest.Healthy, githubtest.PrimaryRateLimit, githubtest.Healthy, githubtest.Healthy} {
		gh.SetFault(fault)
		got = tokensOf(t, c.refresh(got.refresh))
		s.clock.advance(githubtest.RateLimitReset)
	}
	s.wantAccess(t, got.access, true)
	if calls := gh.Calls("/login/oauth/access_token"); calls != 5 {
		t.Errorf("GitHub's token endpoint was called %d times", calls)
	}
}

// somebodyElse is a provider whose tokens have changed hands.
type somebodyElse struct{ identity.RedirectProvider }

func (u somebodyElse) Recheck(ctx context.Context, token identity.Token) (identity.Person, identity.Token, error) {
	p, token, err := u.RedirectProvider.Recheck(ctx, token)
	p.Subject += "0"
	return p, token, err
}

// TestAnotherAccount: A14. Another account of the same login is another person.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	s, _ := gitHubSite(t)
	c := s.register()
	got := s.connectAs(c)
	changed := *c
	changed.s = s.replica(func(cfg *server.Config) { cfg.Provider = somebodyElse{cfg.Provider.(identity.RedirectProvider)} })
	changed.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	s.wantAccess(t, got.access, false)
}
