package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// TestAlwaysAsks: A1, A3, A12, 8252-04. A person who has allowed an app is asked
// again at the next request, wherever the browser says that it comes from, also for
// loopback redirect URIs, which any program of the machine can claim; and nothing is
// sent anywhere by a visit.
func TestAlwaysAsks(t *testing.T) {
	t.Parallel()
	local := start(t)
	gitHub, _ := gitHubSite(t)
	for name, s := range map[string]*site{"local": local, "GitHub": gitHub} {
		for _, redirect := range []string{loopbackRedirect, "https://app.example/cb", "cursor://anysphere.cursor-mcp/oauth/callback"} {
			c := s.register(map[string]any{"redirect_uris": []string{redirect}})
			b := s.browser()
			if s == local {
				tokensOf(t, c.exchange(b.submit(b.signIn(c), approve).target(t, redirect).Get("code")))
			} else {
				tokensOf(t, c.exchange(b.approveAt(c).target(t, redirect).Get("code")))
			}
			for _, from := range []string{"", "none", "same-origin", "same-site", "cross-site"} {
				t.Run(fmt.Sprint(name, " ", redirect, " from ", from), func(t *testing.T) {
					s.unchanged(t, func() {
						p := b.visitFrom(c.authorizePath(), from)
						p.shows(t, http.StatusOK, `<form method="post"`)
						if p.Header.Get("Location") != "" {
							t.Errorf("redirected to %s", p.Header.Get("Location"))
						}
					})
				})
			}
		}
	}
}

// visitFrom is visit with the browser's word on who led it there.
func (b *browser) visitFrom(path, fetchSite string) page {
	b.s.Helper()
	req, err := http.NewRequestWithContext(b.s.Context(), http.MethodGet, b.s.config.BaseURL+path, http.NoBody)
	if err != nil {
		b.s.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if fetchSite != "" {
		req.Header.Set("Sec-Fetch-Site", fetchSite)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.s.Fatal(err)
	}
	return page{read(b.s, resp), resp.Request.URL}
}

// TestRegistrationsFromOneAddress: C-10, B9. Hosted clients share a few addresses:
// how many come from one is no reason to refuse any of them.
func TestRegistrationsFromOneAddress(t *testing.T) {
	t.Parallel()
	s := start(t)
	ids := make(map[string]bool)
	for range 150 {
		ids[s.register().id] = true
	}
	if len(ids) != 150 {
		t.Errorf("%d ids for 150 registrations", len(ids))
	}
	c := s.register()
	for range 50 {
		tokensOf(t, c.refresh(c.connect().refresh))
	}
}

// TestRegistrationStoresOneRow: 7591-15. No one has to be anyone to register, and
// nothing else happens but what the audit trail says.
func TestRegistrationStoresOneRow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		count := func() map[string]int64 {
			rows := make(map[string]int64)
			for _, table := range dbtest.Tables(t, s.sql) {
				rows[table] = dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM "+table)
			}
			return rows
		}
		before := count()
		s.register()
		for table, n := range count() {
			want := before[table]
			if table == "oauth_clients" || table == "mcpkeep_events" {
				want++
			}
			if n != want {
				t.Errorf("%s: %d rows, want %d", table, n, want)
			}
		}
	})
}

// TestProviderSecretStaysHere: B7. What a client gets is its own.
func TestProviderSecretStaysHere(t *testing.T) {
	t.Parallel()
	s, gh := gitHubSite(t)
	secrets := make(map[string]bool)
	for _, method := range []string{"none", "client_secret_post", "client_secret_basic"} {
		c := s.register(map[string]any{"token_endpoint_auth_method": method})
		if c.id == gh.ClientID || secrets[c.secret] && c.secret != "" {
			t.Errorf("client %s with a shared id or secret", c.id)
		}
		secrets[c.secret] = true
		p := s.browser().visit(c.authorizePath())
		for _, a := range []answer{p.answer, s.get("/.well-known/oauth-authorization-server"), s.call("")} {
			if strings.Contains(a.Body, gh.ClientSecret) || strings.Contains(a.Body, gh.ClientID) {
				t.Errorf("the credentials at the provider are in\n%s", a.Body)
			}
		}
	}
	if secrets[gh.ClientSecret] {
		t.Error("a client got the server's secret at the provider")
	}
}

// plainURL is what may be handed to a shell, a log or a page without harm.
var plainURL = regexp.MustCompile(`^https://keep\.example\.com(/[a-z0-9._/-]*)?$`)

// TestEmittedURLs: E3, E6. Every URL that clients are given is a plain one of this
// origin, made of the configuration and of nothing that a request holds.
func TestEmittedURLs(t *testing.T) {
	t.Parallel()
	s := start(t)
	hostile := header{"X-Forwarded-Host": "$(id).example", "X-Forwarded-Proto": "javascript", "Referer": "https://evil.example/`id`"}
	quoted := regexp.MustCompile(`"(https?://[^"]*)"`)
	found := 0
	for _, path := range []string{
		"/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp", "/mcp?$(id)", "/mcp/",
	} {
		a := s.get(path, hostile)
		for _, m := range quoted.FindAllStringSubmatch(a.Body+a.Header.Get("WWW-Authenticate"), -1) {
			found++
			if !plainURL.MatchString(m[1]) {
				t.Errorf("%s: %q", path, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("%d URLs looked at", found)
	}
}

// TestNoOtherGrants: AS-24, 2.1-01. No grant is there by accident.
func TestNoOtherGrants(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"})
	for _, grant := range []string{
		"client_credentials", "password", "implicit", "urn:ietf:params:oauth:grant-type:device_code",
		"urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange", oauth.NewCode(),
	} {
		s.unchanged(t, func() {
			s.form("/token", map[string][]string{
				"grant_type": {grant}, "client_id": {c.id}, "client_secret": {c.secret}, "username": {"owner"}, "password": {password},
			}).want(t, http.StatusBadRequest, "unsupported_grant_type")
		})
	}
}

// TestSelfAssertedURLsAreNotFetched: B11. What a client says about itself is not
// looked at, neither when it registers nor when a person signs in with it.
func TestSelfAssertedURLsAreNotFetched(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(canary.Close)
	s := start(t)
	metadata := make(map[string]any)
	for _, member := range []string{"client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri", "sector_identifier_uri", "initiate_login_uri"} {
		metadata[member] = canary.URL + "/" + member
	}
	c := s.register(metadata)
	b := s.browser()
	p := b.signIn(c)
	if strings.Contains(p.Body, "<img") || strings.Contains(p.Body, `src="`+canary.URL) {
		t.Error("the page loads something of the client's")
	}
	got := tokensOf(t, c.exchange(b.submit(p, approve).target(t, c.redirect).Get("code")))
	tokensOf(t, c.refresh(got.refresh))
	s.get(c.authorizePath(url.Values{"request_uri": {canary.URL + "/request"}}), asProgram)
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
}
