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

// returnTokens gives tokens back and returns how many.
func (s *site) returnTokens(t testing.TB) int {
	t.Helper()
	srv, err := server.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	n, err := srv.ReturnTokens(t.Context(), 10)
	if err != nil {
		t.Error(err)
	}
	return n
}

// TestReturnTokens: 7009-05. With the person's last grant the provider's token ends,
// here and at the provider.
func TestReturnTokens(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c, app := s.register(), s.register()
	first, second := s.connectAs(c), s.connectAs(app)
	app.revoke(second.refresh).want(t, http.StatusOK, "")
	if n := s.returnTokens(t); n != 0 || gh.Tokens("octocat") != 2 {
		t.Errorf("%d tokens returned while an app is connected, %d left", n, gh.Tokens("octocat"))
	}
	first = tokensOf(t, c.refresh(first.refresh)) // by the token of the revoked grant
	c.revoke(first.refresh).want(t, http.StatusOK, "")
	if n := s.returnTokens(t); n != 1 || gh.Tokens("octocat") != 1 {
		t.Errorf("%d tokens returned after the last grant, %d left of two sign-ins", n, gh.Tokens("octocat"))
	}
	if s.returnTokens(t) != 0 {
		t.Error("a token was returned twice")
	}
}

// TestReturnTokensInVain: a token goes, whatever the provider says.
func TestReturnTokensInVain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*site, *githubtest.Server){
		"down":           func(_ *site, gh *githubtest.Server) { gh.SetFault(githubtest.ServiceUnavailable) },
		"gone":           func(_ *site, gh *githubtest.Server) { gh.DeleteUser("octocat") },
		"other provider": func(s *site, _ *githubtest.Server) { s.config.Provider = identity.Local{} },
		"expired":        func(s *site, _ *githubtest.Server) { s.clock.advance(24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := gitHubSite(t)
			c := s.register()
			got := s.connectAs(c)
			if name != "expired" {
				c.revoke(got.refresh).want(t, http.StatusOK, "")
			}
			change(s, gh)
			if n := s.returnTokens(t); n != 1 || s.returnTokens(t) != 0 {
				t.Errorf("%d tokens were taken", n)
			}
			if warned := strings.Contains(s.log.String(), "could not revoke a token"); warned != (name == "down") {
				t.Errorf("warned: %t", warned)
			}
		})
	}
}
