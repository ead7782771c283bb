//go:build takeover

package takeover_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// person signs a client in at GitHub, through the pages of the server.
func person(t *testing.T, d *deployment, c *harness.Client) error {
	t.Helper()
	b := harness.NewBrowser(nil)
	b.Sites = []string{d.gh.URL}
	return c.SignIn(t.Context(), b)
}

// TestOldClients: a client that registered at Python signs in at mcpkeep under its old ID,
// with the old scope and without. Back at Python, a client that registered at mcpkeep signs
// in and calls, and a refresh token that was revoked at mcpkeep is refused.
func TestOldClients(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, 8*time.Hour)
			stop := serve(t, version, d.setup)
			old := harness.NewClient(d.url(), nil)
			old.Scope, old.FastMCP = "user", true
			if err := person(t, d, old); err != nil {
				t.Fatal(err)
			}
			inFlight := harness.NewClient(d.url(), nil)
			inFlight.Scope, inFlight.FastMCP = "user", true
			finish := upToCode(t, d, inFlight)
			revoked, client := old.RefreshToken, old.ID
			stop()
			if version == "2.13.0" {
				d.options.Env = append(d.options.Env, "MCPKEEP_FASTMCP_LEGACY_UNTIL="+time.Now().Add(time.Hour).Format(time.RFC3339))
			}
			keep := harness.Start(t, d.options)
			if err := inFlight.Exchange(t.Context(), finish); err != nil {
				t.Errorf("a code of FastMCP: %v", err)
			}
			if got := call(t, d.url(), inFlight.AccessToken); got.status != http.StatusOK {
				t.Errorf("a code of FastMCP gave a token that gets %d", got.status)
			}
			if err := old.Revoke(t.Context(), revoked); err != nil {
				t.Errorf("revoke: %v", err)
			}
			for _, scope := range []string{"user", ""} {
				old.Scope = scope
				if err := person(t, d, old); err != nil {
					t.Errorf("the old client, with the scope %q: %v", scope, err)
				}
				if got := call(t, d.url(), old.AccessToken); got.status != http.StatusOK {
					t.Errorf("the old client, with the scope %q: %d", scope, got.status)
				}
			}
			fresh := harness.NewClient(d.url(), nil)
			if err := fresh.Register(t.Context()); err != nil {
				t.Fatal(err)
			}
			keep.Kill9()
			serve(t, version, d.setup)
			fresh.Scope, fresh.FastMCP = "user", true
			if err := person(t, d, fresh); err != nil {
				t.Errorf("back at FastMCP, a client that registered at mcpkeep: %v", err)
			}
			if got := call(t, d.url(), fresh.AccessToken); got.status != http.StatusOK {
				t.Errorf("back at FastMCP, a client that registered at mcpkeep gets %d", got.status)
			}
			if got := refresh(t, d.url(), revoked, client); got.status != http.StatusBadRequest && got.status != http.StatusUnauthorized {
				t.Errorf("back at FastMCP, the revoked token gets %d", got.status)
			}
		})
	}
}

// upToCode signs a client in at FastMCP, up to the code that it does not redeem there.
func upToCode(t *testing.T, d *deployment, c *harness.Client) string {
	t.Helper()
	if err := c.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := harness.NewBrowser(nil)
	b.Sites = []string{d.gh.URL}
	answer, err := b.Visit(t.Context(), c.AuthorizeURL())
	if err != nil {
		t.Fatal(err)
	}
	code, err := c.Code(answer)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
