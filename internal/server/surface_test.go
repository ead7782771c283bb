package server_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/server"
)

// TestMetadata: AS-02 to AS-05, AS-16, AS-22, 8414-01 to 8414-07,
// 8414-09, 8414-10, 9728-01 to 9728-05, 9207-02.
func TestMetadata(t *testing.T) {
	t.Parallel()
	s := start(t)
	algs := []any{"RS256", "PS256", "ES256", "EdDSA"}
	issuer := map[string]any{
		"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
		"registration_endpoint": base + "/register", "revocation_endpoint": base + "/revoke",
		"scopes_supported": []any{"mcp", "offline_access"}, "response_types_supported": []any{"code"},
		"response_modes_supported": []any{"query"}, "grant_types_supported": []any{"authorization_code", "refresh_token"},
		"token_endpoint_auth_methods_supported":            []any{"none", "client_secret_post", "client_secret_basic", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": algs, "revocation_endpoint_auth_signing_alg_values_supported": algs,
		"introspection_endpoint_auth_signing_alg_values_supported": algs,
		"revocation_endpoint_auth_methods_supported":               []any{"none", "client_secret_post", "client_secret_basic", "private_key_jwt"},
		"introspection_endpoint":                                   base + "/introspect",
		"introspection_endpoint_auth_methods_supported":            []any{"client_secret_post", "client_secret_basic", "private_key_jwt"},
		"code_challenge_methods_supported":                         []any{"S256"},
		"authorization_response_iss_parameter_supported":           true, "protected_resources": []any{resource},
	}
	protected := map[string]any{
		"resource": resource, "authorization_servers": []any{base}, "scopes_supported": []any{"mcp"},
		"bearer_methods_supported": []any{"header"}, "resource_name": "Keep",
	}
	tests := map[string]map[string]any{
		"/.well-known/oauth-authorization-server":     issuer,
		"/.well-known/oauth-authorization-server/mcp": issuer,
		"/.well-known/oauth-protected-resource":       protected,
		"/.well-known/oauth-protected-resource/mcp":   protected,
	}
	requests := map[string]header{
		"plain":                     {},
		"8414-07 forwarded":         {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"},
		"D8 host with default port": {"Host": "keep.example.com:443"},
		"host in upper case":        {"Host": "KEEP.example.COM"},
		"8414-09 protocol version":  {"MCP-Protocol-Version": "2025-11-25", "Origin": "https://inspector.example"},
		"a browser":                 {"Accept": "text/html"},
	}
	for path, want := range tests {
		for name, h := range requests {
			t.Run(path+" "+name, func(t *testing.T) {
				a := s.get(path, h)
				var got map[string]any
				if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Header.Get("Content-Type") != "application/json" {
					t.Fatalf("%v in %d %q", err, a.Status, a.Body)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("document (-want +got)\n%s", diff)
				}
			})
		}
	}
}

// TestUnknownPaths: 8414-08, 9728-08.
func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{
		"/.well-known/openid-configuration", "/.well-known/openid-configuration/mcp",
		"/.well-known/oauth-protected-resource/other", "/.well-known/oauth-protected-resource/mcp/", "/.well-known/", "/.well-known/jwks.json",
	} {
		for _, h := range []header{{}, asProgram, asBrowser} {
			s.get(path, h).want(t, http.StatusNotFound, "invalid_request")
		}
	}
	s.get("/", asProgram).want(t, http.StatusNotFound, "invalid_request")
	for _, path := range []string{"/favicon.ico", "/register/", "/register/a/b", "/token/", "/Token", "/authorize/", "/robots.txt", "/mcp/x", "/mcp/.well-known/openid-configuration", "/auth", "/auth/callback"} {
		s.get(path, asProgram).want(t, http.StatusNotFound, "invalid_request")
		s.browser().visit(path).shows(t, http.StatusNotFound, "Page not found")
	}
}

// TestMethods: 6749-12, 7591-01, 2.1-01.
func TestMethods(t *testing.T) {
	t.Parallel()
	s := start(t)
	paths := map[string]string{
		"/register": "POST, OPTIONS", "/register/c_x": "GET, PUT, DELETE, OPTIONS", "/token": "POST, OPTIONS", "/revoke": "POST, OPTIONS",
		"/introspect": "POST, OPTIONS", "/auth/verify": "GET, HEAD, POST, DELETE, OPTIONS",
		"/.well-known/oauth-authorization-server": "GET, HEAD, OPTIONS", "/.well-known/oauth-protected-resource/mcp": "GET, HEAD, OPTIONS",
		"/authorize": "GET, HEAD, POST", "/consent": "GET, HEAD, POST", "/auth/callback": "GET, HEAD",
	}
	for path, allow := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} {
			if strings.Contains(allow, method) {
				continue
			}
			t.Run(method+" "+path, func(t *testing.T) {
				s.unchanged(t, func() {
					a := s.do(method, path, "", asProgram)
					if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != allow {
						t.Errorf("got %d, Allow %q; want 405, %q", a.Status, a.Header.Get("Allow"), allow)
					}
				})
			})
		}
	}
}

// TestPreflight: C-08.
func TestPreflight(t *testing.T) {
	t.Parallel()
	s := start(t)
	ask := header{
		"Origin": "https://inspector.example", "Access-Control-Request-Method": "POST",
		"Access-Control-Request-Headers": "authorization, content-type, mcp-protocol-version, mcp-param-region,Mcp-Param-Size, x-other",
	}
	for _, path := range []string{
		"/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/mcp", "/.well-known/oauth-protected-resource",
		"/.well-known/oauth-protected-resource/mcp", "/.well-known/openid-configuration", "/token", "/register", "/register/c_x", "/revoke", "/introspect", "/mcp",
		"/auth/verify",
	} {
		a := s.do(http.MethodOptions, path, "", ask)
		if a.Status != http.StatusNoContent || a.Body != "" {
			t.Errorf("%s: %d %q", path, a.Status, a.Body)
		}
		allowed := strings.Split(a.Header.Get("Access-Control-Allow-Headers"), ", ")
		for _, want := range []string{
			"Authorization", "Content-Type", "MCP-Protocol-Version", "Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "Last-Event-ID",
			"mcp-param-region", "Mcp-Param-Size",
		} {
			if !strings.Contains(strings.Join(allowed, "\n"), want) {
				t.Errorf("%s: %s is not among %q", path, want, allowed)
			}
		}
		if slices.Contains(allowed, "x-other") {
			t.Errorf("%s: any header may be sent: %q", path, allowed)
		}
		if exposed := a.Header.Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "WWW-Authenticate") {
			t.Errorf("%s exposes %q", path, exposed)
		}
	}
	for _, path := range []string{"/authorize", "/consent", "/auth/callback", "/healthz"} {
		if a := s.do(http.MethodOptions, path, "", ask); a.Status < 400 {
			t.Errorf("9700-06: OPTIONS %s: %d", path, a.Status)
		}
	}
}

// TestHost: D1, D8. Health asks no Host.
func TestHost(t *testing.T) {
	t.Parallel()
	public := start(t)
	local := start(t, func(set *setup) { set.BaseURL, set.Loopback = "http://127.0.0.1:8080", true })
	tests := []struct {
		s    *site
		host string
		ok   bool
	}{
		{public, "keep.example.com", true}, {public, "KEEP.EXAMPLE.COM:443", true},
		{public, "keep.example.com:80", false}, {public, "evil.example", false}, {public, "keep.example.com.evil.example", false},
		{public, "evil.keep.example.com", false}, {public, "localhost", false}, {public, "127.0.0.1:8080", false}, {public, "", false},
		{local, "127.0.0.1:8080", true}, {local, "localhost:8080", true}, {local, "localhost", true}, {local, "[::1]:9", true},
		{local, "evil.example:8080", false}, {local, "localhost.evil.example:8080", false}, {local, "127.0.0.1.evil.example", false},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			for _, path := range []string{"/.well-known/oauth-protected-resource", "/authorize", "/mcp", "/nothing"} {
				a := tt.s.getFrom(tt.host, path)
				if (a.Status != http.StatusForbidden) != tt.ok {
					t.Errorf("%s: %d %s", path, a.Status, a.brief())
				}
			}
			for _, path := range []string{"/healthz", "/readyz"} {
				if a := tt.s.getFrom(tt.host, path); a.Status != http.StatusOK {
					t.Errorf("%s: %d %s", path, a.Status, a.Body)
				}
			}
		})
	}
}

func (s *site) getFrom(host, path string) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.config.BaseURL+path, http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	req.Host = host
	if host == "" {
		req.Host = " " // what an HTTP/1.0 request without Host comes down to
	}
	return s.send(req)
}

// TestPanic: the page and the log share a reference; a begun answer is cut off.
func TestPanic(t *testing.T) {
	t.Parallel()
	var begin, abort bool
	s := start(t, func(set *setup) {
		set.Resources = protecting(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if begin {
				_, _ = io.WriteString(w, "half of")
			}
			if abort {
				panic(http.ErrAbortHandler)
			}
			panic("the handler's bug")
		}))
	})
	s.defects = true
	token := s.register().connect().access
	call := func(h header) answer { return s.call(token, h) }
	p := page{answer: call(asBrowser)}
	m := referencePattern.FindStringSubmatch(p.Body)
	if p.Status != http.StatusInternalServerError || m == nil || strings.Contains(p.Body, "bug") {
		t.Fatalf("got %d %s", p.Status, p.brief())
	}
	if log := s.log.String(); !strings.Contains(log, "the handler's bug") || !strings.Contains(log, m[1]) {
		t.Errorf("panic or reference %s are not in the log\n%s", m[1], log)
	}
	a := call(header{"Accept": "*/*"})
	a.want(t, http.StatusInternalServerError, "server_error")
	ref := a.member("error_description")
	if ref = ref[strings.LastIndex(ref, " ")+1:]; len(ref) != 10 || !strings.Contains(s.log.String(), ref) {
		t.Errorf("reference %q is not in the log", ref)
	}
	for _, mode := range []struct{ begin, abort bool }{{true, false}, {false, true}} {
		begin, abort = mode.begin, mode.abort
		got, _ := recovered(func() { call(asBrowser) }).(error)
		if !errors.Is(got, http.ErrAbortHandler) {
			t.Errorf("begin %t, abort %t: panic %v, want the connection to end", begin, abort, got)
		}
	}
}

func recovered(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

func TestNew(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, url := range []string{"", "keep.example.com", base + "/", base + "/x", base + "?x", base + "#x", "https://u@keep.example.com", "%"} {
		bad := s.config
		bad.BaseURL = url
		if _, err := server.New(bad); err == nil {
			t.Errorf("a server at %q", url)
		}
	}
	for name, change := range map[string]func(*server.Config){
		"store": func(c *server.Config) { c.Store = nil }, "provider": func(c *server.Config) { c.Provider = nil }, "resources": func(c *server.Config) { c.Resources = nil },
		"logger": func(c *server.Config) { c.Logger = nil },
	} {
		bad := s.config
		change(&bad)
		if _, err := server.New(bad); err == nil {
			t.Errorf("a server without %s", name)
		}
	}
}
