package server_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// evict removes what a flood evicts: clients that no one used, and sign-ins at a provider.
func (s *site) evict() {
	s.Helper()
	dbtest.Exec(s, s.sql, "DELETE FROM oauth_clients WHERE unused_since IS NOT NULL")
	dbtest.Exec(s, s.sql, "DELETE FROM mcpkeep_authorizations WHERE user_id IS NULL")
	dbtest.Exec(s, s.sql, "DELETE FROM mcpkeep_events WHERE type = 'client_registered'")
	s.clock.advance(time.Second) // beyond what replicas remember
}

// TestEvictedMeanwhile: whatever is evicted while a page is open or the user is at the
// provider, the sign-in ends well, and the client is what it was.
func TestEvictedMeanwhile(t *testing.T) {
	t.Parallel()
	secret := map[string]any{"token_endpoint_auth_method": "client_secret_post", "client_name": "Evicted", "redirect_uris": []string{"https://a.example/cb"}}
	used := func(t *testing.T, c *client, back page) {
		t.Helper()
		got := tokensOf(t, c.exchange(back.target(t, c.redirect).Get("code")))
		c.s.wantAccess(t, got.access, true)
		if a := c.s.managed(http.MethodGet, c.id, c.manage, ""); a.Status != http.StatusOK || !strings.Contains(a.Body, "Evicted") {
			t.Errorf("the registration: %d %s", a.Status, a.Body)
		}
		wrong := c.refresh(got.refresh, url.Values{"client_secret": {"wrong"}})
		wrong.want(t, http.StatusUnauthorized, "invalid_client")
		tokensOf(t, c.refresh(got.refresh))
	}
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("local", func(t *testing.T) {
			s := start(t, on(e))
			c, b := s.register(secret), s.browser()
			b.visit(c.authorizePath())
			s.evict()
			s.browser().visit(c.authorizePath()).shows(t, http.StatusBadRequest, "not registered")
			p := b.visit(c.authorizePath()) // loaded again
			s.evict()
			p = b.submit(p, url.Values{"password": {"wrong"}})
			p.shows(t, http.StatusForbidden, "The password is incorrect")
			p = b.submit(p, enter)
			p.shows(t, http.StatusOK, "Evicted")
			s.evict()
			used(t, c, b.submit(p, approve))
		})
		t.Run("github", func(t *testing.T) {
			s, gh := gitHubSite(t, on(e))
			c, b := s.register(secret), s.browser()
			p := b.visit(c.authorizePath())
			s.evict()
			still := *b
			still.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			at := gh.Authorize(t, still.submit(p, approve).Header.Get("Location"))
			s.evict()
			s.browser().at(at).shows(t, http.StatusBadRequest, "This sign-in has expired") // another browser
			used(t, c, b.at(at))
			b.at(at).shows(t, http.StatusOK, "This sign-in is complete")
		})
		t.Run("while the provider is asked", func(t *testing.T) {
			s, gh := gitHubSite(t, on(e))
			c, b := s.register(secret), s.browser()
			at := b.upTo(c, gh)
			s.store.Store = &evictingStore{Store: s.store.Store, s: s}
			used(t, c, b.at(at))
		})
		t.Run("canceled", func(t *testing.T) {
			s, gh := gitHubSite(t, on(e))
			c, b := s.register(), s.browser()
			at := b.upTo(c, gh)
			s.evict()
			q := at.Query()
			at.RawQuery = url.Values{"state": q["state"], "error": {"access_denied"}}.Encode()
			if got := b.at(at).target(t, c.redirect).Get("error"); got != "access_denied" {
				t.Errorf("got %q", got)
			}
			if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_authorizations"); n != 0 {
				t.Error("a sign-in that no one completed is stored")
			}
			s.wantRefusals(c, 1)
			for range storage.LimitedEvents + 3 { // the browser may come back as often as it likes
				b.at(at).target(t, c.redirect)
			}
			s.wantRefusals(c, storage.LimitedEvents)
		})
	})
}

// evictingStore evicts right before a sign-in is finished.
type evictingStore struct {
	storage.Store
	s    *site
	once sync.Once
}

func (e *evictingStore) FinishAuthorization(ctx context.Context, c storage.Completion, now time.Time) (storage.Request, error) {
	e.once.Do(func() { dbtest.Exec(e.s, e.s.sql, "DELETE FROM mcpkeep_authorizations WHERE user_id IS NULL") })
	return e.Store.FinishAuthorization(ctx, c, now)
}

// TestDeletedMeanwhile: what was deleted, and not evicted, stays so.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	s := start(t)
	web := map[string]any{"redirect_uris": []string{"https://a.example/cb"}}
	first, second := s.register(web), s.register(web)
	b := s.browser()
	p, consent := b.visit(first.authorizePath()), b.signIn(second)
	first.manageDelete(t)
	second.manageDelete(t)
	s.clock.advance(time.Second)
	b.submit(p, enter).shows(t, http.StatusBadRequest, "This app is not registered")
	b.submit(consent, approve).shows(t, http.StatusBadRequest, "This app is not registered")
	if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM oauth_clients"); n != 0 {
		t.Errorf("%d clients are there", n)
	}
}

// TestForeignRegistration: a page cannot bring a client that this server did not put there.
func TestForeignRegistration(t *testing.T) {
	t.Parallel()
	s := start(t)
	web := map[string]any{"redirect_uris": []string{"https://a.example/cb"}}
	c, other := s.register(web), s.register(web)
	b := s.browser()
	p := b.visit(c.authorizePath())
	_, fields := b.visit(other.authorizePath()).form(t)
	s.evict()
	for _, carried := range []string{"", "x", "x.y", fields.Get("registration")} {
		b.submit(p, url.Values{"registration": {carried}, "password": {password}}).shows(t, http.StatusBadRequest, "This app is not registered")
	}
	s.clock.advance(30 * time.Minute)
	b.submit(p, enter).shows(t, http.StatusBadRequest, "This app is not registered")
}
