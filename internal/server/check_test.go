package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// renewals is the path at which GitHub renews tokens.
const renewals = "/login/oauth/access_token"

// oneTimeSite is a site at a GitHub whose tokens expire and are good for one
// renewal, which every refresh needs. A machine under load makes no answer late.
func oneTimeSite(t *testing.T, options ...func(*setup)) (*site, *githubtest.Server) {
	t.Helper()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{ID: 7, Login: "octocat"})
	gh.SignInAs("octocat")
	gh.SetTokenLifetime(30 * time.Second)
	on := onGitHub(gh, identity.Policy{Users: []string{"octocat"}}, time.Minute)
	return start(t, append([]func(*setup){on}, options...)...), gh
}

// provider is what the store knows of the provider's answers.
func (c *client) provider(t testing.TB, refresh string) storage.ProviderState {
	t.Helper()
	grant, _, err := c.s.store.RefreshGrant(t.Context(), storage.HashOf(refresh), c.id, c.s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return grant.Provider
}

// finished waits until no question to the provider is under way.
func (c *client) finished(t testing.TB, refresh string) {
	t.Helper()
	for began := time.Now(); !c.provider(t, refresh).CheckUntil.IsZero(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("the check never finished")
		}
	}
}

// TestOneQuestion: C9. Of concurrent refreshes, by two apps of a person at two replicas,
// one asks the provider; the next one asks again.
func TestOneQuestion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s, gh := oneTimeSite(t, on(e))
		apps := []*client{s.register(), s.register()}
		got := []tokens{s.connectAs(apps[0]), s.connectAs(apps[1])}
		elsewhere := s.replica(func(*server.Config) {})
		gh.SetSlow(time.Second) // so that all have begun when the answer comes
		before, askedBefore := gh.Calls(renewals), gh.Calls("/user")
		answers := make([]answer, rivals)
		var all sync.WaitGroup
		for i := range answers {
			c := *apps[i%2]
			if i/2%2 == 1 {
				c.s = elsewhere
			}
			all.Go(func() { answers[i] = c.refresh(got[i%2].refresh) })
		}
		all.Wait()
		if n, asked := gh.Calls(renewals)-before, gh.Calls("/user")-askedBefore; n != 1 || asked != 1 {
			t.Errorf("%d renewals and %d questions, want one", n, asked)
		}
		gh.SetSlow(0)
		late := 0
		for i, a := range answers {
			if a.Status == http.StatusServiceUnavailable { // a slow machine: the client comes again
				answers[i], late = served(func() answer { return apps[i%2].refresh(got[i%2].refresh) }), late+1
			}
		}
		for i, a := range answers {
			next := tokensOf(t, a)
			if want := tokensOf(t, answers[i%2]); next != want {
				t.Errorf("refresh %d has another successor", i)
			}
			if i < 2 {
				s.wantAccess(t, next.access, true)
				tokensOf(t, apps[i].refresh(next.refresh))
			}
		}
		if n := gh.Calls(renewals) - before; n < 3 || n > 3+late {
			t.Errorf("%d renewals after two more refreshes, want 3, and at most %d more", n, late)
		}
	})
}

// TestRepeatAsks: a repeated refresh asks the provider like any other; a token that is
// reused too late ends the grant whatever the provider says.
func TestRepeatAsks(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c := s.register()
	got := s.connectAs(c)
	next := tokensOf(t, c.refresh(got.refresh))
	before := gh.Calls("/user")
	if again := tokensOf(t, c.refresh(got.refresh)); again != next || gh.Calls("/user") != before+1 {
		t.Errorf("another successor, or %d questions, want one", gh.Calls("/user")-before)
	}
	gh.SetOrgs("octocat")
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	s.wantAccess(t, next.access, false)

	gh.SetOrgs("octocat", "acme")
	got = s.connectAs(c)
	s.wantAccess(t, tokensOf(t, c.refresh(got.refresh)).access, true)
	s.clock.advance(2 * time.Minute)
	before = gh.Calls("/user")
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	if n := gh.Calls("/user") - before; n != 0 {
		t.Errorf("%d questions about a token that was reused too late", n)
	}
}

// wrongSecret is a provider that an operator has to fix.
func wrongSecret(gh *githubtest.Server) { gh.ClientSecret = "another" }

// TestProviderGrace: C8. Without the provider a session continues for the grace
// period. After that a refresh has to wait, and loses nothing.
func TestProviderGrace(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*githubtest.Server){
		"down":          func(gh *githubtest.Server) { gh.SetFault(githubtest.ServiceUnavailable) },
		"reset":         func(gh *githubtest.Server) { gh.SetFault(githubtest.ConnectionReset) },
		"a page":        func(gh *githubtest.Server) { gh.SetFault(githubtest.HTMLPage) },
		"misconfigured": wrongSecret,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := oneTimeSite(t)
			c := s.register()
			got := s.connectAs(c)
			secret := gh.ClientSecret
			fail(gh)
			for range 2 {
				s.clock.advance(12*time.Hour - time.Second)
				got = tokensOf(t, c.refresh(got.refresh))
			}
			s.clock.advance(2 * time.Second)
			for range 2 {
				c.refresh(got.refresh).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
			}
			s.call(got.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable") // calls wait as well
			gh.SetFault(githubtest.Healthy)
			gh.ClientSecret = secret
			s.clock.advance(5 * time.Second)
			next := tokensOf(t, c.refresh(got.refresh))
			if again := tokensOf(t, c.refresh(got.refresh)); again != next {
				t.Error("the token had been spent before")
			}
			gh.SetFault(githubtest.ServiceUnavailable)
			s.clock.advance(23 * time.Hour)
			s.wantAccess(t, tokensOf(t, c.refresh(next.refresh)).access, true)
		})
	}
}

// TestNoProviderGrace: a period of zero is none.
func TestNoProviderGrace(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, func(set *setup) { set.Lifetimes.ProviderGrace = 0 })
	c := s.register()
	got := s.connectAs(c)
	s.clock.advance(time.Second)
	gh.SetFault(githubtest.ServiceUnavailable)
	c.refresh(got.refresh).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	s.clock.advance(5 * time.Second)
	gh.SetFault(githubtest.Healthy)
	s.wantAccess(t, tokensOf(t, c.refresh(got.refresh)).access, true)
}

// TestProviderRest: a provider that asks for time gets it, and so does one that
// failed without a word.
func TestProviderRest(t *testing.T) {
	t.Parallel()
	for fault, rest := range map[githubtest.Fault]time.Duration{
		githubtest.PrimaryRateLimit: githubtest.RateLimitReset, githubtest.SecondaryRateLimit: githubtest.RateLimitReset,
		githubtest.ServiceUnavailable: 5 * time.Second,
	} {
		t.Run(fmt.Sprint(fault), func(t *testing.T) {
			t.Parallel()
			s, gh := gitHubSite(t, func(set *setup) { set.Lifetimes.ProviderGrace = time.Minute })
			c := s.register()
			got := s.connectAs(c)
			gh.SetFault(fault)
			got = tokensOf(t, c.refresh(got.refresh))
			asked := gh.Calls("/user")
			s.clock.advance(rest - 2*time.Second) // GitHub's clock continues meanwhile
			a := c.refresh(got.refresh)
			if rest < time.Minute {
				got = tokensOf(t, a)
			} else if a.want(t, http.StatusServiceUnavailable, "temporarily_unavailable"); a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if n := gh.Calls("/user") - asked; n != 0 {
				t.Errorf("asked %d times before its time", n)
			}
			gh.SetFault(githubtest.Healthy)
			s.clock.advance(2 * time.Second)
			s.wantAccess(t, tokensOf(t, c.refresh(got.refresh)).access, true)
			if n := gh.Calls("/user") - asked; n != 1 {
				t.Errorf("asked %d times when it was time", n)
			}
		})
	}
}

// TestRetryAfterOfProvider: a refresh that has to wait is told how long.
func TestRetryAfterOfProvider(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t, func(set *setup) { set.Lifetimes.ProviderGrace = 0 })
	c := s.register()
	got := s.connectAs(c)
	gh.SetFault(githubtest.SecondaryRateLimit)
	s.clock.advance(time.Second)
	for _, want := range []string{"90", "60", "30"} {
		if a := c.refresh(got.refresh); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != want {
			t.Errorf("%d with Retry-After %q, want %s", a.Status, a.Header.Get("Retry-After"), want)
		}
		s.clock.advance(30 * time.Second)
	}
}

// TestRefusedEverywhere: AS-25. Someone who left loses access to all apps immediately.
func TestRefusedEverywhere(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c, app := s.register(), s.register()
	got, other := s.connectAs(c), s.connectAs(app)
	pending := s.browser().approveAt(app).target(t, app.redirect).Get("code")
	gh.SignInAs("listed")
	listed := s.connectAs(app)
	s.wantAccess(t, other.access, true)
	gh.SetOrgs("octocat", "a")
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	for _, token := range []string{got.access, other.access} {
		s.wantAccess(t, token, false)
	}
	app.refresh(other.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	app.exchange(pending).want(t, http.StatusBadRequest, "invalid_grant")
	s.wantAccess(t, tokensOf(t, app.refresh(listed.refresh)).access, true)
	events := dbtest.Value[int64](t, s.sql, `SELECT COUNT(*) FROM mcpkeep_events WHERE type = 'grant_revoked' AND actor = 'client'
		AND reference <> '' AND detail LIKE '%allowed organization%'`)
	if events != 3 || strings.Contains(s.dump(), "octocat") {
		t.Errorf("%d events, want one for each grant, without a name", events)
	}
}

// TestDeadReplica: a replica began to ask the provider and died.
func TestDeadReplica(t *testing.T) {
	t.Parallel()
	for name, spent := range map[string]bool{"before the provider renewed its token": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := oneTimeSite(t)
			c := s.register()
			got := s.connectAs(c)
			p := c.provider(t, got.refresh)
			check := storage.ProviderCheck{GrantID: p.GrantID, ID: "dead", Until: s.clock.Now().Add(30 * time.Second)}
			if err := s.store.StartProviderCheck(t.Context(), check, s.clock.Now()); err != nil {
				t.Fatal(err)
			}
			if spent {
				s.renewAtGitHub(t, p.Token)
			}
			before, began := gh.Calls(renewals), time.Now()
			got = tokensOf(t, c.refresh(got.refresh))
			if took := time.Since(began); took < 3*time.Second || took > 8*time.Second || gh.Calls(renewals) != before {
				t.Errorf("took %v, GitHub was asked %d times", took, gh.Calls(renewals)-before)
			}
			for range 2 { // within the grace period
				s.clock.advance(10 * time.Hour)
				got = tokensOf(t, c.refresh(got.refresh))
			}
			s.clock.advance(4 * time.Hour)
			a := c.refresh(got.refresh)
			if !spent {
				s.wantAccess(t, tokensOf(t, a).access, true)
				return
			}
			a.want(t, http.StatusBadRequest, "invalid_grant")
			s.wantAccess(t, got.access, false)
			got = s.connectAs(c)
			s.wantAccess(t, tokensOf(t, c.refresh(got.refresh)).access, true)
		})
	}
}

// TestDoubtEndsWithSignIn: a new sign-in anywhere brings a token without doubt, for
// all apps.
func TestDoubtEndsWithSignIn(t *testing.T) {
	t.Parallel()
	s, _ := oneTimeSite(t)
	c, app := s.register(), s.register()
	got := s.connectAs(c)
	s.renewAtGitHub(t, c.provider(t, got.refresh).Token)
	s.connectAs(app)
	for range 3 {
		s.clock.advance(20 * time.Hour)
		got = tokensOf(t, c.refresh(got.refresh))
	}
}

// renewAtGitHub spends a token as someone does who then loses the new one.
func (s *site) renewAtGitHub(t testing.TB, sealed []byte) {
	t.Helper()
	token, err := identity.DecodeToken(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if _, renewed, err := s.config.Provider.(identity.RedirectProvider).Recheck(t.Context(), token); err != nil || renewed == token {
		t.Fatalf("GitHub renewed nothing: %v", err)
	}
}

// TestHungUp: the client hung up while the provider was asked. What the provider
// gave is kept.
func TestHungUp(t *testing.T) {
	t.Parallel()
	s, gh := oneTimeSite(t, func(set *setup) { set.Lifetimes.ProviderGrace = time.Hour })
	c := s.register()
	got := s.connectAs(c)
	gh.SetSlow(time.Second)
	ctx, hangUp := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer hangUp()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/token", strings.NewReader(c.refreshForm(got.refresh).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.send(req).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	c.finished(t, got.refresh)
	gh.SetSlow(0)
	s.clock.advance(2 * time.Hour) // the grace period is over
	before := gh.Calls(renewals)
	s.wantAccess(t, tokensOf(t, c.refresh(got.refresh)).access, true)
	if n := gh.Calls(renewals) - before; n != 1 {
		t.Errorf("%d renewals, want one by the token that was kept", n)
	}
}

// TestSlowProvider: an answer that no one waited for any more is kept and counts.
func TestSlowProvider(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{"confirmed": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := oneTimeSite(t)
			c := s.register()
			got := s.connectAs(c)
			gh.SetSlow(3 * time.Second) // each of two requests
			if refused {
				gh.Suspend("octocat", true)
			}
			began := time.Now()
			next := tokensOf(t, c.refresh(got.refresh))
			if took := time.Since(began); took > 5500*time.Millisecond {
				t.Errorf("the client had to wait %v", took)
			}
			if refused {
				for s.call(next.access).Status == http.StatusOK && time.Since(began) < time.Minute {
					s.clock.advance(time.Second)
					time.Sleep(20 * time.Millisecond)
				}
				s.wantAccess(t, next.access, false)
				return
			}
			c.finished(t, next.refresh)
			gh.SetSlow(0)
			s.wantAccess(t, tokensOf(t, c.refresh(next.refresh)).access, true)
		})
	}
}

// awayAfterwards is a store whose database goes away while the provider is asked.
type awayAfterwards struct {
	storage.Store
	failures atomic.Int64
}

func (a *awayAfterwards) FinishProviderCheck(
	ctx context.Context, c storage.ProviderCheck, answer storage.ProviderAnswer, now time.Time,
) error {
	if a.failures.Add(-1) >= 0 {
		return storage.ErrUnavailable
	}
	return a.Store.FinishProviderCheck(ctx, c, answer, now)
}

// TestAnswerOutlivesOutage: the provider's answer is kept when the database is back.
func TestAnswerOutlivesOutage(t *testing.T) {
	t.Parallel()
	s, gh := oneTimeSite(t)
	c := s.register()
	got := s.connectAs(c)
	away := &awayAfterwards{Store: s.store.sound}
	away.failures.Store(4)
	s.store.Store = away
	next := tokensOf(t, c.refresh(got.refresh))
	if n := gh.Calls(renewals); n != 2 || away.failures.Load() >= 0 {
		t.Errorf("%d calls of the token endpoint, want the sign-in's and one renewal", n)
	}
	s.wantAccess(t, tokensOf(t, c.refresh(next.refresh)).access, true)
}

// TestCheckErrors: a defect is a defect, and does not hold up others.
func TestCheckErrors(t *testing.T) {
	t.Parallel()
	s, _ := oneTimeSite(t)
	s.defects = true
	c := s.register()
	got := s.connectAs(c)
	p := c.provider(t, got.refresh)
	check := storage.ProviderCheck{GrantID: p.GrantID, ID: "defect", Until: s.clock.Now().Add(time.Second)}
	for _, err := range []error{
		s.store.StartProviderCheck(t.Context(), check, s.clock.Now()),
		s.store.FinishProviderCheck(t.Context(), check, storage.ProviderAnswer{Token: []byte("no token")}, s.clock.Now()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		began := time.Now()
		c.refresh(got.refresh, url.Values{}).want(t, http.StatusInternalServerError, "server_error")
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
	}
	s.wantAccess(t, got.access, true)
}
