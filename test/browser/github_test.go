//go:build browser

package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

// signInAtGitHub puts an account's session into the tab's browser.
func (b *tab) signInAtGitHub(gh *githubtest.Server, login string) {
	b.t.Helper()
	c := gh.SessionCookie(login)
	params := network.SetCookieParams{Name: c.Name, Value: c.Value, URL: githubURL(gh)}
	if _, err := chromedp.Call(b.ctx, network.SetCookie, params); err != nil {
		b.fatal(err)
	}
}

// The browser holds the whole chain of redirects behind the button against the
// page's form-action: the server, GitHub, the callback, the app.
func TestGitHub(t *testing.T) {
	t.Parallel()
	for name, newApp := range map[string]func(*testing.T) *app{
		"loopback":      func(t *testing.T) *app { return loopbackApp(t, "127.0.0.1") },
		"loopback IPv6": func(t *testing.T) *app { return loopbackApp(t, "::1") },
		"website":       hostedApp,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, a := newTab(t), newApp(t)
			k, gh := startGitHub(t)
			b.signInAtGitHub(gh, "octocat")
			b.open(k.connect(t, "Test Client", a), http.StatusOK)
			b.shows("Test Client", "Not verified by this server.", "you continue to GitHub")
			b.press("approve")
			wantAnswer(t, k, a.answer(t))
			b.shows("Back in the app")
			b.quiet()
		})
	}
}

// Someone who came with the wrong account takes another one and gets back to the app,
// also without script.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]bool{"script": true, "no script": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, a := newTab(t), hostedApp(t)
			if !script {
				b.withoutScript()
			}
			k, gh := startGitHub(t)
			b.signInAtGitHub(gh, "mallory")
			b.open(k.connect(t, "Test Client", a), http.StatusOK)
			b.press("approve")
			b.signInAtGitHub(gh, "octocat")
			b.load(chromedp.Click(chromedp.CSS(`a.button`)))
			wantAnswer(t, k, a.answer(t))
			b.quiet()
		})
	}
}

func TestGitHubDeny(t *testing.T) {
	t.Parallel()
	b, a := newTab(t), hostedApp(t)
	k, gh := startGitHub(t)
	b.signInAtGitHub(gh, "octocat")
	b.open(k.connect(t, "Test Client", a), http.StatusOK)
	b.press("deny")
	wantDenied(t, k, a)
	if n := gh.Calls("/login/oauth/authorize"); n != 0 {
		t.Errorf("the browser was sent to GitHub %d times", n)
	}
	b.quiet()
}

const schemeURI = "cursor://anysphere.cursor-mcp/oauth/callback"

// The browser must get as far as handing an app's own scheme to the system,
// which knows no such app here.
func TestPrivateUseScheme(t *testing.T) {
	t.Parallel()
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		b, k := newTab(t), startLocal(t)
		b.open(k.connect(t, "Cursor", &app{redirectURI: schemeURI}), http.StatusOK)
		b.signInLocally()
		b.shows("An app on this device", "cursor://…")
		b.wantSchemeTried()
	})
	t.Run("github", func(t *testing.T) {
		t.Parallel()
		b := newTab(t)
		k, gh := startGitHub(t)
		b.signInAtGitHub(gh, "octocat")
		b.open(k.connect(t, "Cursor", &app{redirectURI: schemeURI}), http.StatusOK)
		b.wantSchemeTried()
	})
}

func (b *tab) wantSchemeTried() {
	b.t.Helper()
	b.do(clickOn(`button[value="approve"]`))
	b.until("the navigation has ended", func() bool {
		console, _, _, _ := b.seen()
		return b.endedAt(schemeURI) != "" || len(console) > 0
	})
	b.quiet()
	if end := b.endedAt(schemeURI); end != "net::ERR_ABORTED" && end != "net::ERR_UNKNOWN_URL_SCHEME" {
		b.t.Errorf("the navigation ended with %q", end)
	}
	_, _, requests, _ := b.seen()
	target := requests[len(requests)-1]
	if !strings.HasPrefix(target, schemeURI+"?code=") || !strings.Contains(target, "&state=") || !strings.Contains(target, "&iss=") {
		b.t.Errorf("the browser went to %s", target)
	}
}

// endedAt is how the navigation to a URL failed, "" while it has not.
func (b *tab) endedAt(uri string) string {
	_, _, _, failures := b.seen()
	i := slices.IndexFunc(failures, func(f failure) bool { return strings.HasPrefix(f.url, uri) })
	if i < 0 {
		return ""
	}
	return failures[i].text
}

// A control of the tests above: were the scheme not in the page's form-action,
// this browser would stop at the redirect and say so.
func TestBrowserEnforcesFormAction(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, schemeURI+"?code=x", http.StatusFound)
			return
		}
		w.Header().Set("Content-Security-Policy", "form-action 'self'")
		_, _ = fmt.Fprint(w, `<!doctype html><title>Form</title><form method="post"><button value="approve">Approve</button></form>`)
	}))
	t.Cleanup(srv.Close)
	b := newTab(t)
	b.open(srv.URL, http.StatusOK)
	b.do(clickOn(`button[value="approve"]`))
	b.until("the browser complains", func() bool {
		console, _, _, _ := b.seen()
		return slices.ContainsFunc(console, func(s string) bool { return strings.Contains(s, "form-action") })
	})
}

// An attacker approves in their own browser and hands GitHub's address on to
// someone who is signed in there. The answer must not get the attacker in.
func TestCallbackInAnotherBrowser(t *testing.T) {
	t.Parallel()
	attacker, victim, a := newTab(t), newTab(t), hostedApp(t)
	k, gh := startGitHub(t)
	attacker.open(k.connect(t, "Test Client", a), http.StatusOK)
	attacker.press("approve") // no one is signed in there: GitHub's page stays
	handedOn := attacker.location()
	if !strings.HasPrefix(handedOn, githubURL(gh)) {
		t.Fatalf("the attacker is at %s", handedOn)
	}
	victim.signInAtGitHub(gh, "octocat")
	victim.open(handedOn, http.StatusForbidden)
	if at := victim.location(); !strings.HasPrefix(at, k.url+"/auth/callback?") {
		t.Errorf("the victim is at %s", at)
	}
	victim.shows("Access was not granted")
	a.noAnswer(t)
	if links := eval[int](victim, `document.links.length`); links != 0 {
		t.Errorf("the page has %d links", links)
	}

	attacker.signInAtGitHub(gh, "octocat") // what the other browser did has spent nothing
	attacker.load(chromedp.Reload())
	wantAnswer(t, k, a.answer(t))
}
