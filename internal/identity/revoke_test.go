package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
)

// TestGitHubRevoke: 7009-05. One token ends, another one of the same account stays.
func TestGitHubRevoke(t *testing.T) {
	t.Parallel()
	for name, lifetime := range map[string]time.Duration{"OAuth app": 0, "GitHub App": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startGitHub(t)
			s.SetTokenLifetime(lifetime)
			g := provider(t, s, func(c *identity.GitHubConfig) { c.Now = s.Now })
			_, given := signIn(t, s, g)
			_, kept := signIn(t, s, g)
			s.SetFault(githubtest.ServiceUnavailable)
			wantError(t, g.Revoke(t.Context(), given), identity.ErrUnavailable, "503")
			s.SetFault(githubtest.Healthy)
			if lifetime > 0 {
				s.Advance(2 * lifetime) // expired, and can be renewed
			}
			for range 2 {
				if err := g.Revoke(t.Context(), given); err != nil || s.Tokens("octocat") != 1 {
					t.Errorf("%v, %d tokens left, want one", err, s.Tokens("octocat"))
				}
			}
			_, _, err := g.Recheck(t.Context(), given)
			wantError(t, err, identity.ErrRefused, "sign in again")
			if _, _, err = g.Recheck(t.Context(), kept); err != nil {
				t.Errorf("the other token: %v", err)
			}
		})
	}
}

// TestOIDCRevoke: 7009-05, in either way of client authentication.
func TestOIDCRevoke(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{"client_secret_basic", "client_secret_post"} {
		t.Run(auth, func(t *testing.T) {
			t.Parallel()
			p := oidctest.Panva()
			p.TokenAuth = auth
			p.Document["token_endpoint_auth_methods_supported"] = []string{auth}
			p.Document["revocation_endpoint"] = "/revocation"
			s := startOIDC(t, p)
			o := relyingParty(t, s, nil)
			_, given := oidcSignIn(t, s, o)
			_, kept := oidcSignIn(t, s, o)
			for fault, kind := range map[oidctest.Fault]error{
				oidctest.ServiceUnavailable: identity.ErrUnavailable, oidctest.ConnectionReset: identity.ErrUnavailable,
				oidctest.ProxyRefusal: identity.ErrMisconfigured,
			} {
				s.SetFault(fault, oidctest.Revocation)
				wantError(t, o.Revoke(t.Context(), given), kind, "")
			}
			s.SetFault(oidctest.Healthy)
			for range 2 {
				if err := o.Revoke(t.Context(), given); err != nil || s.Live() != 1 {
					t.Errorf("%v, %d live refresh tokens, want one", err, s.Live())
				}
			}
			if _, _, err := o.Recheck(t.Context(), kept); err != nil {
				t.Errorf("the other token: %v", err)
			}
		})
	}
}

// TestRevokeNowhere: a provider without the endpoint is asked nothing, and no token
// goes to another provider.
func TestRevokeNowhere(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	if err := o.Revoke(t.Context(), token); err != nil || s.Calls(oidctest.Revocation) != 0 {
		t.Errorf("%v, %d calls", err, s.Calls(oidctest.Revocation))
	}
	gh := startGitHub(t)
	for _, u := range []identity.RedirectProvider{o, provider(t, gh, nil)} {
		err := u.Revoke(t.Context(), identity.Token{Issuer: "https://elsewhere.example", AccessToken: "x"})
		if !errors.Is(err, identity.ErrRefused) {
			t.Errorf("%s: %v", u.Name(), err)
		}
	}
}
