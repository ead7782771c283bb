package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// gapGrace is the provider's grace in the tests of the gap.
const gapGrace = 2 * time.Hour

func withGrace(set *setup) { set.Lifetimes.ProviderGrace = gapGrace }

// spend uses up the provider's refresh token of a session's row, as a process does that dies
// before it stores the answer.
func (w *takeover) spend(s fastmcptest.Session) {
	w.Helper()
	w.gh.Advance(time.Hour) // its access token is over
	row := w.session(s.ID)
	provider, _ := w.config.Provider.(identity.RedirectProvider)
	_, token, err := provider.Recheck(w.Context(), identity.Token{
		Issuer: provider.Issuer(), AccessToken: row.AccessToken, RefreshToken: row.RefreshToken, Expiry: time.Unix(1, 0),
	})
	if err != nil || token.RefreshToken == row.RefreshToken {
		w.Fatalf("the token was not renewed: %v", err)
	}
	w.log.secret(token.AccessToken, token.RefreshToken)
}

// TestAdoptionGap: a process dies between GitHub's answer to a refresh token that is good once
// and the commit, before the session is taken over. Who it is is not known then, so that its
// client is told to come again, and never that its tokens are bad, until the grace is over.
// After that the user signs in once.
func TestAdoptionGap(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := takeOver(t, on(e), withGrace)
		w.gh.SetTokenLifetime(30 * time.Second)
		s := w.signIn("octocat")
		died := storage.Adoption{SessionID: s.ID, ID: "ad_died", Until: w.clock.Now().Add(30 * time.Second)}
		if _, err := w.store.StartAdoption(t.Context(), died, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		w.spend(s)
		for range 3 {
			w.clock.advance(31 * time.Second)
			for what, a := range map[string]answer{"call": w.call(s.Access), "refresh": w.client.refresh(s.Refresh)} {
				if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
					t.Fatalf("within the grace, a %s gets %d %s", what, a.Status, a.Body)
				}
			}
		}
		if n := w.events(storage.EventAdoptionRefused); n > 0 {
			t.Errorf("%d refusals within the grace", n)
		}
		w.clock.advance(gapGrace)
		w.present(t, "refresh", s, true)
		w.present(t, "access", s, true)
		if n := w.events(storage.EventAdoptionRefused); n != 1 {
			t.Errorf("%d events after the grace, want 1", n)
		}
	})
}

// TestAdoptionGapFilled: if FastMCP still runs and has the new token, the session is taken
// over with that, within the grace.
func TestAdoptionGapFilled(t *testing.T) {
	t.Parallel()
	w := takeOver(t, withGrace)
	w.gh.SetTokenLifetime(30 * time.Second)
	s := w.signIn("octocat")
	died := storage.Adoption{SessionID: s.ID, ID: "ad_died", Until: w.clock.Now().Add(30 * time.Second)}
	if _, err := w.store.StartAdoption(t.Context(), died, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.spend(s)
	w.clock.advance(31 * time.Second)
	if a := w.client.refresh(s.Refresh); a.Status != http.StatusServiceUnavailable {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	w.gh.SetTokenLifetime(8 * time.Hour)
	w.put(fastmcp.RowKey(fastmcp.SessionCollection, s.ID),
		w.python.Row(t, fastmcptest.UpstreamSet(s.ID, w.client.id, w.upstream("octocat"), w.clock.Now())))
	w.clock.advance(10 * time.Second) // the rest after the attempt before
	tokensOf(t, w.client.refresh(s.Refresh))
}

// TestAdoptedGap: the same with a session that was taken over before: it works until the grace
// is over, counted from GitHub's last word about the user.
func TestAdoptedGap(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := takeOver(t, on(e), withGrace)
		w.gh.SetTokenLifetime(30 * time.Second)
		s := w.signIn("octocat")
		got := tokensOf(t, w.client.refresh(s.Refresh))
		w.clock.advance(2 * time.Minute)
		grant, user, err := w.store.RefreshGrant(t.Context(), storage.HashOf(got.refresh), w.client.id, w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		died := storage.ProviderCheck{
			UserID: user.ID, GrantID: grant.Provider.GrantID, ID: "pc_died", Previous: grant.Provider.CheckID, Until: w.clock.Now().Add(30 * time.Second),
		}
		if err := w.store.StartProviderCheck(t.Context(), died, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		w.spend(s)
		for range 3 {
			w.clock.advance(2 * time.Minute)
			w.wantAccess(t, got.access, true)
			got = tokensOf(t, w.client.refresh(got.refresh))
			w.wantAccess(t, got.access, true)
		}
		w.clock.advance(gapGrace)
		if a := w.client.refresh(got.refresh); a.member("error") != "invalid_grant" {
			t.Errorf("after the grace: %d %s", a.Status, a.Body)
		}
		w.wantAccess(t, got.access, false)
	})
}
