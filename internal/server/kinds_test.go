package server_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// exposed serves the site by a server that tests can look into.
func (s *site) exposed(t testing.TB) *server.Server {
	t.Helper()
	srv, err := server.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = srv.Handler()
	return srv
}

// TestEachKindIsBounded: when all places for requests of a kind are taken, one more gets 503
// with Retry-After immediately, and requests of all other kinds are served.
func TestEachKindIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.Resources = fronted() })
	srv := s.exposed(t)
	key := newSigner(t, "one")
	c := s.registerWithSecret()
	byKey := s.register(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": key.set()})
	secret := url.Values{"client_id": {c.id}, "client_secret": {c.secret}, "token": {"x"}}
	b := s.browser()
	signIn := b.visit(c.authorizePath())
	kinds := map[string]func() answer{
		"registration":  func() answer { return s.registers("http://127.0.0.1/callback") },
		"management":    func() answer { return s.managed(http.MethodGet, c.id, c.manage, "") },
		"page":          func() answer { return s.get(c.authorizePath(), asProgram) },
		"callback":      func() answer { return s.get("/auth/callback?state=x&code=x", asProgram) },
		"token":         func() answer { return c.refresh("x") },
		"revocation":    func() answer { return s.form("/revoke", secret) },
		"introspection": func() answer { return s.form("/introspect", secret) },
		"verification":  func() answer { return s.get("/auth/verify?upstream=notes", asProgram) },
		"password":      func() answer { return b.submit(signIn, enter).answer },
		"assertion":     func() answer { return byKey.refresh("x", key.assert(t, byKey)) },
	}
	within := map[string]string{"password": "page", "assertion": "token"} // count as that kind as well
	for full := range kinds {
		empty := srv.Fill(full)
		for kind, send := range kinds {
			a := send()
			refused := a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != ""
			if want := kind == full || within[kind] == full; refused != want {
				t.Errorf("while %s is full, %s gets %d %s", full, kind, a.Status, a.brief())
			}
		}
		empty()
	}
	if passwords, assertions := srv.AtATime(); passwords != 1 || assertions != 1 {
		t.Errorf("%d passwords and %d assertions are verified at a time, want one", passwords, assertions)
	}
}

// TestVerifiedOnce: a password or an assertion that is wrong is verified once, and again
// only if the client's row or keys have changed since they were read.
func TestVerifiedOnce(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	srv := s.exposed(t)
	passwords, assertions := srv.CountVerifications(t)
	right, wrong := newSigner(t, "one"), newSigner(t, "one")
	byKey := map[string]any{"token_endpoint_auth_method": "private_key_jwt"}
	inside := s.register(byKey, map[string]any{"jwks": right.set()})
	s.publisher.PublishJSON("/jwks", right.set(), nil)
	atURL := s.register(byKey, map[string]any{"jwks_uri": s.publisher.URL + "/jwks"})
	unnamed := signer{wrong.key, ""}
	tries := func(name string, n int64, status int, c *client, k signer) {
		t.Helper()
		before := assertions.Load()
		if a := c.refresh("x", k.assert(t, c)); a.Status != status {
			t.Errorf("%s: %d %s", name, a.Status, a.brief())
		}
		if took := assertions.Load() - before; took != n {
			t.Errorf("%s: verified %d times, want %d", name, took, n)
		}
	}
	const accepted, refused = http.StatusBadRequest, http.StatusUnauthorized // invalid_grant, invalid_client
	tries("right", 1, accepted, inside, right)
	tries("wrong", 1, refused, inside, wrong)
	tries("wrong, without kid", 1, refused, inside, unnamed)
	tries("wrong, keys at a URL", 1, refused, atURL, wrong)
	tries("wrong, without kid, keys at a URL", 1, refused, atURL, unnamed)
	s.clock.advance(time.Minute)
	s.publisher.PublishJSON("/jwks", wrong.set(), nil)
	tries("the keys at the URL have changed", 2, accepted, atURL, unnamed)
	tries("right, before the change", 1, accepted, inside, right)
	atReplica := *inside
	atReplica.s = s.replica(func(*server.Config) {})
	if a := atReplica.put(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": wrong.set()}); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	tries("the client has changed", 2, accepted, inside, wrong)
	b := s.browser()
	b.submit(b.visit(s.register().authorizePath()), url.Values{"password": {"wrong"}}).shows(t, http.StatusForbidden, "incorrect")
	if n := passwords.Load(); n != 1 {
		t.Errorf("a password was verified %d times", n)
	}
}

// TestLeave: a server that leaves is not ready, and its responses end their connections.
func TestLeave(t *testing.T) {
	t.Parallel()
	s := start(t)
	srv := s.exposed(t)
	srv.Leave()
	a := s.get("/readyz")
	if a.Status != http.StatusServiceUnavailable || a.member("reason") != "shutting down" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	a = s.get("/.well-known/oauth-authorization-server")
	if a.Status != http.StatusOK || a.Header.Get("Connection") != "close" {
		t.Errorf("%d, Connection: %s", a.Status, a.Header.Get("Connection"))
	}
}
