package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// fronted is the default resource, and one that a proxy in front guards.
func fronted() []server.Resource {
	list := onlyNotes(identity.Local{}.Person().Login)
	list[1].Scopes = []string{"mcp"}
	list[1].Front = &server.Front{Upstream: "notes", Identify: func(_ context.Context, h http.Header, p principal.Principal) error {
		h.Set("X-Mcpkeep-User", p.User.ID)
		h.Set("X-Mcpkeep-Client", p.ClientID)
		return nil
	}}
	return list
}

// connectTo signs in for a resource.
func (s *site) connectTo(c *client, uri string) tokens {
	s.Helper()
	at, b := url.Values{"resource": {uri}}, s.browser()
	code := b.submit(b.signIn(c, at, url.Values{"scope": {"mcp offline_access"}}), approve).target(s, c.redirect).Get("code")
	return tokensOf(s, c.exchange(code, at))
}

// asks is a proxy's question about a request with a token.
func (s *site) asks(query, token string, headers ...header) answer {
	s.Helper()
	if token != "" {
		headers = append(headers, header{"Authorization": "Bearer " + token})
	}
	return s.get("/auth/verify?"+query, headers...)
}

// TestVerify: a proxy in front gets 200 with who calls, or the answer that the endpoint
// itself would give: the challenge of the upstream's resource, without a token, with one for
// another resource, with a revoked one, and when the user may no longer enter.
func TestVerify(t *testing.T) {
	t.Parallel()
	resources := fronted()
	s := start(t, func(set *setup) { set.Resources = resources })
	c := s.register()
	got := s.connectTo(c, notes)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		a := s.do(method, "/auth/verify?upstream=notes&original=/notes/mcp", "", header{"Authorization": "Bearer " + got.access})
		if a.Status != http.StatusOK || a.Body != "" || a.Header.Get("X-Mcpkeep-User") != s.userOf(t, got.access) || a.Header.Get("X-Mcpkeep-Client") != c.id {
			t.Errorf("%s: %d %v %s", method, a.Status, a.Header, a.Body)
		}
	}
	const challenge = `Bearer resource_metadata="` + base + `/.well-known/oauth-protected-resource/notes/mcp", scope="mcp"`
	refused := func(name string, a answer, want string) {
		t.Helper()
		if h := a.Header; a.Status != http.StatusUnauthorized || !strings.HasPrefix(h.Get("WWW-Authenticate"), want) || h.Get("X-Mcpkeep-User") != "" {
			t.Errorf("%s: %d %v", name, a.Status, h)
		}
	}
	const invalid = challenge + `, error="invalid_token"`
	refused("no token", s.asks("upstream=notes", ""), challenge)
	refused("garbage", s.asks("upstream=notes", "mka_garbage"), invalid)
	refused("of another resource", s.asks("upstream=notes", s.connectTo(c, resource).access), invalid)
	resources[1].Entry.Users = []string{"someone-else"}
	refused("off the list", s.asks("upstream=notes", got.access), invalid)
	resources[1].Entry.Users = []string{identity.Local{}.Person().Login}
	if a := s.asks("upstream=notes", got.access); a.Status != http.StatusOK {
		t.Errorf("on the list again: %d", a.Status)
	}
	c.revoke(got.refresh)
	refused("revoked", s.asks("upstream=notes", got.access), invalid)
}

// TestVerifyScope: a token without the scope of the resource gets 403 and the challenge that
// asks for it.
func TestVerifyScope(t *testing.T) {
	t.Parallel()
	resources := fronted()
	s := start(t, func(set *setup) { set.Resources = resources })
	got := s.connectTo(s.register(), notes)
	resources[1].Scopes = []string{"mcp", "mcp:manage"}
	s.serve()
	a := s.asks("upstream=notes", got.access)
	a.want(t, http.StatusForbidden, "insufficient_scope")
	if h := a.Header.Get("WWW-Authenticate"); !strings.Contains(h, `error="insufficient_scope"`) || !strings.Contains(h, `scope="mcp mcp:manage"`) {
		t.Errorf("challenge %s", h)
	}
}

// TestVerifyTrustsNothing: what a request says of its host, path, method or user means
// nothing, and the name of the upstream is needed once.
func TestVerifyTrustsNothing(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.Resources = fronted() })
	c := s.register()
	got, other := s.connectTo(c, notes), s.connectTo(c, resource)
	forged := header{
		"X-Forwarded-Host": "evil.example", "X-Forwarded-Uri": "/mcp", "X-Original-Url": base + "/mcp", "X-Original-Method": "GET",
		"X-Forwarded-Method": "OPTIONS", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example",
		"X-Mcpkeep-User": "u_forged", "X-Mcpkeep-Groups": "admins", "X_mcpkeep_user": "u_forged",
	}
	a := s.asks("upstream=notes", got.access, forged)
	if a.Status != http.StatusOK || a.Header.Get("X-Mcpkeep-User") != s.userOf(t, got.access) || a.Header.Get("X-Mcpkeep-Groups") != "" {
		t.Errorf("forged headers: %d %v", a.Status, a.Header)
	}
	a = s.asks("upstream=notes", other.access, forged)
	if h := a.Header.Get("WWW-Authenticate"); a.Status != http.StatusUnauthorized || !strings.Contains(h, base+"/.well-known/oauth-protected-resource/notes/mcp") {
		t.Errorf("a token for the path that the request names: %d %s", a.Status, h)
	}
	for _, host := range []string{"mcpkeep:8080", "evil.example"} { // a proxy asks by the address that it has
		if a := s.getFrom(host, "/auth/verify?upstream=notes"); a.Status != http.StatusUnauthorized || strings.Contains(a.Header.Get("WWW-Authenticate"), host) {
			t.Errorf("as %s: %d %v", host, a.Status, a.Header)
		}
	}
	for query, status := range map[string]int{
		"": 400, "upstream=": 404, "upstream=other": 404, "upstream=mcp": 404, "upstream=default": 404, "upstream=/notes/mcp": 404,
		"upstream=notes&upstream=notes": 400, "upstream=notes&upstream=other": 400, "upstream=notes;x": 400, "upstream=notes&%zz": 400,
	} {
		if a := s.asks(query, got.access); a.Status != status || a.Header.Get("X-Mcpkeep-User") != "" {
			t.Errorf("%q: %d %s, want %d", query, a.Status, a.Body, status)
		}
	}
	a = s.asks("upstream=notes", got.access, header{"Origin": "https://evil.example"})
	a.want(t, http.StatusForbidden, "invalid_request")
}

// TestVerifyOutage: without its database mcpkeep lets those in whose token it has seen
// lately, and asks others to wait.
func TestVerifyOutage(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.Resources = fronted() })
	c := s.register()
	seen, unseen := s.connectTo(c, notes), s.connectTo(c, notes)
	if a := s.asks("upstream=notes", seen.access); a.Status != http.StatusOK {
		t.Fatal(a.Status)
	}
	s.fail()
	defer s.store.recover()
	if a := s.asks("upstream=notes", seen.access); a.Status != http.StatusOK || a.Header.Get("X-Mcpkeep-User") == "" {
		t.Errorf("seen lately: %d %s", a.Status, a.Body)
	}
	a := s.asks("upstream=notes", unseen.access)
	a.want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if a.Header.Get("Retry-After") == "" || a.Header.Get("X-Mcpkeep-User") != "" {
		t.Errorf("%v", a.Header)
	}
}

// TestVerifyUnfit: an upstream that no proxy can guard gets 500, with or without a token, and the log
// says why. So does one whose headers cannot be made.
func TestVerifyUnfit(t *testing.T) {
	t.Parallel()
	resources := fronted()
	s := start(t, func(set *setup) { set.Resources = resources })
	s.defects = true
	got := s.connectTo(s.register(), notes)
	resources[1].Front.Unfit = errors.New("its rules need the body")
	for _, token := range []string{got.access, ""} {
		if a := s.asks("upstream=notes", token); a.Status != http.StatusInternalServerError || a.Header.Get("X-Mcpkeep-User") != "" {
			t.Errorf("%d %v", a.Status, a.Header)
		}
	}
	if n := strings.Count(s.log.String(), `"error":"its rules need the body"`); n != 2 {
		t.Errorf("%d lines say why", n)
	}
	resources[1].Front = &server.Front{Upstream: "notes", Identify: func(_ context.Context, h http.Header, _ principal.Principal) error {
		h.Set("X-Mcpkeep-User", "half")
		return errors.New("no key")
	}}
	if a := s.asks("upstream=notes", got.access); a.Status != http.StatusInternalServerError || a.Header.Get("X-Mcpkeep-User") != "" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
}
