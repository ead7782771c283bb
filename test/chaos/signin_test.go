//go:build chaos

package chaos_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestSignInSurvivesKills: C-09. The server is killed after each step of a
// sign-in, and the person continues with the page that is open.
func TestSignInSurvivesKills(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			p := harness.Start(t, engine.Options(t))
			c := harness.NewClient(p.URL, nil)
			browser := harness.NewBrowser(nil)
			if err := c.Register(t.Context()); err != nil {
				t.Fatal(err)
			}
			rise(t, p)
			page, err := browser.Open(t.Context(), c.AuthorizeURL())
			for err == nil && page.Left == nil {
				rise(t, p)
				page, err = browser.Submit(t.Context(), page)
			}
			if err != nil {
				t.Fatal(err)
			}
			code, err := c.Code(page.Left)
			if err != nil {
				t.Fatal(err)
			}
			rise(t, p)
			if err := c.Exchange(t.Context(), code); err != nil {
				t.Fatal(err)
			}
			rise(t, p)
			if _, err := c.Call(t.Context(), "whoami"); err != nil {
				t.Error(err)
			}
		})
	}
}

// rise kills the server and starts it again on the same database.
func rise(t *testing.T, p *harness.Process) {
	t.Helper()
	p.Kill9()
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
}
