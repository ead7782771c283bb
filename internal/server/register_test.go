package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

var asJSON = header{"Content-Type": "application/json"}

// TestRegistrationOfRealClients: AS-11, C-01, 7591-02 to 7591-06, 7591-14. The bodies
// are those that the clients send.
func TestRegistrationOfRealClients(t *testing.T) {
	t.Parallel()
	s := start(t)
	both, code := []any{"authorization_code", "refresh_token"}, []any{"code"}
	tests := map[string]struct {
		body string
		want map[string]any // besides client_id and the time
	}{
		"Claude Code": {
			`{"client_name":"Claude Code (t)","redirect_uris":["http://localhost:63277/callback"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none","application_type":"native","scope":"mcp offline_access"}`,
			map[string]any{
				"client_name": "Claude Code (t)", "redirect_uris": []any{"http://localhost:63277/callback"}, "grant_types": both,
				"response_types": code, "token_endpoint_auth_method": "none", "application_type": "native", "scope": "mcp offline_access",
			},
		},
		"Codex": {
			`{"client_name":"Codex","redirect_uris":["http://127.0.0.1:39795/callback"],"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"none","response_types":["code"],"scope":"mcp offline_access","application_type":"native"}`,
			map[string]any{
				"client_name": "Codex", "redirect_uris": []any{"http://127.0.0.1:39795/callback"}, "grant_types": both,
				"response_types": code, "token_endpoint_auth_method": "none", "application_type": "native", "scope": "mcp offline_access",
			},
		},
		"mcp-remote": {
			`{"redirect_uris":["http://localhost:30438/oauth/callback"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"client_name":"MCP CLI Client","client_uri":"https://github.com/modelcontextprotocol/mcp-cli","software_id":"2e6dc280-f3c3-4e01-99a7-8181dbd1d23d","software_version":"0.15.1","scope":"mcp offline_access","application_type":"native"}`,
			map[string]any{
				"client_name": "MCP CLI Client", "redirect_uris": []any{"http://localhost:30438/oauth/callback"}, "grant_types": both,
				"response_types": code, "token_endpoint_auth_method": "none", "application_type": "native", "scope": "mcp offline_access",
				"client_uri":  "https://github.com/modelcontextprotocol/mcp-cli",
				"software_id": "2e6dc280-f3c3-4e01-99a7-8181dbd1d23d", "software_version": "0.15.1",
			},
		},
		"7591-06 mcporter and VS Code's grant": {
			`{"client_name":"mcporter","redirect_uris":["http://127.0.0.1:46335/callback","cursor://anysphere.cursor-mcp/oauth/callback"],"grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],"response_types":["code"],"token_endpoint_auth_method":"none","scope":"","x_unknown":{"a":[1]}}`,
			map[string]any{
				"client_name": "mcporter", "redirect_uris": []any{"http://127.0.0.1:46335/callback", "cursor://anysphere.cursor-mcp/oauth/callback"},
				"grant_types": both, "response_types": code, "token_endpoint_auth_method": "none", "scope": "mcp offline_access",
			},
		},
		"7591-13 null members": {
			`{"redirect_uris":["https://claude.ai/api/mcp/auth_callback"],"client_name":null,"scope":null,"contacts":null,"jwks":null,"token_endpoint_auth_method":"none"}`,
			map[string]any{
				"redirect_uris": []any{"https://claude.ai/api/mcp/auth_callback"}, "grant_types": []any{"authorization_code"},
				"response_types": code, "token_endpoint_auth_method": "none", "scope": "mcp offline_access",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.do(http.MethodPost, "/register", tt.body, asJSON)
			var got map[string]any
			if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != http.StatusCreated {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			if id, _ := got["client_id"].(string); len(id) < 20 || got["client_id_issued_at"] != float64(s.clock.Now().Unix()) {
				t.Errorf("7591-03: %s", a.Body)
			}
			if got["registration_client_uri"] != base+"/register/"+got["client_id"].(string) || got["registration_access_token"] == "" {
				t.Errorf("7592-01: %s", a.Body)
			}
			for _, issued := range []string{"client_id", "client_id_issued_at", "registration_client_uri", "registration_access_token"} {
				delete(got, issued)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("7591-02 (-want +got)\n%s", diff)
			}
		})
	}
}

// TestRegistrationSecrets: 7591-03 to 7591-05.
func TestRegistrationSecrets(t *testing.T) {
	t.Parallel()
	s := start(t)
	for method, wants := range map[string]bool{"": true, "client_secret_basic": true, "client_secret_post": true, "none": false} {
		m := map[string]any{"redirect_uris": []string{loopbackRedirect}}
		if method != "" {
			m["token_endpoint_auth_method"] = method
		}
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		a := s.do(http.MethodPost, "/register", string(body), asJSON)
		if got := a.member("client_secret") != "" && strings.Contains(a.Body, `"client_secret_expires_at":0`); got != wants {
			t.Errorf("%q: %s", method, a.Body)
		}
		if !wants && strings.Contains(a.Body, "secret") {
			t.Errorf("7591-05: %s", a.Body)
		}
	}
}

// TestRegistrationErrors: 7591-01, 7591-07 to 7591-09, B4, B5. Nothing is stored.
func TestRegistrationErrors(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		uris := func(list string) string { return `{"redirect_uris":` + list + `}` }
		more := func(members string) string { return `{"redirect_uris":["https://a.example/cb"],` + members + `}` }
		const uri, metadata = "invalid_redirect_uri", "invalid_client_metadata"
		tests := map[string]struct{ body, code string }{
			"empty body":                     {"", metadata},
			"no object":                      {"[]", metadata},
			"null":                           {"null", metadata},
			"malformed":                      {`{"redirect_uris":`, metadata},
			"two documents":                  {uris(`["https://a.example/cb"]`) + `{}`, metadata},
			"a member twice":                 {`{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}`, metadata},
			"deep":                           {more(`"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), metadata},
			"not UTF-8":                      {more("\"client_name\":\"\xff\""), metadata},
			"7591-08 no redirect URIs":       {`{}`, uri},
			"7591-08 empty list":             {uris(`[]`), uri},
			"7591-08 null":                   {uris(`null`), uri},
			"7591-08 a string":               {uris(`"https://a.example/cb"`), metadata},
			"7591-08 numbers":                {uris(`[1]`), metadata},
			"7591-08 fragment":               {uris(`["https://a.example/cb#x"]`), uri},
			"7591-08 user information":       {uris(`["https://u@a.example/cb"]`), uri},
			"7591-08 relative":               {uris(`["/cb"]`), uri},
			"AS-08 http":                     {uris(`["http://evil.example/cb"]`), uri},
			"8252-06 look-alike":             {uris(`["http://127.0.0.1.evil.example/cb"]`), uri},
			"B5 javascript":                  {uris(`["JaVaScRiPt:alert(1)"]`), uri},
			"B5 data":                        {uris(`["data:text/html,x"]`), uri},
			"one good and one bad":           {uris(`["https://a.example/cb","file:///etc/passwd"]`), uri},
			"too many":                       {uris(`["https://a.example/"` + strings.Repeat(`,"https://a.example/"`, 20) + `]`), uri},
			"long":                           {uris(`["https://a.example/` + big(3000) + `"]`), uri},
			"7591-01 more than is kept":      {uris(`["https://a.example/` + big(2000) + `","https://b.example/` + big(2000) + `","https://c.example/` + big(200) + `"]`), metadata},
			"7591-08 jwks and jwks_uri":      {more(`"jwks":{},"jwks_uri":"https://a.example/k"`), metadata},
			"7591-06 no supported grant":     {more(`"grant_types":["client_credentials"]`), metadata},
			"7591-06 no supported response":  {more(`"response_types":["token"]`), metadata},
			"7591-06 grants of another type": {more(`"grant_types":"authorization_code"`), metadata},
			"unsupported authentication":     {more(`"token_endpoint_auth_method":"private_key_jwt"`), metadata},
			"scope of another type":          {more(`"scope":["mcp"]`), metadata},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				s.unchanged(t, func() {
					s.do(http.MethodPost, "/register", tt.body, asJSON).want(t, http.StatusBadRequest, tt.code)
				})
			})
		}
		for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", ";"} {
			t.Run("7591-01 content type "+media, func(t *testing.T) {
				s.unchanged(t, func() {
					a := s.do(http.MethodPost, "/register", uris(`["https://a.example/cb"]`), header{"Content-Type": media})
					a.want(t, http.StatusBadRequest, metadata)
				})
			})
		}
		t.Run("7591-01 oversized", func(t *testing.T) {
			s.unchanged(t, func() {
				a := s.do(http.MethodPost, "/register", more(`"x":"`+big(70_000)+`"`), asJSON)
				a.want(t, http.StatusRequestEntityTooLarge, "invalid_request")
			})
		})
	})
}

// TestHostileNames: B10. Whatever a client calls itself is text on the page.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		for _, name := range []string{
			`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "a\u202eb\x00c", "{{.}}", `\u003cscript>`, strings.Repeat("界", 5000),
		} {
			c := s.register(map[string]any{"client_name": name, "client_uri": "https://a.example/\"><script>", "software_id": name})
			p := s.browser().visit(c.authorizePath())
			p.shows(t, http.StatusOK, "An app that calls itself")
			for _, bad := range []string{"<script", "<img", "\u202e", "\x00"} {
				if strings.Contains(p.Body, bad) {
					t.Errorf("%q: the page holds %q", name, bad)
				}
			}
		}
	})
}
