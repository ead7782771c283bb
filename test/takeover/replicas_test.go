//go:build takeover

package takeover_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestFirstUses: of 64 parallel first uses of a session, access and refresh tokens mixed, at
// three processes, one asks GitHub, one makes the grant, and all are served.
func TestFirstUses(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			r := leave(t, engine)
			r.options.Env = append(r.options.Env, "MCPKEEP_BASE_URL=http://127.0.0.1:9") // the same of all
			s := r.signIn()
			var servers []string
			for range 3 {
				servers = append(servers, harness.Start(t, r.options).URL)
			}
			asked, renewals := r.gh.Calls("/user"), r.gh.Calls("/login/oauth/access_token")
			var all sync.WaitGroup
			successors := make(chan string, 64)
			for i := range 64 {
				all.Go(func() {
					at := servers[i%len(servers)]
					if i%2 == 0 {
						if got := call(t, at, s.Access); got.status != http.StatusOK {
							t.Errorf("the access token gets %d", got.status)
						}
						return
					}
					got := refresh(t, at, s.Refresh, oldClient)
					if got.status != http.StatusOK {
						t.Errorf("the refresh token gets %d %s", got.status, got.tokens.Error)
					}
					successors <- got.tokens.Refresh
				})
			}
			all.Wait()
			close(successors)
			different := map[string]bool{}
			for token := range successors {
				different[token] = true
			}
			asked, renewals = r.gh.Calls("/user")-asked, r.gh.Calls("/login/oauth/access_token")-renewals
			grants := r.count("SELECT COUNT(*) FROM mcpkeep_grants")
			t.Logf("64 first uses: %d grants, %d questions, %d renewals, %d pairs of tokens", grants, asked, renewals, len(different))
			if grants != 1 || asked != 1 || renewals > 1 || len(different) != 1 {
				t.Error("want one grant, one question, one renewal at most, and one successor")
			}
		})
	}
}

// TestGitHubAway: while GitHub is unreachable during the switch, clients are told to come
// again, and no one is signed out.
func TestGitHubAway(t *testing.T) {
	t.Parallel()
	r := leave(t, harness.Engines()[0])
	r.gh.SetTokenLifetime(8 * time.Hour)
	var sessions []fastmcptest.Session
	for range 20 {
		sessions = append(sessions, r.signIn())
	}
	r.gh.SetFault(githubtest.ServiceUnavailable)
	keep := harness.Start(t, r.options)
	away := harness.Outage(t, 10*time.Second)
	told := 0
	for end := time.Now().Add(away); time.Now().Before(end); time.Sleep(time.Second) {
		for _, s := range sessions {
			for _, got := range []outcome{call(t, keep.URL, s.Access), refresh(t, keep.URL, s.Refresh, oldClient)} {
				if told++; got.status != http.StatusServiceUnavailable || !got.later {
					t.Fatalf("got %d %s while GitHub is away", got.status, got.tokens.Error)
				}
			}
		}
	}
	r.gh.SetFault(githubtest.Healthy)
	for _, s := range sessions {
		served(t, keep.URL, s, time.Minute)
	}
	t.Logf("GitHub was away for %v: %d requests were told to come again, and all of %d sessions continue", away, told, len(sessions))
}

// served fails the test unless a session's tokens work within a time.
func served(t *testing.T, server string, s fastmcptest.Session, within time.Duration) {
	t.Helper()
	var a, b outcome
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		a = call(t, server, s.Access)
		if a.status == http.StatusOK {
			b = refresh(t, server, s.Refresh, oldClient)
		}
		if b.status == http.StatusOK {
			return
		}
	}
	t.Errorf("a session is lost: %d, %d %s", a.status, b.status, b.tokens.Error)
}
