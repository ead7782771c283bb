package server_test

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// unfinishable is a store in which sign-ins cannot be finished, or answers not be kept,
// for a while.
type unfinishable struct {
	storage.Store
	finish, keep  atomic.Bool // unavailable
	kept, refused atomic.Int64
}

func (u *unfinishable) FinishAuthorization(ctx context.Context, c storage.Completion, now time.Time) (storage.Request, error) {
	if u.finish.Load() {
		return storage.Request{}, storage.ErrUnavailable
	}
	return u.Store.FinishAuthorization(ctx, c, now)
}

func (u *unfinishable) KeepAnswer(ctx context.Context, id string, b storage.Hash, a *storage.SignInAnswer, now time.Time) error {
	if u.keep.Load() {
		u.refused.Add(1)
		return storage.ErrUnavailable
	}
	defer u.kept.Add(1)
	return u.Store.KeepAnswer(ctx, id, b, a, now)
}

// waitFor waits until something happened.
func waitFor(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for began := time.Now(); !happened(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("waited too long for " + what)
		}
	}
}

// TestAnswerIsKept: what the provider said, which it says once, outlives a database in
// which the sign-in cannot be finished: "try again" is true, here and on other replicas.
func TestAnswerIsKept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ unstored, elsewhere bool }{
		"stored": {}, "not stored yet": {unstored: true}, "on another replica": {elsewhere: true},
		"stored later, on another replica": {unstored: true, elsewhere: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := gitHubSite(t)
			away := &unfinishable{Store: s.store.sound}
			away.finish.Store(true)
			away.keep.Store(tt.unstored)
			s.store.Store = away
			c := s.register()
			b := s.browser()
			target := b.upTo(c, gh)
			for range 2 {
				b.at(target).shows(t, http.StatusServiceUnavailable, "Nothing was lost. Try again in a moment")
			}
			if tt.unstored {
				waitFor(t, "a second attempt to store the answer", func() bool { return away.refused.Load() > 1 })
			}
			away.finish.Store(false)
			if tt.elsewhere {
				away.keep.Store(false)
				waitFor(t, "the answer to be stored", func() bool { return away.kept.Load() > 0 })
				b.moveTo(s.replica(func(*server.Config) {}))
			}
			got := tokensOf(t, c.exchange(b.settled(target).target(t, c.redirect).Get("code")))
			s.wantAccess(t, got.access, true)
			if n := gh.Calls(renewals); n != 1 {
				t.Errorf("GitHub was asked %d times with one code", n)
			}
			tokensOf(t, c.refresh(got.refresh)) // the provider's token was kept as well
		})
	}
}

// TestAskedElsewhere: while another replica asks the provider, no one else does with the
// same code, and one that died is waited for no longer than it may take.
func TestAskedElsewhere(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c := s.register()
	b := s.browser()
	target := b.upTo(c, gh)
	a, err := s.store.AuthorizationByState(t.Context(), storage.HashOf(target.Query().Get("state")), s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.AskAboutSignIn(t.Context(), a.ID, a.Browser, s.clock.Now().Add(20*time.Second), s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	p := b.at(target)
	p.shows(t, http.StatusServiceUnavailable, "Try again in a moment")
	if p.Header.Get("Retry-After") == "" || gh.Calls(renewals) != 0 {
		t.Errorf("Retry-After %q, GitHub was asked %d times", p.Header.Get("Retry-After"), gh.Calls(renewals))
	}
	s.clock.advance(20 * time.Second)
	s.wantAccess(t, tokensOf(t, c.exchange(b.at(target).target(t, c.redirect).Get("code"))).access, true)
}

// TestNoClaimNoQuestion: a database that takes no write costs the user nothing: the
// provider is not asked, whose code is good once.
func TestNoClaimNoQuestion(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c := s.register()
	b := s.browser()
	target := b.upTo(c, gh)
	s.store.Store = readOnly{s.store.sound}
	b.at(target).shows(t, http.StatusServiceUnavailable, "Nothing was lost")
	if n := gh.Calls(renewals); n != 0 {
		t.Errorf("GitHub was asked %d times", n)
	}
	s.store.recover()
	s.wantAccess(t, tokensOf(t, c.exchange(b.at(target).target(t, c.redirect).Get("code"))).access, true)
}

// readOnly is a store that cannot write sign-ins.
type readOnly struct{ storage.Store }

func (readOnly) AskAboutSignIn(context.Context, string, storage.Hash, time.Time, time.Time) error {
	return storage.ErrUnavailable
}

// TestKeptAnswerIsChecked: a user who was taken off the lists while their answer was kept
// does not get in with it.
func TestKeptAnswerIsChecked(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	away := &unfinishable{Store: s.store.sound}
	away.finish.Store(true)
	s.store.Store = away
	c := s.register()
	b := s.browser()
	target := b.upTo(c, gh)
	b.at(target).shows(t, http.StatusServiceUnavailable, "Nothing was lost")
	for began := time.Now(); away.kept.Load() == 0 && time.Since(began) < time.Minute; {
		time.Sleep(time.Millisecond)
	}
	away.finish.Store(false)
	b.moveTo(s.replica(func(cfg *server.Config) { cfg.Policy = identity.Policy{Users: []string{"someone-else"}} }))
	b.at(target).shows(t, http.StatusForbidden, "This account may not sign in")
	if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_grants"); n != 0 {
		t.Errorf("%d grants", n)
	}
}

// TestBrowserHungUp: a browser that hangs up while the provider is asked spends no code: when
// it comes again, it is signed in with the answer of then.
func TestBrowserHungUp(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	c := s.register()
	b := s.browser()
	target := b.upTo(c, gh)
	gh.SetSlow(200 * time.Millisecond)
	ctx, hangUp := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer hangUp()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range b.http.Jar.Cookies(target) {
		req.AddCookie(cookie)
	}
	s.send(req)
	gh.SetSlow(0)
	s.wantAccess(t, tokensOf(t, c.exchange(b.settled(target).target(t, c.redirect).Get("code"))).access, true)
	if n := gh.Calls(renewals); n != 1 {
		t.Errorf("GitHub was asked %d times with one code", n)
	}
}

// settled is at, once the request before has let go of the sign-in: until then the page asks
// to try again in a moment.
func (b *browser) settled(u *url.URL) page {
	p := b.at(u)
	for began := time.Now(); p.Status == http.StatusServiceUnavailable && time.Since(began) < 10*time.Second; p = b.at(u) {
		time.Sleep(20 * time.Millisecond)
	}
	return p
}
