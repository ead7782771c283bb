//go:build providers

package providers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestAuthenticatesAgain: an administrator has a session at the provider, which is enough for
// another app. Before a change, the provider has them sign in once more all the same.
func TestAuthenticatesAgain(t *testing.T) {
	t.Parallel()
	eachOf(t, kinds()[:1], func(t *testing.T, k keep) { // the other one remembers no one
		b := k.browser("alice")
		through := func(path, end string) (signIns int) {
			t.Helper()
			page, err := b.Open(t.Context(), "http://"+k.Address()+path)
			for range 8 {
				if err != nil || strings.Contains(page.Body, "<h1>"+end+"</h1>") {
					break
				}
				if strings.HasPrefix(page.URL.String(), k.at.issuer) && strings.Contains(page.Body, `name="login"`) {
					signIns++
				}
				page, err = b.Submit(t.Context(), page)
			}
			if err != nil || page.Status != http.StatusOK || !strings.Contains(page.Body, "<h1>"+end+"</h1>") {
				t.Fatalf("%s did not lead to %q: %v\n%s", path, end, err, page.Body)
			}
			return signIns
		}
		if n := through("/admin/apps", "Apps"); n != 1 {
			t.Errorf("the provider asked for %d sign-ins, want 1", n)
		}
		c := harness.NewClient(k.URL, nil)
		b.Password, b.Fields = "no one's", nil
		if err := c.SignIn(t.Context(), b); err != nil {
			t.Errorf("the session at the provider is not enough for an app: %v", err)
		}
		b.Password, b.Fields = "alice", k.at.login("alice")
		if n := through("/admin/apps/register", "Register an app"); n != 1 {
			t.Errorf("before a change, the provider asked for %d sign-ins, want 1", n)
		}
	})
}
