package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const separate = "https://other.example/mcp"

// resourceServer registers an MCP server that runs elsewhere.
func (s *site) resourceServer(urls ...string) *client {
	s.Helper()
	c := &client{s: s, id: oauth.NewID("rs"), secret: oauth.NewClientSecret()}
	err := s.store.CreateResourceServer(s.Context(), storage.Client{
		ID: c.id, Client: metadata.Client{Name: "Other", AuthMethod: oauth.AuthMethodClientSecretPost},
		SecretHash: storage.HashOf(c.secret), CreatedAt: s.clock.Now(), Origin: storage.OriginOperator,
	}, urls)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// TestSeparateResource: a client signs in for an MCP server that runs elsewhere, whose
// credential alone may ask about the token.
func TestSeparateResource(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		gh := githubtest.New(t)
		gh.AddUser(githubtest.User{ID: 7, Login: "octocat", Orgs: []string{"acme", "b"}, Primary: "octocat@example.com", PrimaryVerified: true})
		gh.SignInAs("octocat")
		policy := identity.Policy{Orgs: []string{"acme"}, Admins: []string{"root@example.com"}}
		s := start(t, onGitHub(gh, policy, 1500*time.Millisecond), on(e))
		rs, stranger := s.resourceServer(separate), s.resourceServer("https://third.example/mcp")
		c := s.registerWithSecret()
		got := s.connectAs(c, url.Values{"resource": {"https://OTHER.example:443/mcp/"}})

		answer := rs.introspect(got.access)
		var members map[string]any
		if err := json.Unmarshal([]byte(answer.Body), &members); err != nil {
			t.Fatal(err)
		}
		for _, changing := range []string{"iat", "exp", "sub"} {
			if members[changing] == nil {
				t.Errorf("%s is missing", changing)
			}
			delete(members, changing)
		}
		want := map[string]any{
			"active": true, "scope": "mcp offline_access", "client_id": c.id, "token_type": "Bearer", "aud": separate, "iss": base,
			"email": "octocat@example.com", "groups": []any{"acme", "b"},
		}
		if diff := cmp.Diff(want, members); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		stranger.introspect(got.access).wantInactive(t)
		c.introspect(got.access).wantInactive(t) // its own, but who the person is there is not its business
		s.wantAccess(t, got.access, false)       // and it is good there alone
		own := s.connectAs(c)
		rs.introspect(own.access).wantInactive(t)

		t.Run("use", func(t *testing.T) {
			s.clock.advance(2 * time.Minute)
			before := dbtest.Value[int64](t, s.sql, "SELECT last_used_at FROM mcpkeep_grants ORDER BY created_at, id LIMIT 1")
			rs.introspect(got.access)
			after := dbtest.Value[int64](t, s.sql, "SELECT last_used_at FROM mcpkeep_grants ORDER BY created_at, id LIMIT 1")
			if after-before < 100 {
				t.Errorf("last use %d, then %d", before, after)
			}
		})
		t.Run("refresh", func(t *testing.T) {
			again := tokensOf(t, c.refresh(got.refresh, url.Values{"resource": {separate}}))
			if a := rs.introspect(again.access); a.member("aud") != separate {
				t.Error(a.Body)
			}
			got = again
		})
		t.Run("deleted", func(t *testing.T) {
			if err := s.store.DeleteClient(t.Context(), rs.id, s.clock.Now()); err != nil {
				t.Fatal(err)
			}
			s.clock.advance(time.Second)
			time.Sleep(600 * time.Millisecond) // what the cache knows
			rs.introspect(got.access).want(t, http.StatusUnauthorized, "invalid_client")
			s.resourceServer("https://fourth.example/mcp").introspect(got.access).wantInactive(t)
			c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
			a := s.get(c.authorizePath(url.Values{"resource": {separate}}))
			if a.Status == http.StatusOK {
				t.Errorf("status %d, want a refusal", a.Status)
			}
		})
	})
}

// TestSeparateResourceConsent: the page names the server that runs elsewhere, and not this
// one, as what the app gets access to; one on a private network without TLS is one, too.
func TestSeparateResourceConsent(t *testing.T) {
	t.Parallel()
	const near = "http://10.0.0.7:8000/mcp"
	s := start(t)
	s.resourceServer(separate, near)
	c := s.register()
	for uri, host := range map[string]string{separate: "other.example", near: "10.0.0.7:8000"} {
		page := s.browser().signIn(c, url.Values{"resource": {uri}})
		page.shows(t, http.StatusOK, "Connect an app to "+host, "<strong><bdi>"+host+"</bdi></strong> <span class=\"code\">"+uri+"</span>", base+"/connections")
		page = s.browser().signIn(c)
		page.shows(t, http.StatusOK, "Connect an app to Keep", resource)
	}
}

// TestSeparateResourceAsksAgain: introspection asks the provider when the last
// confirmation is older than a token may be, and a refusal ends the session.
func TestSeparateResourceAsksAgain(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	rs := s.resourceServer(separate)
	c := s.register()
	got := s.connectAs(c, url.Values{"resource": {separate}})
	gh.RevokeTokens("octocat")
	if a := rs.introspect(got.access); a.member("aud") != separate {
		t.Fatalf("not due yet: %s", a.Body)
	}
	dbtest.Exec(t, s.sql, "UPDATE mcpkeep_grants SET provider_checked_at = provider_checked_at - 90000")
	s.clock.advance(time.Second) // what the cache knows
	rs.introspect(got.access).wantInactive(t)
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
}
