package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/server"
)

// further are names next to base: Cloud Run's second address, one inside a cluster, an
// international one, and this machine's.
var further = []string{
	"https://keep-4x7-uc.a.run.app", "http://keep.default.svc.cluster.local:8080", "https://xn--bcher-kva.example", "http://localhost:8080", "http://[::1]:8080",
}

func named(set *setup) { set.Names = further }

// at makes a header that sends a request to a name.
func at(origin string) header { return header{"Host": hostOf(origin)} }

// TestNames: 9728-03, 9728-06, 8414-01. Each name is a resource with its own metadata and
// challenge; the issuer and its document are the same everywhere.
func TestNames(t *testing.T) {
	t.Parallel()
	s := start(t, named)
	issuer := s.get("/.well-known/oauth-authorization-server").Body
	for _, origin := range append([]string{base}, further...) {
		for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"} {
			wantDocument(t, s.get(path, at(origin)), map[string]any{
				"resource": origin + "/mcp", "authorization_servers": []any{base}, "scopes_supported": []any{"mcp"},
				"bearer_methods_supported": []any{"header"}, "resource_name": "Keep",
			})
		}
		if got := s.get("/.well-known/oauth-authorization-server", at(origin)).Body; got != issuer {
			t.Errorf("%s: the issuer's document is %s", origin, got)
		}
		if !strings.Contains(issuer, `"`+origin+`/mcp"`) {
			t.Errorf("%s is not among protected_resources: %s", origin, issuer)
		}
		want := `Bearer resource_metadata="` + origin + `/.well-known/oauth-protected-resource/mcp", scope="mcp"`
		if got := s.do(http.MethodPost, "/mcp", "{}", at(origin)).Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("challenge %s, want %s", got, want)
		}
	}
	for _, host := range []string{"KEEP-4X7-UC.a.run.app:443", "b%C3%BCcher.example", "XN--bcher-kva.example", "[0:0::1]:8080"} {
		if a := s.getFrom(host, "/.well-known/oauth-protected-resource"); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", host, a.Status, a.Body)
		}
	}
}

// TestTokenAtEveryName: AS-19, 8707-05. A sign-in that names the resource at one name has a
// token that is good at each; paths are not interchangeable.
func TestTokenAtEveryName(t *testing.T) {
	t.Parallel()
	s := start(t, named, func(set *setup) {
		ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		set.Resources = []server.Resource{{Path: "/mcp", Handler: ok}, {Path: "/notes", Handler: ok}}
	})
	for _, asked := range append([]string{base}, further...) {
		c, b := s.register(), s.browser()
		consent := b.signIn(c, url.Values{"resource": {asked + "/mcp"}})
		code := b.submit(consent, approve).target(t, c.redirect).Get("code")
		got := tokensOf(t, c.exchange(code, url.Values{"resource": {further[0] + "/mcp/"}}))
		got = tokensOf(t, c.refresh(got.refresh, url.Values{"resource": {further[1] + "/mcp"}}))
		for _, origin := range append([]string{base}, further...) {
			h := header{"Host": hostOf(origin), "Authorization": "Bearer " + got.access}
			if a := s.do(http.MethodPost, "/mcp", "{}", h); a.Status != http.StatusNoContent {
				t.Errorf("asked at %s, used at %s: %d %s", asked, origin, a.Status, a.Body)
			}
			s.do(http.MethodPost, "/notes", "{}", h).want(t, http.StatusUnauthorized, "invalid_token")
		}
		s.unchanged(t, func() {
			c.refresh(got.refresh, url.Values{"resource": {further[0] + "/notes"}}).want(t, http.StatusBadRequest, "invalid_target")
			c.refresh(got.refresh, url.Values{"resource": {"https://evil.example/mcp"}}).want(t, http.StatusBadRequest, "invalid_target")
		})
	}
}

// TestOtherIssuer: when the first name changes places with another one, tokens stay good.
func TestOtherIssuer(t *testing.T) {
	t.Parallel()
	s := start(t, named)
	c := s.register()
	got := c.connect()
	moved := s.replica(func(cfg *server.Config) { cfg.BaseURL, cfg.Names = further[0], []string{base} })
	moved.wantAccess(t, got.access, true)
	other := *c
	other.s = moved
	tokensOf(t, other.refresh(got.refresh))
}

// TestIssuerOnly: people sign in at the issuer; programs get their answers at each name.
func TestIssuerOnly(t *testing.T) {
	t.Parallel()
	s := start(t, named)
	c := s.register()
	elsewhere := at(further[1])
	for _, path := range []string{c.authorizePath(), "/consent?id=az_x", "/auth/callback?code=x&state=y%20z"} {
		a := s.get(path, elsewhere, asBrowser)
		if got := a.Header.Get("Location"); a.Status != http.StatusFound || got != base+path {
			t.Errorf("%d to %q, want %q", a.Status, got, base+path)
		}
	}
	s.form("/authorize", url.Values{"client_id": {c.id}}, elsewhere, asProgram).want(t, http.StatusBadRequest, "invalid_request")
	code := c.code("mcp offline_access")
	got := tokensOf(t, s.form("/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.redirect}, "client_id": {c.id}, "code_verifier": {c.verifier},
	}, elsewhere))
	s.form("/introspect", url.Values{"token": {got.access}, "client_id": {c.id}}, elsewhere).want(t, http.StatusUnauthorized, "invalid_client")
	s.form("/revoke", url.Values{"token": {got.refresh}, "client_id": {c.id}}, elsewhere).want(t, http.StatusOK, "")
	s.wantAccess(t, got.access, false)
	a := s.do(http.MethodPost, "/register", `{"redirect_uris":["http://127.0.0.1/cb"]}`, elsewhere, asJSON)
	if a.Status != http.StatusCreated {
		t.Errorf("registration: %d %s", a.Status, a.Body)
	}
}

// TestUnknownHost: D1. People and programs are told the right address, the log has what was
// asked, cut, and the answer has nothing of it.
func TestUnknownHost(t *testing.T) {
	t.Parallel()
	s := start(t, named)
	const asked = "evil-host.example"
	for _, path := range []string{"/", "/mcp", "/authorize", "/token"} {
		a := s.get(path, header{"Host": asked}, asProgram)
		a.want(t, http.StatusForbidden, "unknown_host")
		p := page{answer: s.get(path, header{"Host": asked}, asBrowser), at: &url.URL{Path: path}}
		p.shows(t, http.StatusForbidden, resource, "not the address")
		if !strings.Contains(a.member("error_description"), resource) || strings.Contains(a.Body+p.Body, "evil-host") {
			t.Errorf("%s: %s %s", path, a.Body, p.brief())
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: a page of another host may read the answer", path)
		}
	}
	s.get("/", header{"Host": big(5000)})
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "host refused") && len(line) > 1500 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if log := s.log.String(); !strings.Contains(log, asked) || !strings.Contains(log, base+" "+further[0]) || !strings.Contains(log, "MCPKEEP_BASE_URL") {
		t.Errorf("the log lacks the host, the expected ones or the setting: %s", log)
	}
}

func TestBadNames(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"", base, "http://keep.example.com", "https://Other.example", "https://other.example/", "https://other.example:443", "other.example"} {
		bad := s.config
		bad.Names = []string{name}
		if _, err := server.New(bad); err == nil {
			t.Errorf("a server at %q", name)
		}
	}
}

// TestForwardedPort: a request that something on this machine passes on, such as an SSH
// tunnel, arrives with another port. The server's own port is a name or it is not.
func TestForwardedPort(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.BaseURL = "http://127.0.0.1:8080" })
	for host, status := range map[string]int{
		"127.0.0.1:8080": http.StatusOK, "127.0.0.1:9000": http.StatusOK, "localhost:9000": http.StatusOK, "[::1]:9000": http.StatusOK,
		"localhost:8080": http.StatusForbidden, "evil.example.com": http.StatusForbidden, "evil.example.com:9000": http.StatusForbidden,
	} {
		if a := s.getFrom(host, "/.well-known/oauth-protected-resource"); a.Status != status {
			t.Errorf("%s: %d %s, want %d", host, a.Status, a.Body, status)
		}
	}
}
