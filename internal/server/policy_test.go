package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// registering sets who may register.
func registering(mode oauth.RegistrationMode, places ...string) func(*setup) {
	return func(set *setup) {
		policy, err := oauth.NewRegistrationPolicy(mode, places)
		if err != nil {
			panic(err)
		}
		set.Registration = policy
	}
}

// withPolicy is registering for a replica.
func withPolicy(t testing.TB, mode oauth.RegistrationMode, places ...string) func(*server.Config) {
	t.Helper()
	policy, err := oauth.NewRegistrationPolicy(mode, places)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *server.Config) { c.Registration = policy }
}

// TestRegistrationModes: B6. Each mode with what each real client registers.
func TestRegistrationModes(t *testing.T) {
	t.Parallel()
	hosted := []string{
		"chatgpt.com", "claude.ai", "claude.com", "vscode.dev", "insiders.vscode.dev", "www.cursor.com", "cursor:", "grok.com", "grokbot:",
		"teams.microsoft.com", "global.consent.azure-apim.net",
	}
	// Those that run on the person's own machine alone.
	local := map[string]bool{
		"claude-code": true, "codex": true, "fastmcp": true, "gemini-cli": true, "goose": true, "inspector": true, "mcp-remote": true,
		"mcporter": true, "opencode": true,
	}
	sites := map[string]*site{
		"open": start(t, registering(oauth.RegistrationOpen)), "local": start(t, registering(oauth.RegistrationAllowlist)),
		"hosted": start(t, registering(oauth.RegistrationAllowlist, hosted...)), "closed": start(t, registering(oauth.RegistrationClosed)),
	}
	for client, body := range payloads(t) {
		for mode, s := range sites {
			t.Run(mode+" "+client, func(t *testing.T) {
				status, code := http.StatusCreated, ""
				switch {
				case mode == "closed":
					status, code = http.StatusForbidden, "access_denied"
				case mode == "local" && !local[client]:
					status, code = http.StatusBadRequest, "invalid_redirect_uri"
				}
				s.do(http.MethodPost, "/register", body, asJSON).want(t, status, code)
			})
		}
	}
}

// TestRegistrationClosed: the endpoint is not offered; who is registered continues,
// may read and delete the registration, and may not change it.
func TestRegistrationClosed(t *testing.T) {
	t.Parallel()
	open := start(t)
	c := open.register()
	got := c.connect()
	closed := open.replica(withPolicy(t, oauth.RegistrationClosed))
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/mcp"} {
		if a := closed.get(path); a.Status != http.StatusOK || strings.Contains(a.Body, "registration_endpoint") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	c.s = closed
	closed.unchanged(t, func() {
		for _, body := range []string{`{"redirect_uris":["http://127.0.0.1/cb"]}`, "", "[]"} {
			a := closed.do(http.MethodPost, "/register", body, asJSON)
			a.want(t, http.StatusForbidden, "access_denied")
			if a.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("C-10: %v", a.Header)
			}
		}
		c.put(nil).want(t, http.StatusForbidden, "access_denied")
		c.get().want(t, http.StatusOK, "")
		closed.browser().visit(c.authorizePath()).shows(t, http.StatusOK, "Sign in")
	})
	tokensOf(t, c.refresh(got.refresh))
	c.manageDelete(t)
}

// TestRegistrationAllowlist: one URI that is not listed is one too many, at a
// registration and at an update.
func TestRegistrationAllowlist(t *testing.T) {
	t.Parallel()
	s := start(t, registering(oauth.RegistrationAllowlist, "claude.ai"))
	c := s.register()
	s.unchanged(t, func() {
		for _, uri := range []string{"https://evil.example/cb", "https://claude.ai.evil.example/cb", "evil://claude.ai/cb", `http://127.0.0.1/x","https://evil.example/cb`} {
			s.registers(uri).want(t, http.StatusBadRequest, "invalid_redirect_uri")
			c.put(map[string]any{"redirect_uris": strings.Split(uri, `","`)}).want(t, http.StatusBadRequest, "invalid_redirect_uri")
		}
	})
	if a := c.put(map[string]any{"redirect_uris": []string{"https://claude.ai/api/mcp/auth_callback"}}); a.Status != http.StatusOK {
		t.Errorf("listed: %d %s", a.Status, a.Body)
	}
	c.redirect = "https://claude.ai/api/mcp/auth_callback"
	s.browser().visit(c.authorizePath(url.Values{})).shows(t, http.StatusOK, "Sign in")
}
