//go:build chaos

package chaos_test

import (
	"net/http"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestLostRefreshAnswer: the server rotated the token and died before its
// answer arrived. The client repeats the request with the token it has.
func TestLostRefreshAnswer(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			p := harness.Start(t, engine.Options(t))
			c := signedIn(t, p)
			old := c.RefreshToken
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			lost := c.RefreshToken
			p.Kill9()
			if err := p.Restart(); err != nil {
				t.Fatal(err)
			}
			c.RefreshToken = old
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatalf("the repeated refresh: %v", err)
			}
			if c.RefreshToken != lost {
				t.Error("the repeated refresh got another successor")
			}
			if _, err := c.Call(t.Context(), "whoami"); err != nil {
				t.Error(err)
			}
			if err := c.Refresh(t.Context()); err != nil {
				t.Errorf("the successor: %v", err)
			}
		})
	}
}

// TestRefreshReuseAfterKill: with no grace window left, a spent token is known
// to be spent even after a crash, and its use ends the whole family.
func TestRefreshReuseAfterKill(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			opts := engine.Options(t)
			opts.Args = []string{"--refresh-grace", "0"}
			p := harness.Start(t, opts)
			c := signedIn(t, p)
			spent := c.RefreshToken
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.Kill9()
			if err := p.Restart(); err != nil {
				t.Fatal(err)
			}
			newest := c.RefreshToken
			for _, token := range []string{spent, newest} {
				c.RefreshToken = token
				assertRefused(t, c.Refresh(t.Context()), http.StatusBadRequest, "invalid_grant")
			}
			_, err := c.Call(t.Context(), "whoami")
			assertRefused(t, err, http.StatusUnauthorized, "invalid_token")
		})
	}
}
