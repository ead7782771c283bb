package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// TestRefreshErrors sends requests that must change nothing (C6, C7).
func TestRefreshErrors(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c, thief := s.register(), s.register()
		got := c.connect()
		tests := map[string]struct {
			change url.Values
			status int
			code   string
		}{
			"no token":                           {url.Values{"refresh_token": nil}, 400, "invalid_request"},
			"empty token":                        {url.Values{"refresh_token": {""}}, 400, "invalid_request"},
			"6749-02 repeated token":             {url.Values{"refresh_token": {got.refresh, got.refresh}}, 400, "invalid_request"},
			"unknown token":                      {url.Values{"refresh_token": {oauth.NewRefreshToken()}}, 400, "invalid_grant"},
			"access token":                       {url.Values{"refresh_token": {got.access}}, 400, "invalid_grant"},
			"token with a zero byte":             {url.Values{"refresh_token": {got.refresh + "\x00"}}, 400, "invalid_request"},
			"oversized token":                    {url.Values{"refresh_token": {big(30_000)}}, 400, "invalid_grant"},
			"C6 another client's":                {url.Values{"client_id": {thief.id}}, 400, "invalid_grant"},
			"C-17 unknown client":                {url.Values{"client_id": {"c_unknown"}}, 401, "invalid_client"},
			"C-17 unknown client, dead token":    {url.Values{"client_id": {"c_unknown"}, "refresh_token": {"dead"}}, 401, "invalid_client"},
			"C-17 unknown client and grant type": {url.Values{"client_id": {"c_unknown"}, "grant_type": {"x"}}, 401, "invalid_client"},
			"8707-03 foreign resource":           {url.Values{"resource": {"https://other.example/"}}, 400, "invalid_target"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				s.unchanged(t, func() { c.refresh(got.refresh, tt.change).want(t, tt.status, tt.code) })
			})
		}
		tokensOf(t, c.refresh(got.refresh))
	})
}

// TestRefreshTolerance: C-06, 6749-18, 8707-07. Each starts a grant of its own.
func TestRefreshTolerance(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	tests := map[string]struct {
		granted, want string
		change        url.Values
	}{
		"C-06 without scope and resource": {"mcp offline_access", "mcp offline_access", nil},
		"C-06 additional offline_access":  {"mcp", "mcp", url.Values{"scope": {"mcp offline_access"}}},
		"C-06 slash of the resource":      {"mcp", "mcp", url.Values{"resource": {resource + "/"}}},
		"C-06 slash of the origin":        {"mcp", "mcp", url.Values{"resource": {base + "/"}}},
		"6749-18 narrowed":                {"mcp offline_access", "mcp", url.Values{"scope": {"mcp"}}},
		"6749-18 only unknown scopes":     {"mcp", "mcp", url.Values{"scope": {"admin"}}},
		"6749-18 empty scope":             {"mcp", "mcp", url.Values{"scope": {""}}},
		"C6 nothing more than granted":    {"offline_access", "offline_access", url.Values{"scope": {"mcp"}}},
		"6749-01 unknown parameter":       {"mcp", "mcp", url.Values{"audience": {"x"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			first := tokensOf(t, c.exchange(c.code(tt.granted)))
			next := tokensOf(t, c.refresh(first.refresh, tt.change))
			if next.scope != tt.want {
				t.Errorf("scope %q, want %q", next.scope, tt.want)
			}
			if next.access == first.access || next.refresh == first.refresh {
				t.Error("AS-17: the tokens did not change")
			}
			again := tokensOf(t, c.refresh(next.refresh))
			if again.scope != tt.granted {
				t.Errorf("the grant's scope is %q now, want %q", again.scope, tt.granted)
			}
		})
	}
}

// TestRefreshGrace: C-05, C5. The window begins when the successor is used, and is closed on
// its last second.
func TestRefreshGrace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		first := c.connect()
		second := tokensOf(t, c.refresh(first.refresh))
		s.clock.advance(2*time.Minute - time.Second)
		if again := tokensOf(t, c.refresh(first.refresh)); again != second {
			t.Error("C-05: a retry got another successor")
		}
		third := tokensOf(t, c.refresh(second.refresh))
		s.clock.advance(2*time.Minute - time.Second)
		if again := tokensOf(t, c.refresh(first.refresh)); again != third {
			t.Error("a retry did not get the newest successor")
		}
		s.clock.advance(time.Second)
		c.refresh(first.refresh).want(t, http.StatusBadRequest, "invalid_grant")
		for name, token := range map[string]string{"first": first.access, "second": second.access, "third": third.access} {
			t.Run("9700-04 the family's "+name+" is dead", func(t *testing.T) { s.wantAccess(t, token, false) })
		}
		c.refresh(third.refresh).want(t, http.StatusBadRequest, "invalid_grant")
		if !strings.Contains(s.log.String(), `"event":"refresh_reuse"`) {
			t.Error("the log does not tell of it")
		}
	})
}

// TestNoGrace: C5. A window of zero is none.
func TestNoGrace(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.Lifetimes.Grace = 0 })
	c := s.register()
	first := c.connect()
	second := tokensOf(t, c.refresh(first.refresh))
	c.refresh(first.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	s.wantAccess(t, second.access, false)
}

// TestRefreshLife: 9700-04, C16. Refresh tokens end when they lie idle.
func TestRefreshLife(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := c.connect()
	for range 3 {
		s.clock.advance(24*time.Hour - time.Second)
		got = tokensOf(t, c.refresh(got.refresh))
	}
	s.wantAccess(t, got.access, true)
	s.clock.advance(24 * time.Hour)
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
}
