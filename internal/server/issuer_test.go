package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/server"
)

// TestIssuerSlash: with FastMCP's final slash the issuer is the same text wherever clients
// see it, and no other URL changes.
func TestIssuerSlash(t *testing.T) {
	t.Parallel()
	s, _ := gitHubSite(t, func(set *setup) { set.IssuerSlash = true })
	const issuer = base + "/"
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/", "/.well-known/oauth-authorization-server/mcp"} {
		if a := s.get(path); a.member("issuer") != issuer || a.member("token_endpoint") != base+"/token" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	var document struct {
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers"`
	}
	a := s.get("/.well-known/oauth-protected-resource/mcp")
	if err := json.Unmarshal([]byte(a.Body), &document); err != nil || document.Resource != resource ||
		len(document.AuthorizationServers) != 1 || document.AuthorizationServers[0] != issuer {
		t.Errorf("resource metadata: %s, %v", a.Body, err)
	}
	c := s.registerWithSecret()
	q := s.browser().approveAt(c).target(t, c.redirect)
	if q.Get("iss") != issuer {
		t.Errorf("the client gets %v", q)
	}
	got := tokensOf(t, c.exchange(q.Get("code")))
	if a := c.introspect(got.access); a.member("iss") != issuer {
		t.Errorf("introspection: %s", a.Body)
	}
	b := s.browser()
	if q := b.submit(b.visit(c.authorizePath()), url.Values{"action": {"deny"}}).target(t, c.redirect); q.Get("iss") != issuer {
		t.Errorf("an error: %v", q)
	}
}

// TestCallbackPath: the provider sends users back to the path that is registered there.
func TestCallbackPath(t *testing.T) {
	t.Parallel()
	w := takeOver(t, func(set *setup) { set.CallbackPath = "/oauth/github/callback" })
	w.gh.SetCallbackURL(base + "/oauth/github/callback")
	w.gh.SetTokenLifetime(8 * time.Hour)
	c := w.register()
	w.wantAccess(t, w.connectAs(c).access, true)
	if a := w.get("/auth/callback?code=x&state=y"); a.Status != http.StatusNotFound {
		t.Errorf("the default path: %d", a.Status)
	}
	for path, usable := range map[string]bool{
		"/auth/callback": true, "/cb": true, "/": false, "": false, "cb": false, "/cb/": false, "/cb?x=1": false, "/a/../token": false, "/a//b": false,
		"/token": false, "/token/cb": false, "/auth/verify": false, "/healthz": false, "/mcp": false, "/{x}": false, "/%41": false, "/cb#x": false, "https://x/cb": false,
	} {
		if server.UsableCallbackPath(path) != usable {
			t.Errorf("%q: want usable %v", path, usable)
		}
	}
}
