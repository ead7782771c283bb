package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestDeletedElsewhere: C-17, guarantee 4. A client that another replica deleted
// a moment ago hears of that from the token endpoint and registers again; with
// invalid_grant it would come back with its stale ID forever.
func TestDeletedElsewhere(t *testing.T) {
	t.Parallel()
	s := start(t)
	replica := s.replica(func(*server.Config) {})
	tests := map[string]func(c *client, got tokens, code string) answer{
		"good refresh token": func(c *client, got tokens, _ string) answer { return c.refresh(got.refresh) },
		"bad refresh token":  func(c *client, _ tokens, _ string) answer { return c.refresh(oauth.NewRefreshToken()) },
		"bad verifier": func(c *client, _ tokens, code string) answer {
			return c.exchange(code, url.Values{"code_verifier": {"short"}})
		},
		"bad code": func(c *client, _ tokens, _ string) answer { return c.exchange(oauth.NewCode()) },
	}
	for name, try := range tests {
		t.Run(name, func(t *testing.T) {
			c := s.register()
			got, code := c.connect(), c.code("mcp") // so that this replica knows the client
			if err := replica.config.Store.DeleteClient(t.Context(), c.id, s.clock.Now()); err != nil {
				t.Fatal(err)
			}
			try(c, got, code).want(t, http.StatusUnauthorized, "invalid_client")
		})
	}
	t.Run("6749-15 by Basic", func(t *testing.T) {
		c := s.register(map[string]any{"token_endpoint_auth_method": "client_secret_basic"})
		h := basic(c.id, c.secret)
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {oauth.NewRefreshToken()}}
		s.form("/token", form, h).want(t, http.StatusBadRequest, "invalid_grant")
		if err := replica.config.Store.DeleteClient(t.Context(), c.id, s.clock.Now()); err != nil {
			t.Fatal(err)
		}
		a := s.form("/token", form, h)
		a.want(t, http.StatusUnauthorized, "invalid_client")
		if challenge := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "Basic ") {
			t.Errorf("challenge %q", challenge)
		}
	})
	t.Run("at consent", func(t *testing.T) {
		c, b := s.register(), s.browser()
		consent := b.signIn(c)
		if err := replica.config.Store.DeleteClient(t.Context(), c.id, s.clock.Now()); err != nil {
			t.Fatal(err)
		}
		b.open(http.MethodGet, consent.at.String(), nil).shows(t, http.StatusBadRequest, "app is not registered")
	})
}

// TestChangedElsewhere: no one is refused for what this replica remembers of a
// client that another one changed a moment ago.
func TestChangedElsewhere(t *testing.T) {
	t.Parallel()
	s := start(t)
	replica := s.replica(func(*server.Config) {})
	// known returns a client that this replica knows and that has changed since.
	known := func(t *testing.T, change func(*storage.Client)) *client {
		t.Helper()
		c := s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"})
		c.refresh("unknown").want(t, http.StatusBadRequest, "invalid_grant")
		row, err := s.store.Client(t.Context(), c.id)
		if err != nil {
			t.Fatal(err)
		}
		change(&row)
		store, _ := replica.config.Store.(storage.Store)
		for _, err := range []error{store.DeleteClient(t.Context(), c.id, s.clock.Now()), store.CreateClient(t.Context(), row)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	t.Run("secret", func(t *testing.T) {
		c := known(t, func(row *storage.Client) { row.SecretHash = storage.HashOf("the new secret") })
		c.refresh("unknown", url.Values{"client_secret": {"the new secret"}}).want(t, http.StatusBadRequest, "invalid_grant")
		c.refresh("unknown").want(t, http.StatusUnauthorized, "invalid_client")
	})
	t.Run("redirect URI", func(t *testing.T) {
		c := known(t, func(row *storage.Client) { row.RedirectURIs = []string{"https://new.example/cb"} })
		c.redirect = "https://new.example/cb"
		s.browser().visit(c.authorizePath()).shows(t, http.StatusOK, "Sign in")
		c.redirect = loopbackRedirect
		s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_request")
	})
}
