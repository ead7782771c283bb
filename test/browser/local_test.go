//go:build browser

package browser_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// registeredPort is a port that the app registered and does not listen on: that
// of a loopback redirect URI is free (RFC 8252 section 7.3).
const registeredURI = "http://127.0.0.1:33418" + callbackPath

// wantAnswer checks an authorization response (RFC 6749 section 4.1.2, RFC 9207)
// and returns its code.
func wantAnswer(t *testing.T, k keep, got url.Values) string {
	t.Helper()
	code := got.Get("code")
	if code == "" {
		t.Error("the answer holds no code")
	}
	want := url.Values{"code": {code}, "state": {state}, "iss": {k.url}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	return code
}

// The whole way by keyboard: the password, Enter, Tab to Approve, Enter.
func TestLocalSignIn(t *testing.T) {
	t.Parallel()
	b, k, a := newTab(t), startLocal(t), loopbackApp(t, "127.0.0.1")
	client := k.register(t, "Test Client", registeredURI)
	b.open(k.authorizeURL(client, a.redirectURI), http.StatusOK)
	b.shows("Sign in to", "An app that calls itself “Test Client” wants to connect")
	b.waitFocus("password")
	wantFocus(b, "password", "button")
	b.do(chromedp.KeyEvent(tabKey, chromedp.KeyModifiers(chromedp.ModifierShift)))
	wantFocus(b, "password")
	if status := b.signIn(harness.Password); status != http.StatusOK {
		t.Fatalf("sign-in led to %d: %s", status, b.text())
	}
	consentURL := b.location()
	b.shows("Test Client", "Not verified by this server.", strings.TrimSuffix(strings.TrimPrefix(a.redirectURI, "http://"), callbackPath),
		k.url+"/mcp", "Signed in as the owner of this server", "Use this server’s tools and data on your behalf", "Stay signed in")
	wantFocus(b, "body", "summary", "deny")
	b.waitUnlocked("none")
	wantFocus(b, "deny", "approve")
	b.submit(enterKey)
	code := wantAnswer(t, k, a.answer(t))
	b.shows("Back in the app")

	if token := k.redeem(t, client, a.redirectURI, code); token["access_token"] == nil || token["refresh_token"] == nil {
		t.Errorf("the code brought no tokens: error %v", token["error"])
	}
	b.open(consentURL, http.StatusOK)
	b.shows("You may close this window")
	b.load(chromedp.Reload())
	b.shows("You may close this window")
	b.quiet()
}

// wantFocus checks where the keyboard is, and where each Tab leads.
func wantFocus(b *tab, want ...string) {
	b.t.Helper()
	for i, name := range want {
		if i > 0 {
			b.keys(tabKey)
		}
		if got := b.focus(); got != name {
			b.t.Fatalf("after %d times Tab the focus is on %q, want %q", i, got, name)
		}
	}
}

// A person who goes back from the app cannot answer twice, whether the browser
// asks for the page again or shows it as it was.
func TestBackFromTheApp(t *testing.T) {
	t.Parallel()
	b, k, a := newTab(t), startLocal(t), loopbackApp(t, "127.0.0.1")
	b.open(k.connect(t, "Test Client", a), http.StatusOK)
	b.signIn(harness.Password)
	b.press("approve")
	wantAnswer(t, k, a.answer(t))
	b.back()
	if eval[bool](b, `(document.querySelector('button[value=approve]')?.focus(), document.activeElement.value === 'approve')`) {
		b.submit(enterKey)
	}
	b.shows("You may close this window", "Your app has received its response")
	a.noAnswer(t)
	b.quiet()
}

func TestDeny(t *testing.T) {
	t.Parallel()
	b, k, a := newTab(t), startLocal(t), loopbackApp(t, "127.0.0.1")
	b.open(k.connect(t, "Test Client", a), http.StatusOK)
	b.signIn(harness.Password)
	b.press("deny")
	wantDenied(t, k, a)
	b.back()
	b.load(chromedp.Reload())
	b.shows("You may close this window")
	b.quiet()
}

func wantDenied(t *testing.T, k keep, a *app) {
	t.Helper()
	got := a.answer(t)
	want := url.Values{"error": {"access_denied"}, "error_description": got["error_description"], "state": {state}, "iss": {k.url}}
	if diff := cmp.Diff(want, got); diff != "" || got.Get("error_description") == "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	b, k, a := newTab(t), startLocal(t), loopbackApp(t, "127.0.0.1")
	b.open(k.connect(t, "Test Client", a), http.StatusOK)
	if status := b.signIn("not it"); status != http.StatusForbidden {
		t.Errorf("a wrong password returned %d", status)
	}
	b.waitFocus("password")
	field := b.accessible("textbox")[1]
	if !field.invalid || !strings.Contains(field.description, "The password is incorrect.") {
		t.Errorf("the field does not say what is wrong: %+v", field)
	}
	if typed := eval[string](b, `document.getElementById('password').value`); typed != "" {
		t.Errorf("the page repeats the password")
	}
	if title := eval[string](b, `document.title`); !strings.HasPrefix(title, "Error: ") {
		t.Errorf("title %q", title)
	}
	b.signIn(harness.Password)
	b.press("approve")
	wantAnswer(t, k, a.answer(t))
	b.quiet()
}

func TestWithoutScript(t *testing.T) {
	t.Parallel()
	b, k, a := newTab(t), startLocal(t), loopbackApp(t, "127.0.0.1")
	b.withoutScript()
	b.open(k.connect(t, "Test Client", a), http.StatusOK)
	b.signIn(harness.Password)
	b.press("approve")
	wantAnswer(t, k, a.answer(t))
	b.quiet()
}
