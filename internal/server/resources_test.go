package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

const notes = base + "/notes/mcp"

// twoResources starts a site with a second protected resource, whose handler answers
// with the resource of the request's principal.
func twoResources(t *testing.T) *site {
	t.Helper()
	return start(t, func(set *setup) {
		set.Resources = []server.Resource{
			{Path: "/mcp", Handler: http.HandlerFunc(tellResource)},
			{Path: "/notes/mcp", Title: "Notes", Scopes: []string{"mcp", "mcp:manage"}, Handler: http.HandlerFunc(tellResource)},
		}
	})
}

func tellResource(w http.ResponseWriter, r *http.Request) {
	p, _ := principal.FromContext(r.Context())
	_, _ = w.Write([]byte(p.Resource))
}

// callAt calls the MCP endpoint at a path.
func (s *site) callAt(path, token string) answer {
	s.Helper()
	return s.do(http.MethodPost, path, "{}", header{"Authorization": "Bearer " + token})
}

// TestResourceMetadata: 9728-01, 9728-06. Each resource has its own document and its
// own challenge.
func TestResourceMetadata(t *testing.T) {
	t.Parallel()
	s := twoResources(t)
	for path, want := range map[string]map[string]any{
		"/.well-known/oauth-protected-resource/mcp":       {"resource": resource, "resource_name": "Keep", "scopes_supported": []any{"mcp"}},
		"/.well-known/oauth-protected-resource":           {"resource": resource, "resource_name": "Keep", "scopes_supported": []any{"mcp"}},
		"/.well-known/oauth-protected-resource/notes/mcp": {"resource": notes, "resource_name": "Notes", "scopes_supported": []any{"mcp", "mcp:manage"}},
	} {
		want["authorization_servers"], want["bearer_methods_supported"] = []any{base}, []any{"header"}
		wantDocument(t, s.get(path), want)
	}
	for _, path := range []string{"", "/mcp", "/notes/mcp"} {
		var issuer map[string]any
		if err := json.Unmarshal([]byte(s.get("/.well-known/oauth-authorization-server"+path).Body), &issuer); err != nil {
			t.Fatal(path, err)
		}
		if diff := cmp.Diff([]any{resource, notes}, issuer["protected_resources"]); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	s.get("/.well-known/oauth-protected-resource/notes", asProgram).want(t, http.StatusNotFound, "invalid_request")
	const metadata = `Bearer resource_metadata="` + base + `/.well-known/oauth-protected-resource`
	for path, want := range map[string]string{
		"/mcp": metadata + `/mcp", scope="mcp"`, "/notes/mcp": metadata + `/notes/mcp", scope="mcp mcp:manage"`,
		"/notes/mcp/": metadata + `/notes/mcp", scope="mcp mcp:manage"`,
	} {
		if got := s.do(http.MethodPost, path, "{}").Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%s: challenge %s, want %s", path, got, want)
		}
	}
}

func wantDocument(t *testing.T, a answer, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Fatalf("%v in %d %q", err, a.Status, a.Body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got)\n%s", diff)
	}
}

// TestTokenForOneResource: AS-19, RS-09, 8707-02, 8707-04, 8707-05, 8707-08. A sign-in is
// for the resource that the client names, the consent page shows which, and its token is
// good there and nowhere else.
func TestTokenForOneResource(t *testing.T) {
	t.Parallel()
	s := twoResources(t)
	for name, tt := range map[string]struct {
		requested []string
		uri, path string
		elsewhere string
		title     string
	}{
		"the default":              {nil, resource, "/mcp", "/notes/mcp", "Keep"},
		"the origin":               {[]string{base + "/"}, resource, "/mcp", "/notes/mcp", "Keep"},
		"the first":                {[]string{resource}, resource, "/mcp", "/notes/mcp", "Keep"},
		"the second":               {[]string{notes}, notes, "/notes/mcp", "/mcp", "Notes"},
		"the second, with a slash": {[]string{notes + "/"}, notes, "/notes/mcp", "/mcp", "Notes"},
		"the second, twice":        {[]string{notes, "HTTPS://KEEP.example.com:443/notes/mcp"}, notes, "/notes/mcp", "/mcp", "Notes"},
	} {
		t.Run(name, func(t *testing.T) {
			c, b := s.register(), s.browser()
			change := url.Values{"resource": tt.requested, "scope": {"mcp mcp:manage offline_access"}}
			consent := b.signIn(c, change)
			consent.shows(t, http.StatusOK, tt.uri+"<", tt.title+"</bdi>")
			code := b.submit(consent, approve).target(t, c.redirect).Get("code")
			got := tokensOf(t, c.exchange(code, url.Values{"resource": tt.requested}))
			if a := s.callAt(tt.path, got.access); a.Status != http.StatusOK || a.Body != tt.uri {
				t.Errorf("at %s: %d %q", tt.path, a.Status, a.Body)
			}
			a := s.callAt(tt.elsewhere, got.access)
			a.want(t, http.StatusUnauthorized, "invalid_token")
		})
	}
	c := s.register()
	for name, list := range map[string][]string{
		"8707-04 two different ones":   {resource, notes},
		"the origin means the default": {base, notes},
		"8707-05 between":              {base + "/notes"},
		"8707-05 below":                {notes + "/mcp"},
	} {
		a := s.get(c.authorizePath(url.Values{"resource": list}), asProgram)
		if got := a.target(t, c.redirect).Get("error"); got != "invalid_target" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestTokenRequestForAnotherResource: 8707-03. A token request may not name another
// resource than the granted one, and changes nothing when it does.
func TestTokenRequestForAnotherResource(t *testing.T) {
	t.Parallel()
	s := twoResources(t)
	c := s.register()
	code := c.code("mcp offline_access") // for the first resource
	other := url.Values{"resource": {notes}}
	s.unchanged(t, func() { c.exchange(code, other).want(t, http.StatusBadRequest, "invalid_target") })
	got := tokensOf(t, c.exchange(code))
	s.unchanged(t, func() { c.refresh(got.refresh, other).want(t, http.StatusBadRequest, "invalid_target") })
	got = tokensOf(t, c.refresh(got.refresh))
	got = tokensOf(t, c.refresh(got.refresh, url.Values{"resource": {resource}}))
	if a := s.callAt("/mcp", got.access); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// TestResourceScopes: RS-05. Each resource needs its own scopes.
func TestResourceScopes(t *testing.T) {
	t.Parallel()
	s := twoResources(t)
	c, b := s.register(), s.browser()
	consent := b.signIn(c, url.Values{"resource": {notes}, "scope": {"mcp"}})
	code := b.submit(consent, approve).target(t, c.redirect).Get("code")
	a := s.callAt("/notes/mcp", tokensOf(t, c.exchange(code, url.Values{"resource": {notes}})).access)
	a.want(t, http.StatusForbidden, "insufficient_scope")
	if challenge := a.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `scope="mcp mcp:manage"`) {
		t.Errorf("challenge %s", challenge)
	}
}

func TestBadResources(t *testing.T) {
	t.Parallel()
	s := start(t)
	ok := http.NotFoundHandler()
	for name, list := range map[string][]server.Resource{
		"none":              {},
		"no handler":        {{Path: "/mcp"}},
		"relative":          {{Path: "mcp", Handler: ok}},
		"the root":          {{Path: "/", Handler: ok}},
		"trailing slash":    {{Path: "/mcp/", Handler: ok}},
		"empty segment":     {{Path: "/a//mcp", Handler: ok}},
		"one of our own":    {{Path: "/token", Handler: ok}},
		"below one of ours": {{Path: "/register/mcp", Handler: ok}},
		"a pattern":         {{Path: "/{x}/mcp", Handler: ok}},
		"a query":           {{Path: "/mcp?x", Handler: ok}},
		"two at one path":   {{Path: "/mcp", Handler: ok}, {Path: "/mcp", Handler: ok}},
		"unknown scope":     {{Path: "/mcp", Scopes: []string{"everything"}, Handler: ok}},
	} {
		bad := s.config
		bad.Resources = list
		if _, err := server.New(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
