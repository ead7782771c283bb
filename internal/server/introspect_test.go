package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

func (c *client) introspect(token string, changes ...url.Values) answer {
	c.s.Helper()
	form := url.Values{"token": {token}, "client_id": {c.id}}
	if c.secret != "" {
		form.Set("client_secret", c.secret)
	}
	return c.s.form("/introspect", changed(form, changes...))
}

// wantInactive fails the test unless the answer says that and nothing else.
func (a answer) wantInactive(t testing.TB) {
	t.Helper()
	if a.Status != http.StatusOK || a.Body != `{"active":false}`+"\n" {
		t.Errorf("got %d %s, want nothing but active: false", a.Status, a.Body)
	}
}

// registerWithSecret registers a confidential client.
func (s *site) registerWithSecret() *client {
	s.Helper()
	return s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"})
}

// TestIntrospection: 7662-02 to 7662-04.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.registerWithSecret()
		issued := s.clock.Now()
		got := tokensOf(t, c.exchange(c.code("mcp offline_access")))
		user := dbtest.Value[string](t, s.sql, "SELECT user_id FROM mcpkeep_grants")
		s.clock.advance(time.Minute)
		t.Run("7662-03 active", func(t *testing.T) {
			for _, hint := range []string{"", "access_token", "refresh_token", "foo"} {
				s.unchanged(t, func() {
					a := c.introspect(got.access, url.Values{"token_type_hint": {hint}})
					var members map[string]any
					if err := json.Unmarshal([]byte(a.Body), &members); err != nil {
						t.Fatal(err)
					}
					want := map[string]any{
						"active": true, "scope": "mcp offline_access", "client_id": c.id, "token_type": "Bearer",
						"iat": float64(issued.Unix()), "exp": float64(issued.Add(time.Hour).Unix()), "sub": user, "aud": resource, "iss": base,
					}
					if diff := cmp.Diff(want, members); diff != "" || a.Status != http.StatusOK {
						t.Errorf("status %d, members (-want +got):\n%s", a.Status, diff)
					}
				})
			}
		})
		t.Run("7662-03 narrowed scope", func(t *testing.T) {
			narrowed := tokensOf(t, c.refresh(c.connect().refresh, url.Values{"scope": {"mcp"}}))
			if a := c.introspect(narrowed.access); a.member("scope") != "mcp" {
				t.Error(a.Body)
			}
		})
		t.Run("7662-02 inactive", func(t *testing.T) {
			for _, token := range []string{"x", oauth.NewAccessToken(), got.refresh, c.code("mcp"), big(30_000)} {
				c.introspect(token).wantInactive(t)
			}
			revoked := c.connect()
			s.form("/revoke", url.Values{"token": {revoked.refresh}, "client_id": {c.id}, "client_secret": {c.secret}}).want(t, http.StatusOK, "")
			c.introspect(revoked.access).wantInactive(t)
		})
		t.Run("7662-04 another client's", func(t *testing.T) {
			s.registerWithSecret().introspect(got.access).wantInactive(t)
			c.introspect(s.register().connect().access).wantInactive(t)
		})
		t.Run("7662-04 for another resource", func(t *testing.T) {
			moved := *c
			moved.s = s.replica(func(cfg *server.Config) { cfg.BaseURL = "https://moved.example.com" })
			moved.introspect(got.access).wantInactive(t)
		})
		t.Run("7662-02 expired", func(t *testing.T) {
			s.clock.advance(time.Hour - time.Minute)
			c.introspect(got.access).wantInactive(t)
		})
	})
}

// TestIntrospectionRefused: 7662-01, B13.
func TestIntrospectionRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	public, c := s.register(), s.registerWithSecret()
	theirs, got := public.connect().access, c.connect().access
	asItself := url.Values{"client_id": nil, "client_secret": nil}
	tests := map[string]struct {
		answer answer
		status int
		code   string
	}{
		"7662-01 public client":              {public.introspect(theirs), 401, "invalid_client"},
		"7662-01 public client, Basic":       {s.form("/introspect", url.Values{"token": {theirs}}, basic(public.id, "")), 401, "invalid_client"},
		"7662-01 FastMCP's public client":    {s.putClient("fm-public", s.sealed, map[string]any{"token_endpoint_auth_method": nil}).introspect(got), 401, "invalid_client"},
		"7662-01 no client":                  {c.introspect(got, asItself), 401, "invalid_client"},
		"7662-01 with the token itself":      {s.form("/introspect", url.Values{"token": {got}}, header{"Authorization": "Bearer " + got}), 401, "invalid_client"},
		"7662-01 unknown client":             {c.introspect(got, url.Values{"client_id": {"c_unknown"}}), 401, "invalid_client"},
		"B13 without the secret":             {c.introspect(got, url.Values{"client_secret": nil}), 401, "invalid_client"},
		"B13 wrong secret":                   {c.introspect(got, url.Values{"client_secret": {"wrong"}}), 401, "invalid_client"},
		"7662-01 no token":                   {c.introspect("", url.Values{"token": nil}), 400, "invalid_request"},
		"7662-01 empty token":                {c.introspect(""), 400, "invalid_request"},
		"6749-02 repeated token":             {c.introspect("", url.Values{"token": {got, got}}), 400, "invalid_request"},
		"token with a zero byte":             {c.introspect("\x00"), 400, "invalid_request"},
		"7662-01 Basic is as good as a form": {s.form("/introspect", url.Values{"token": {got}}, basic(c.id, c.secret)), 200, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { tt.answer.want(t, tt.status, tt.code) })
	}
	t.Run("503 during an outage", func(t *testing.T) {
		s.wantAccess(t, got, true)
		s.fail()
		defer s.store.recover()
		c.introspect(got).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	})
}
