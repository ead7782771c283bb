package server_test

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// longLived lets refresh tokens live for longer than an answer can be repeated.
func longLived(set *setup) { set.Lifetimes.RefreshToken = 90 * 24 * time.Hour }

// TestLostAnswer: C-05. A client that lost the answer to a refresh gets it again for a day, at
// any replica, with another access token once that has expired; then the family ends.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), longLived)
		c := s.register()
		first := c.connect()
		lost := tokensOf(t, c.refresh(first.refresh))
		elsewhere := *c
		elsewhere.s = s.replica(func(*server.Config) {})
		s.clock.advance(time.Hour - time.Second)
		if again := tokensOf(t, elsewhere.refresh(first.refresh)); again != lost {
			t.Error("a retry after an hour got other tokens")
		}
		s.clock.advance(time.Second)
		renewed := tokensOf(t, elsewhere.refresh(first.refresh))
		if renewed.refresh != lost.refresh || renewed.access == lost.access {
			t.Error("once the access token has expired, a retry gets the same refresh token and another access token")
		}
		if again := tokensOf(t, c.refresh(first.refresh)); again != renewed {
			t.Error("two retries got different tokens")
		}
		s.clock.advance(23*time.Hour - time.Second)
		last := tokensOf(t, c.refresh(first.refresh))
		s.clock.advance(time.Second)
		c.refresh(first.refresh).want(t, http.StatusBadRequest, "invalid_grant")
		s.wantAccess(t, last.access, false)
		c.refresh(last.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	})
}

// TestFirstUse: C5, 9700-04. Whatever shows that the answer has arrived starts the window of
// its repeat, at whichever replica.
func TestFirstUse(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(t *testing.T, c *client, gh *githubtest.Server, got tokens){
		"a call": func(t *testing.T, c *client, _ *githubtest.Server, got tokens) { c.s.wantAccess(t, got.access, true) },
		"introspection": func(t *testing.T, c *client, _ *githubtest.Server, got tokens) {
			if a := c.introspect(got.access); a.Status != http.StatusOK {
				t.Errorf("introspection: %d %s", a.Status, a.Body)
			}
		},
		"introspection by another client": func(t *testing.T, c *client, _ *githubtest.Server, got tokens) {
			c.s.registerWithSecret().introspect(got.access).wantInactive(t)
		},
		"a refresh": func(t *testing.T, c *client, _ *githubtest.Server, got tokens) { tokensOf(t, c.refresh(got.refresh)) },
		"a refresh for another resource": func(t *testing.T, c *client, _ *githubtest.Server, got tokens) {
			c.refresh(got.refresh, url.Values{"resource": {"https://other.example/"}}).want(t, http.StatusBadRequest, "invalid_target")
		},
		"a refresh that the provider does not confirm": func(t *testing.T, c *client, gh *githubtest.Server, got tokens) {
			gh.SetFault(githubtest.ServiceUnavailable)
			c.s.clock.advance(2 * time.Hour)
			c.refresh(got.refresh).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
			gh.SetFault(githubtest.Healthy)
		},
		"revocation of the access token": func(t *testing.T, c *client, _ *githubtest.Server, got tokens) {
			c.revoke(got.access).want(t, http.StatusOK, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, gh := gitHubSite(t)
			s.config.Lifetimes.RefreshToken, s.config.Lifetimes.ProviderGrace = 90*24*time.Hour, time.Hour
			s.serve()
			c := s.registerWithSecret()
			first := s.connectAs(c)
			second := tokensOf(t, c.refresh(first.refresh))
			elsewhere := *c
			elsewhere.s = s.replica(func(*server.Config) {})
			use(t, &elsewhere, gh, second)
			s.clock.advance(2*time.Minute - time.Second)
			tokensOf(t, c.refresh(first.refresh))
			s.clock.advance(time.Second)
			c.refresh(first.refresh).want(t, http.StatusBadRequest, "invalid_grant")
			s.wantAccess(t, second.access, false)
		})
	}
}

// usesStore counts the first uses that are to be recorded, and may fail to.
type usesStore struct {
	storage.Store
	failure error
	uses    atomic.Int64
}

func (u *usesStore) UseTokens(ctx context.Context, refresh storage.Hash, now time.Time) error {
	u.uses.Add(1)
	if u.failure != nil {
		return u.failure
	}
	return u.Store.UseTokens(ctx, refresh, now)
}

// TestFirstUseUnwritable: while a first use cannot be recorded no response
// depends on it, so that a repeat never follows a use that is not known.
func TestFirstUseUnwritable(t *testing.T) {
	t.Parallel()
	s := start(t, longLived)
	c := s.registerWithSecret()
	first := c.connect()
	second := tokensOf(t, c.refresh(first.refresh))
	uses := &usesStore{Store: s.store.sound, failure: storage.ErrUnavailable}
	s.store.Store = uses
	for range 2 {
		s.call(second.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
		c.introspect(second.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	other := url.Values{"resource": {"https://other.example/"}}
	c.refresh(second.refresh, other).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	s.fail() // the token was seen lately, but not used
	s.call(second.access).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	uses.failure, s.store.Store = nil, uses
	s.clock.advance(2 * time.Minute)
	if again := tokensOf(t, c.refresh(first.refresh)); again.refresh != second.refresh {
		t.Error("no one used the successor, but a retry got another one")
	}
	s.wantAccess(t, second.access, true)
	s.clock.advance(2 * time.Minute)
	c.refresh(first.refresh).want(t, http.StatusBadRequest, "invalid_grant")
}

// TestFirstUseOnce: a first use is written once for each access token and process, not for
// each call, and never for the tokens of a code.
func TestFirstUseOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	first := c.connect()
	uses := &usesStore{Store: s.store.sound}
	s.store.Store = uses
	call := func(token string, want int64) {
		for range 5 {
			s.wantAccess(t, token, true)
			s.clock.advance(time.Second) // the answers of the database are asked for again
		}
		if got := uses.uses.Load(); got != want {
			t.Errorf("%d writes of a first use, want %d", got, want)
		}
	}
	call(first.access, 0)
	second := tokensOf(t, c.refresh(first.refresh))
	call(second.access, 1)
	call(tokensOf(t, c.refresh(second.refresh)).access, 2)
}
