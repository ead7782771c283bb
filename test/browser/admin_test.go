//go:build browser

package browser_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// toAdmin signs the owner in at the pages for administrators, with two apps of which one has
// a long name and one a name from right to left.
func toAdmin(b *tab) keep {
	b.t.Helper()
	k, a := b.startLocal(), loopbackApp(b.t, "127.0.0.1")
	k.register(b.t, "\u05d4\u05d9\u05d5\u05de\u05df \u05e9\u05dc\u05d9 (Claude)", a.redirectURI)
	k.register(b.t, strings.Repeat("Extraordinarily", 5), a.redirectURI)
	client := k.register(b.t, "Claude Code", a.redirectURI)
	b.open(k.authorizeURL(client, a.redirectURI), http.StatusOK)
	b.signIn(harness.Password)
	b.press("approve")
	k.redeem(b.t, client, a.redirectURI, a.answer(b.t).Get("code"))
	b.open(k.url+"/admin", http.StatusOK)
	b.shows("These pages are for the administrators")
	b.signIn(harness.Password)
	b.shows("People", "owner")
	return k
}

// TestAdminGallery takes pictures of the pages for administrators and checks their outline.
func TestAdminGallery(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	k := toAdmin(b)
	for _, page := range []struct{ name, path, shows string }{
		{"people", "/admin/people", "owner"}, {"apps", "/admin/apps", "Claude Code"}, {"connections", "/admin/connections", "Claude Code"},
		{"events", "/admin/events", "Grant created"}, {"server", "/admin/server", "Encryption keys"}, {"prune", "/admin/apps/prune?days=1", "No app that old"},
		{"register", "/admin/apps/register", "Users see that this server vouches"},
	} {
		b.open(k.url+page.path, http.StatusOK)
		b.shows(page.shows)
		b.checkOutline()
		b.takePictures("admin-" + page.name)
		b.checkModes("admin-" + page.name)
	}
	b.open(k.url+"/admin/connections", http.StatusOK)
	b.load(chromedp.Click(chromedp.CSS(".links a:last-child")))
	b.shows("End this connection?")
	b.checkOutline()
	b.takePictures("admin-end")
	b.checkModes("admin-end")
	b.quiet()
}
