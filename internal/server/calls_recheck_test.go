package server_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// longTokens gives access tokens the life that they have by default.
func longTokens(set *setup) {
	set.Lifetimes.AccessToken, set.Lifetimes.RefreshToken = 12*time.Hour, 90*24*time.Hour
}

// replicas are three servers on one database, each with its own memory.
func (s *site) replicas() []*site {
	s.Helper()
	same := func(*server.Config) {}
	return []*site{s, s.replica(same), s.replica(same)}
}

// everywhere waits until each replica answers a call with the token with status.
func everywhere(t *testing.T, replicas []*site, token string, status int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for _, r := range replicas {
		for r.call(token).Status != status {
			if time.Now().After(deadline) {
				t.Fatalf("a replica does not answer %d", status)
			}
			r.clock.advance(100 * time.Millisecond) // the caches' time
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// TestLeaverIsOut: AS-18, AS-25. Someone who left is out a moment after the recheck is
// due, on every replica, although their access token lives on.
func TestLeaverIsOut(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*githubtest.Server){
		"removed from the organization": func(gh *githubtest.Server) { gh.SetOrgs("octocat", "a") },
		"token revoked at GitHub":       func(gh *githubtest.Server) { gh.RevokeTokens("octocat") },
		"suspended":                     func(gh *githubtest.Server) { gh.Suspend("octocat", true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := gitHubSite(t, longTokens)
			replicas, c := s.replicas(), s.register()
			got, other := s.connectAs(c), s.connectAs(s.register())
			leave(gh)
			s.clock.advance(time.Hour - time.Second)
			for _, r := range replicas {
				r.wantAccess(t, got.access, true)
			}
			s.clock.advance(time.Second)
			everywhere(t, replicas, got.access, http.StatusUnauthorized)
			everywhere(t, replicas, other.access, http.StatusUnauthorized) // the person is out, not one app
			c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
		})
	}
}

// TestLeaverComesBackLate: no call of someone who left goes through after a break, as
// none did when a token lived for an hour.
func TestLeaverComesBackLate(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, longTokens)
	got := s.connectAs(s.register())
	gh.SetOrgs("octocat", "a")
	s.clock.advance(2 * time.Hour)
	s.wantAccess(t, got.access, false)
}

// TestCallsAskOnce: calls of a day on three replicas ask the provider once for each
// time that it is due.
func TestCallsAskOnce(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, longTokens)
	replicas, got := s.replicas(), s.connectAs(s.register())
	before := gh.Calls("/user")
	for range 60 {
		s.clock.advance(10 * time.Minute)
		for _, r := range replicas {
			r.wantAccess(t, got.access, true)
		}
		time.Sleep(30 * time.Millisecond) // in the background
	}
	if n := gh.Calls("/user") - before; n < 8 || n > 20 { // 180 calls; on a machine under load some meet before the answer is stored
		t.Errorf("asked %d times in ten hours", n)
	}
}

// TestCallsDoNotWait: C8. A provider that is away or slow fails no call
// within the grace period. After it calls are told to come back, and continue when the
// provider answers.
func TestCallsDoNotWait(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*githubtest.Server){
		"down":  func(gh *githubtest.Server) { gh.SetFault(githubtest.ServiceUnavailable) },
		"reset": func(gh *githubtest.Server) { gh.SetFault(githubtest.ConnectionReset) },
		"slow":  func(gh *githubtest.Server) { gh.SetSlow(10 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := gitHubSite(t, longTokens, func(set *setup) { set.Lifetimes.ProviderGrace = 5 * time.Hour })
			got := s.connectAs(s.register())
			fail(gh)
			for _, later := range []time.Duration{time.Hour, time.Second, 30 * time.Minute, 3 * time.Hour} {
				s.clock.advance(later)
				began := time.Now()
				s.wantAccess(t, got.access, true)
				if took := time.Since(began); took > time.Second {
					t.Errorf("a call took %v", took)
				}
				for failed := int64(0); failed == 0; time.Sleep(10 * time.Millisecond) {
					failed = dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_grants WHERE provider_retry_at IS NOT NULL")
				}
			}
			s.clock.advance(time.Hour)
			a := s.call(got.access)
			a.want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
			if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 {
				t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
			}
			gh.SetFault(githubtest.Healthy)
			gh.SetSlow(0)
			s.clock.advance(time.Hour) // whatever it asked to wait
			s.wantAccess(t, got.access, true)
		})
	}
}

// TestOnlyRefreshesAsk: with a period of zero, calls never ask.
func TestOnlyRefreshesAsk(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, longTokens, func(set *setup) { set.Lifetimes.Recheck = 0 })
	c := s.register()
	got := s.connectAs(c)
	gh.SetOrgs("octocat", "a")
	s.clock.advance(11 * time.Hour)
	s.wantAccess(t, got.access, true)
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
}

// TestSeparateResourceAsksBeside: introspection follows the rule of calls.
func TestSeparateResourceAsksBeside(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, longTokens)
	rs := s.resourceServer(separate)
	got := s.connectAs(s.register(), url.Values{"resource": {separate}})
	gh.SetOrgs("octocat", "a")
	s.clock.advance(time.Hour - time.Second)
	if a := rs.introspect(got.access); a.member("aud") != separate {
		t.Fatalf("not due yet: %s", a.Body)
	}
	s.clock.advance(2 * time.Second)
	deadline := time.Now().Add(5 * time.Second)
	for a := rs.introspect(got.access); strings.Contains(a.Body, `"active":true`); a = rs.introspect(got.access) {
		if time.Now().After(deadline) {
			t.Fatal("still active")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestRecheckOnEachEngine: the provider's state is read with the token on both engines.
func TestRecheckOnEachEngine(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s, gh := gitHubSite(t, longTokens, on(e))
		got := s.connectAs(s.register())
		gh.RevokeTokens("octocat")
		s.clock.advance(time.Hour)
		everywhere(t, s.replicas(), got.access, http.StatusUnauthorized)
	})
}
