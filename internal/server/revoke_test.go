package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

func (c *client) revoke(token string, changes ...url.Values) answer {
	c.s.Helper()
	form := url.Values{"token": {token}, "client_id": {c.id}}
	if c.secret != "" {
		form.Set("client_secret", c.secret)
	}
	return c.s.form("/revoke", changed(form, changes...))
}

// TestRevocationWithoutEffect: 7009-01 to 7009-03, C14.
func TestRevocationWithoutEffect(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c, other := s.register(), s.register()
		got := c.connect()
		tests := map[string]struct {
			change url.Values
			status int
			code   string
		}{
			"7009-03 unknown token":            {url.Values{"token": {oauth.NewRefreshToken()}}, 200, ""},
			"7009-03 garbage":                  {url.Values{"token": {"';--"}}, 200, ""},
			"7009-02 another client's refresh": {url.Values{"client_id": {other.id}}, 200, ""},
			"7009-02 another client's access":  {url.Values{"client_id": {other.id}, "token": {got.access}}, 200, ""},
			"7009-01 no token":                 {url.Values{"token": nil}, 400, "invalid_request"},
			"7009-01 empty token":              {url.Values{"token": {""}}, 400, "invalid_request"},
			"6749-02 repeated token":           {url.Values{"token": {got.refresh, got.refresh}}, 400, "invalid_request"},
			"token with a zero byte":           {url.Values{"token": {"\x00"}}, 400, "invalid_request"},
			"7009-02 unknown client":           {url.Values{"client_id": {"c_unknown"}}, 401, "invalid_client"},
			"7009-02 no client":                {url.Values{"client_id": nil}, 401, "invalid_client"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				s.unchanged(t, func() { c.revoke(got.refresh, tt.change).want(t, tt.status, tt.code) })
			})
		}
		s.wantAccess(t, got.access, true)
	})
}

// TestRevocation: 7009-01, 7009-04, guarantee 4.
func TestRevocation(t *testing.T) {
	t.Parallel()
	s := start(t)
	replica := s.replica(func(*server.Config) {})
	c := s.register()
	t.Run("7009-04 refresh token", func(t *testing.T) {
		got, kept := c.connect(), c.connect()
		next := tokensOf(t, c.refresh(got.refresh))
		replica.wantAccess(t, got.access, true)
		c.revoke(next.refresh, url.Values{"token_type_hint": {"access_token"}}).want(t, http.StatusOK, "")
		for _, token := range []string{got.access, next.access} {
			s.wantAccess(t, token, false) // immediately
		}
		replica.wantAccess(t, next.access, false) // no one has asked it before
		s.clock.advance(cache.Fresh)
		replica.wantAccess(t, got.access, false)
		c.refresh(next.refresh).want(t, http.StatusBadRequest, "invalid_grant")
		s.wantAccess(t, kept.access, true)
		s.unchanged(t, func() { c.revoke(next.refresh).want(t, http.StatusOK, "") })
	})
	t.Run("7009-01 access token alone", func(t *testing.T) {
		got := c.connect()
		c.revoke(got.access, url.Values{"token_type_hint": {"refresh_token"}}).want(t, http.StatusOK, "")
		s.wantAccess(t, got.access, false)
		s.wantAccess(t, tokensOf(t, c.refresh(got.refresh)).access, true)
	})
	t.Run("7009-01 unknown hint", func(t *testing.T) {
		got := c.connect()
		c.revoke(got.refresh, url.Values{"token_type_hint": {"foo"}}).want(t, http.StatusOK, "")
		s.wantAccess(t, got.access, false)
	})
	t.Run("confidential client", func(t *testing.T) {
		confidential := s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"})
		got := confidential.connect()
		confidential.revoke(got.refresh, url.Values{"client_secret": {"wrong"}}).want(t, http.StatusUnauthorized, "invalid_client")
		s.wantAccess(t, got.access, true)
		confidential.revoke(got.refresh).want(t, http.StatusOK, "")
		s.wantAccess(t, got.access, false)
	})
}
