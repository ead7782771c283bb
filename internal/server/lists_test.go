package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// TestOperatorsNo: a user who is taken off the lists is out at the next call, refresh or
// introspection, with all connections, whether or not GitHub answers.
func TestOperatorsNo(t *testing.T) {
	t.Parallel()
	faults := map[string]githubtest.Fault{
		"healthy": githubtest.Healthy, "rate limit": githubtest.PrimaryRateLimit,
		"secondary rate limit": githubtest.SecondaryRateLimit, "down": githubtest.ServiceUnavailable,
	}
	for name, ask := range map[string]func(*testing.T, *client, tokens){
		"call": func(t *testing.T, c *client, got tokens) { c.s.wantAccess(t, got.access, false) },
		"refresh": func(t *testing.T, c *client, got tokens) {
			c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
		},
		"introspection": func(t *testing.T, c *client, got tokens) { c.introspect(got.access).wantInactive(t) },
	} {
		for what, fault := range faults {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				s, gh := gitHubSite(t, longTokens)
				c, other := s.registerWithSecret(), s.register()
				got, others := s.connectAs(c), s.connectAs(other)
				gh.SetFault(fault)
				other.refresh(others.refresh) // GitHub says when to ask again
				before := gh.Calls("/user")
				c.s = s.replica(func(cfg *server.Config) { cfg.Policy = identity.Policy{Users: []string{"listed"}} })
				ask(t, c, got)
				s.clock.advance(time.Second)
				s.wantAccess(t, got.access, false)
				other.refresh(others.refresh).want(t, http.StatusBadRequest, "invalid_grant")
				if n := gh.Calls("/user") - before; n != 0 {
					t.Errorf("GitHub was asked %d times", n)
				}
			})
		}
	}
}

// TestOwnLimitShortensGrace: a user whose requests use up what GitHub allows their account
// stays no longer than until the next question, here and at other replicas.
func TestOwnLimitShortensGrace(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, longTokens, func(set *setup) { set.Lifetimes.ProviderGrace = 24 * time.Hour })
	c := s.register()
	got := s.connectAs(c)
	gh.SetFault(githubtest.PrimaryRateLimit)
	got = tokensOf(t, c.refresh(got.refresh))
	s.clock.advance(time.Hour) // the default of MCPKEEP_RECHECK
	for _, r := range s.replicas() {
		r.call(got.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
		c.s = r
		c.refresh(got.refresh).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	gh.SetFault(githubtest.Healthy)
	s.clock.advance(time.Hour)
	s.wantAccess(t, tokensOf(t, c.refresh(got.refresh)).access, true)
}

// TestAdministratorOfAnotherProvider: a login counts only from the provider that is
// configured now: at the one before, it may have been someone else's.
func TestAdministratorOfAnotherProvider(t *testing.T) {
	t.Parallel()
	s, _ := gitHubSite(t, longTokens)
	got := s.connectAs(s.register())
	admins := identity.Policy{Users: []string{"octocat"}, Admins: []string{"octocat"}}
	isAdmin := func(change func(*server.Config)) bool {
		r := s.replica(func(c *server.Config) { c.Policy = admins; change(c) })
		a := r.callTool(got.access, "whoami", "{}")
		a.want(t, http.StatusOK, "")
		return strings.Contains(a.Body, `"admin":true`)
	}
	if !isAdmin(func(*server.Config) {}) {
		t.Fatal("octocat is no administrator at the same provider")
	}
	other := githubtest.New(t)
	if isAdmin(func(c *server.Config) { // before the next question ends the connection
		provider, err := identity.NewGitHub(identity.GitHubConfig{
			ClientID: other.ClientID, ClientSecret: other.ClientSecret, URL: other.URL, APIURL: other.APIURL,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Provider = provider
	}) {
		t.Error("octocat of another provider is an administrator")
	}
}
