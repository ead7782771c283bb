package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// googleFlight is a sign-in at a FastMCP server with its Google provider, whose user is at
// Google.
type googleFlight struct {
	*takeover
	google *oidctest.Server
	id     string
	proof  string // FastMCP's own verifier
}

// departToGoogle begins a sign-in at FastMCP, where the users of example.com may sign in.
func departToGoogle(t *testing.T) *googleFlight {
	t.Helper()
	google := oidctest.New(t, oidctest.Google())
	google.SetNonceOptional(true)
	google.AddPerson(oidctest.Claims{"sub": "a1", "email": "alice@example.com", "email_verified": true, "hd": "example.com"})
	google.AddPerson(oidctest.Claims{"sub": "b2", "email": "bob@evil.example", "email_verified": true, "hd": "evil.example"})
	provider, err := identity.NewGoogle(identity.OIDCConfig{
		ClientID: google.ClientID, ClientSecret: google.ClientSecret, HTTPClient: google.Client(), Now: google.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	verifier := &fastmcp.Verifier{
		Keys: []fastmcp.SigningKey{fastmcp.KeyOfClientSecret(fastmcptest.Secret)}, Issuers: []string{base, base + "/"}, Audiences: []string{resource},
	}
	s := start(t, func(set *setup) {
		set.FastMCP, set.Provider, set.Policy = verifier, provider, identity.Policy{Domains: []string{"example.com"}}
	})
	s.clock.advance(time.Since(s.clock.Now()))
	w := &takeover{site: s, python: fastmcptest.New(base, s.keys)}
	w.client = s.putClient("python-client", w.seal, map[string]any{"scope": "openid"})
	f := &googleFlight{takeover: w, google: google, id: fastmcptest.ID(), proof: oauth.NewVerifier()}
	w.row(fastmcp.TransactionCollection, f.id, fastmcptest.Transaction(f.id, f.request(), w.clock.Now()))
	return f
}

func (f *googleFlight) request() fastmcptest.Request {
	return fastmcptest.Request{
		ClientID: f.client.id, RedirectURI: f.client.redirect, State: "state-of-the-client",
		Challenge: oauth.Challenge(f.client.verifier), Verifier: f.proof,
	}
}

// atGoogle signs someone in where FastMCP 2.13.2 and later send them: without a nonce.
func (f *googleFlight) atGoogle(sub string) *url.URL {
	f.Helper()
	f.google.SignInAs(sub)
	return f.google.Browse(f, "https://accounts.google.com/o/oauth2/v2/auth?"+url.Values{
		"response_type": {"code"}, "client_id": {f.google.ClientID}, "redirect_uri": {base + "/auth/callback"}, "state": {f.id},
		"scope": {"openid email"}, "code_challenge": {oauth.Challenge(f.proof)}, "code_challenge_method": {"S256"},
		"access_type": {"offline"}, "prompt": {"consent"},
	}.Encode())
}

// TestInFlightAtGoogle: who was at Google when traffic moved finishes, after our consent page,
// although FastMCP sends no nonce, and stays signed in: Google gave a refresh token.
func TestInFlightAtGoogle(t *testing.T) {
	t.Parallel()
	f := departToGoogle(t)
	b := f.browser()
	p := b.at(f.atGoogle("a1"))
	p.shows(t, http.StatusOK, "wants to connect")
	p.shows(t, http.StatusOK, "alice@example.com")
	if len(f.grants()) > 0 {
		t.Error("there is a grant without consent")
	}
	q := b.submit(p, approve).target(t, f.client.redirect)
	if q.Get("state") != "state-of-the-client" {
		t.Errorf("the client gets %v", q)
	}
	got := tokensOf(t, f.client.exchange(q.Get("code")))
	f.wantAccess(t, got.access, true)
	if f.has(fastmcp.TransactionCollection, f.id) {
		t.Error("FastMCP could finish it again")
	}
	f.clock.advance(2 * time.Hour)
	f.google.Advance(2 * time.Hour)
	renewals := f.google.Calls("token")
	f.wantAccess(t, tokensOf(t, f.client.refresh(got.refresh)).access, true)
	if f.google.Calls("token") == renewals {
		t.Error("Google was not asked for a new token")
	}
}

// TestInFlightAtGoogleRefuses: the lists decide about who was at Google, and an ID token with
// a nonce is one of another sign-in.
func TestInFlightAtGoogleRefuses(t *testing.T) {
	t.Parallel()
	f := departToGoogle(t)
	f.browser().at(f.atGoogle("b2")).shows(t, http.StatusForbidden, "bob@evil.example")

	f = departToGoogle(t)
	f.google.Change(func(c oidctest.Claims) { c["nonce"] = "of-another-sign-in" })
	p := f.browser().at(f.atGoogle("a1"))
	if strings.Contains(p.Body, "wants to connect") || len(f.grants()) > 0 {
		t.Errorf("another sign-in's ID token is taken: %d %s", p.Status, p.Body)
	}
}

// TestInFlightGoogleCode: a code of FastMCP that stands for a sign-in at Google gives tokens,
// once.
func TestInFlightGoogleCode(t *testing.T) {
	t.Parallel()
	f := departToGoogle(t)
	back := f.atGoogle("a1")
	provider, _ := f.config.Provider.(identity.RedirectProvider)
	_, token, err := provider.Exchange(t.Context(), identity.ExchangeRequest{
		Code: back.Query().Get("code"), Verifier: f.proof, RedirectURI: base + "/auth/callback", Foreign: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.log.secret(token.AccessToken, token.RefreshToken)
	code := fastmcptest.ID()
	f.row(fastmcp.CodeCollection, code, fastmcptest.Code(code, f.request(), fastmcptest.Upstream{
		AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, ExpiresAt: token.Expiry,
	}, f.clock.Now()))
	got := tokensOf(t, f.client.exchange(code))
	f.wantAccess(t, got.access, true)
	if n := len(f.grants()); n != 1 {
		t.Errorf("%d grants", n)
	}
	f.client.exchange(code).want(t, http.StatusBadRequest, "invalid_grant")
}
