//go:build browser

package browser_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// exhibit is a page that a person can come to.
type exhibit struct {
	name     string
	visit    func(*tab)
	controls []string // role and accessible name
}

// TestGallery checks the accessibility tree of every page and takes pictures.
func TestGallery(t *testing.T) {
	t.Parallel()
	for _, page := range gallery {
		t.Run(page.name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			page.visit(b)
			b.checkAccessibility(page.controls)
			b.checkModes(page.name)
			b.takePictures(page.name)
			b.quiet()
		})
	}
}

// gallery has every page that a person can come to.
var gallery = []exhibit{
	{"sign-in", func(b *tab) { toSignIn(b) }, []string{"textbox User name", "textbox Password", "button Sign in"}},
	{"sign-in-error", func(b *tab) { toSignIn(b); b.signIn("not it") }, []string{"textbox User name", "textbox Password", "button Sign in"}},
	{"consent-local", func(b *tab) { toConsent(b) }, []string{"button Deny", "button Approve", "link your connections"}},
	{"consent-github", toGitHubConsent, []string{"button Deny", "button Approve", "link your connections"}},
	{"error", func(b *tab) { b.open(b.startLocal().url+"/authorize?client_id=unknown", http.StatusBadRequest) }, nil},
	{"error-with-link", toErrorWithLink, []string{"link Return to the app"}},
	{"refused", toRefused, []string{"link Use another account", "link Return to the app"}},
	{"entry", toEntry, []string{"textbox User name", "textbox Password", "button Sign in"}},
	{"connections", func(b *tab) { toConnections(b) }, []string{"button Sign out", "link Administration", "link End access"}},
	{"ending", toEnding, []string{"button End access", "link Keep access"}},
	{"done", toDone, []string{"link Your connections"}},
	{"admin-secret", toSecret, []string{"link Done", "link People", "link Apps", "link Connections", "link Events", "link Server", "link Your connections"}},
	{"admin-again", toAgain, []string{"textbox User name", "textbox Password", "button Sign in"}},
	{"new-token", func(b *tab) { toNewToken(b) }, []string{"textbox Name", "button Make token", "link Your connections"}},
	{"token", toToken, []string{"link Your connections"}},
	{"signed-out", toSignedOut, []string{"link Your connections"}},
}

func toSignIn(b *tab) *app {
	k, a := b.startLocal(), loopbackApp(b.t, "127.0.0.1")
	b.open(k.connect(b.t, b.names.app, a), http.StatusOK)
	return a
}

func toConsent(b *tab) *app {
	a := toSignIn(b)
	b.signIn(harness.Password)
	return a
}

func toGitHubConsent(b *tab) {
	k, _ := b.startGitHub()
	b.open(k.connect(b.t, b.names.app, hostedApp(b.t)), http.StatusOK)
}

func toErrorWithLink(b *tab) {
	k, a := b.startLocal(), loopbackApp(b.t, "127.0.0.1")
	b.open(k.connect(b.t, b.names.app, a)+"&request_uri=x", http.StatusBadRequest)
}

func toRefused(b *tab) {
	k, gh := b.startGitHub()
	b.signInAtGitHub(gh, "mallory")
	b.open(k.connect(b.t, b.names.app, hostedApp(b.t)), http.StatusOK)
	b.press("approve")
	b.shows("This account may not sign in", "mallory at GitHub", "not on the list")
}

func toDone(b *tab) {
	a := toConsent(b)
	b.press("approve")
	a.answer(b.t)
	b.back()
	b.load(chromedp.Reload())
}

func toEntry(b *tab) { b.open(b.startLocal().url+"/connections", http.StatusOK) }

func toConnections(b *tab) keep {
	k, a := b.startLocal(), loopbackApp(b.t, "127.0.0.1")
	client := k.register(b.t, b.names.app, a.redirectURI)
	b.open(k.authorizeURL(client, a.redirectURI), http.StatusOK)
	b.signIn(harness.Password)
	b.press("approve")
	k.redeem(b.t, client, a.redirectURI, a.answer(b.t).Get("code"))
	b.open(k.url+"/connections", http.StatusOK)
	b.signIn(harness.Password)
	b.shows("You approved “" + b.names.app + "”.")
	return k
}

func toEnding(b *tab) {
	toConnections(b)
	b.load(chromedp.Click(chromedp.CSS("a.button")))
	b.shows("One connection to")
}
