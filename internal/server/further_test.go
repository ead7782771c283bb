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
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	furtherText = "It knows this app’s ID from another address"
	furtherPath = "http://127.0.0.1:1/other"
	mismatched  = "The redirect URI does not match"
)

// readopted is a client that a user let in under its old ID.
func (s *site) readopted() *client {
	s.Helper()
	c := s.dead(deadID, loopbackRedirect)
	b := s.browser()
	tokensOf(s, c.exchange(b.submit(b.signIn(c), approve).target(s, c.redirect).Get("code")))
	return c
}

// TestFurtherRedirect: a readopted client comes with a redirect URI that it does not have. The
// user is asked, and what they approve is for their grant: the client stays as it is, and the
// next user is asked again. It begins at one replica and ends at another.
func TestFurtherRedirect(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), readopting(oauth.ReadoptKnown))
		first := s.readopted()
		before := s.row(t, deadID)
		for _, redirect := range []string{furtherPath, "https://claude.ai/api/mcp/auth_callback"} {
			c, b := s.dead(deadID, redirect), s.browser()
			s.unchanged(t, func() {
				s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
				b.visit(c.authorizePath()).shows(t, http.StatusOK, "Sign in")
			})
			consent := b.signIn(c)
			consent.shows(t, http.StatusOK, "Not verified by this server", furtherText, hostOf(redirect))
			b.moveTo(s.replica(func(*server.Config) {}))
			code := b.submit(consent, approve).target(t, redirect).Get("code")
			c.exchange(code, url.Values{"redirect_uri": {first.redirect}}).want(t, http.StatusBadRequest, "invalid_grant")
			got := tokensOf(t, c.exchange(code))
			got = tokensOf(t, c.refresh(got.refresh))
			s.wantAccess(t, got.access, true)
			s.browser().signIn(c).shows(t, http.StatusOK, furtherText)
			if after := s.row(t, deadID); after != before {
				t.Errorf("the client's row changed from %s to %s", before, after)
			}
			wantFurther(t, s, redirect)
			tokensOf(t, first.exchange(b.submit(b.signIn(first), approve).target(t, first.redirect).Get("code")))
		}
	})
}

// wantFurther fails the test unless the newest event of its type is about this redirect URI.
func wantFurther(t *testing.T, s *site, redirect string) {
	t.Helper()
	events, err := s.store.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventClientReadopted}, 1)
	if err != nil || len(events) != 1 || events[0].Detail != redirect || events[0].GrantID == "" || events[0].UserID == "" || events[0].Actor != storage.ActorPerson {
		t.Errorf("events %+v, %v", events, err)
	}
}

// row is a client's row, byte for byte.
func (s *site) row(t testing.TB, id string) string {
	t.Helper()
	return dbtest.Value[string](t, s.sql, "SELECT CAST(value AS TEXT) FROM oauth_clients WHERE key = 'mcp-oauth-proxy-clients:"+id+"'")
}

// TestFurtherRedirectRefused: 9700-02. No one is asked about a redirect URI that no unknown
// client could have, or about one of a client that registered, here or at FastMCP, or that
// anyone could have written.
func TestFurtherRedirectRefused(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptKnown))
	s.readopted()
	policy, err := oauth.NewRegistrationPolicy(oauth.RegistrationClosed, nil)
	if err != nil {
		t.Fatal(err)
	}
	closed := s.replica(func(c *server.Config) { c.Registration = policy })
	off := s.replica(func(c *server.Config) { c.Readopt.Mode = oauth.ReadoptOff })
	plain := s.putClient("plain", func(b []byte) []byte { return b }, map[string]any{fastmcp.ExtraMember: map[string]any{"redirect_uris": []string{loopbackRedirect}}})
	fastMCP := s.putClient("theirs", s.sealed, nil)
	operators := s.dead("operators", loopbackRedirect)
	if err := s.store.CreateClient(t.Context(), operatorsClient(operators)); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		at           *site
		id, redirect string
	}{
		"website":              {s, deadID, "https://evil.example/cb"},
		"plain http":           {s, deadID, "http://evil.example/cb"},
		"script":               {s, deadID, "javascript:alert(1)"},
		"host that looks like": {s, deadID, "http://127.0.0.1.evil.example/cb"},
		"readoption off":       {off, deadID, furtherPath},
		"registration closed":  {closed, deadID, furtherPath},
		"registered here":      {s, s.register().id, furtherPath},
		"registered there":     {s, fastMCP.id, furtherPath},
		"row that is plain":    {s, plain.id, furtherPath},
		"operator's":           {s, operators.id, furtherPath},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dead(tt.id, tt.redirect)
			s.unchanged(t, func() {
				tt.at.browser().visit(c.authorizePath()).shows(t, http.StatusBadRequest, mismatched)
				tt.at.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_request")
			})
		})
	}
}

// operatorsClient is what an operator registered, in place of a client.
func operatorsClient(c *client) storage.Client {
	reg := oauth.UnreadRegistration(parsed(c.redirect))
	return storage.Client{ID: c.id, Client: reg.Client, Origin: storage.OriginOperator}
}

// TestFurtherRedirectErrors: 9700-02, 9700-10. Nothing is sent to a further redirect URI
// before the user has decided, whatever is wrong with the request.
func TestFurtherRedirectErrors(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptOpen))
	s.readopted()
	c := s.dead(deadID, "https://evil.example/cb")
	s.browser().visit(c.authorizePath()).shows(t, http.StatusOK, "Sign in")
	for name, change := range map[string]url.Values{
		"no PKCE":        {"code_challenge": nil},
		"response type":  {"response_type": {"token"}},
		"foreign target": {"resource": {"https://other.example/"}},
		"repeated":       {"state": {"a", "b"}},
		"two addresses":  {"redirect_uri": {"https://evil.example/cb", "https://evil.example/cb"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() {
				for _, h := range []header{asProgram, asBrowser, {}} {
					a := s.get(c.authorizePath(change), h)
					if a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" || strings.Contains(a.Body, "evil.example") {
						t.Errorf("%d to %q: %s", a.Status, a.Header.Get("Location"), a.brief())
					}
				}
			})
		})
	}
}

// TestFurtherRedirectMeanwhile: what was true when the user was asked is looked at again when
// they approve.
func TestFurtherRedirectMeanwhile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, s *site, b *browser)
		want   string
	}{
		"turned off": {func(_ *testing.T, s *site, b *browser) {
			b.moveTo(s.replica(func(c *server.Config) { c.Readopt.Mode = oauth.ReadoptOff }))
		}, mismatched},
		"deleted": {func(t *testing.T, s *site, _ *browser) {
			if err := s.store.DeleteClient(t.Context(), deadID, s.clock.Now()); err != nil {
				t.Error(err)
			}
		}, notRegistered},
		"registered by an operator": {func(t *testing.T, s *site, _ *browser) {
			c := s.dead(deadID, loopbackRedirect)
			if err := s.store.DeleteClient(t.Context(), c.id, s.clock.Now()); err != nil {
				t.Error(err)
			}
			if err := s.store.CreateClient(t.Context(), operatorsClient(c)); err != nil {
				t.Error(err)
			}
		}, mismatched},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, readopting(oauth.ReadoptKnown))
			s.readopted()
			b := s.browser()
			consent := b.signIn(s.dead(deadID, furtherPath))
			consent.shows(t, http.StatusOK, furtherText)
			tt.change(t, s, b)
			s.unchanged(t, func() { b.submit(consent, approve).shows(t, http.StatusBadRequest, tt.want) })
		})
	}
}

// TestFurtherRedirectIsAsked: a redirect URI that was the client's when the user was asked, and is
// a further one when they approve, is not theirs to approve: the page did not say so.
func TestFurtherRedirectIsAsked(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptKnown))
	first, second := s.readopted(), s.dead(deadID, furtherPath)
	one, other := s.browser(), s.browser()
	consent := one.signIn(first)
	if err := s.store.DeleteClient(t.Context(), deadID, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	other.submit(other.signIn(second), approve).target(t, second.redirect)
	s.unchanged(t, func() { one.submit(consent, approve).shows(t, http.StatusBadRequest, mismatched) })
	one.signIn(first).shows(t, http.StatusOK, furtherText)
}

// TestReadoptedBySomeoneElse: two users bring the same unknown ID with redirect URIs of their
// own, and one is first: before the other approves, or in the middle of it. Both get in, and
// the client has the redirect URI of the first.
func TestReadoptedBySomeoneElse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		for name, inTheMiddle := range map[string]bool{"before": false, "in the middle": true} {
			t.Run(name, func(t *testing.T) {
				s, gh := gitHubSite(t, on(e), readopting(oauth.ReadoptKnown))
				first, second := s.dead(deadID, loopbackRedirect), s.dead(deadID, furtherPath)
				one, other := s.browser(), s.browser()
				atOne, atOther := one.upTo(first, gh), other.upTo(second, gh)
				var code string
				readopt := func() { code = one.at(atOne).target(t, first.redirect).Get("code") }
				if inTheMiddle {
					s.store.Store = &interruptedStore{Store: s.store.Store, before: readopt}
				} else {
					readopt()
				}
				got := tokensOf(t, second.exchange(other.at(atOther).target(t, second.redirect).Get("code")))
				s.wantAccess(t, got.access, true)
				wantFurther(t, s, second.redirect)
				s.wantAccess(t, tokensOf(t, first.exchange(code)).access, true)
				c, err := s.store.Client(t.Context(), deadID)
				if err != nil || len(c.RedirectURIs) != 1 || c.RedirectURIs[0] != first.redirect {
					t.Errorf("redirect URIs %q, %v", c.RedirectURIs, err)
				}
			})
		}
	})
}

// interruptedStore has something else happen right before a sign-in is finished.
type interruptedStore struct {
	storage.Store
	before func()
	once   sync.Once
}

func (i *interruptedStore) FinishAuthorization(ctx context.Context, c storage.Completion, now time.Time) (storage.Request, error) {
	first := false
	i.once.Do(func() { first = true }) // what happens then finishes one as well
	if first {
		i.before()
	}
	return i.Store.FinishAuthorization(ctx, c, now)
}

// TestFurtherRedirectName: the page shows the app as one with that redirect URI, and what the
// client is called on record is a claim.
func TestFurtherRedirectName(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptKnown))
	c := s.dead(deadID, "https://chatgpt.com/connector/oauth/a1B2")
	b := s.browser()
	tokensOf(t, c.exchange(b.submit(b.signIn(c), approve).target(t, c.redirect).Get("code")))
	c.redirect = furtherPath
	if p := b.signIn(c); strings.Contains(p.Body, "ChatGPT") {
		t.Errorf("an app at %s is shown as ChatGPT\n%s", c.redirect, p.brief())
	}
}
