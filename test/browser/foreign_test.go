//go:build browser

package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestForgedForms: websites have the browser of someone who is signed in send the forms of the
// pages. Nothing is changed, also not for a website on another port of the host, which the
// browser takes for the same site.
func TestForgedForms(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, engine harness.Engine, open func() *tab) {
		o := startOffice(t, engine)
		app := o.connect(t, chief, "Desk app")
		b := open()
		o.enter(b, chief, "/admin/connections")
		b.shows("Desk app")
		grant := grantOf(t, app)
		evil := lure(t, map[string]string{
			"/end":   form(o.url+"/connections/end", url.Values{"client": {app.ID}, "resource": {o.url + "/mcp"}, "csrf": {grant}}),
			"/all":   form(o.url+"/connections/end", url.Values{"csrf": {grant}}),
			"/admin": form(o.url+"/admin/connections/end", url.Values{"grant": {grant}, "csrf": {grant}}),
			"/out":   form(o.url+"/connections/sign-out", url.Values{"csrf": {grant}}),
			"/token": form(o.url+"/connections/token", url.Values{"name": {"n"}, "resource": {o.url + "/mcp"}, "days": {"90"}, "csrf": {grant}}),
		})
		for _, origin := range []string{evil, strings.Replace(evil, "127.0.0.1", "localhost", 1)} {
			for _, path := range []string{"/end", "/all", "/admin", "/token", "/out"} {
				b.open(origin+path, http.StatusOK)
				status := b.load(chromedp.Click(chromedp.CSS(`button`)))
				if text := b.text(); status != http.StatusForbidden || !strings.Contains(text, "Nothing was changed") {
					t.Errorf("%s of %s got %d: %s", path, origin, status, text)
				}
			}
		}
		if !works(t, app) {
			t.Error("a website ended the connection")
		}
		b.open(o.url+"/connections", http.StatusOK)
		b.shows("Signed in as "+chief, "Desk app")
		b.lacks("Token “")
	})
}

// form is one of an attacker, which looks like a prize.
func form(action string, fields url.Values) string {
	var hidden strings.Builder
	for name, values := range fields {
		for _, value := range values {
			_, _ = fmt.Fprintf(&hidden, `<input type="hidden" name=%q value=%q>`, name, value)
		}
	}
	return fmt.Sprintf(`<form method="post" action=%q>%s<button>Win a prize</button></form>`, action, hidden.String())
}

// lure is an attacker's website on this host.
func lure(t *testing.T, pages map[string]string) (address string) {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, `<!doctype html><title>Win a prize</title>`+pages[r.URL.Path])
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// TestFramedPages puts the pages of someone who is signed in into frames of another origin.
func TestFramedPages(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, engine harness.Engine, open func() *tab) {
		o := startOffice(t, engine)
		app := o.connect(t, chief, "Desk app")
		b := open()
		o.enter(b, chief, "/connections")
		control := o.url + "/.well-known/oauth-authorization-server"
		framed := map[string]bool{control: true}
		for _, path := range []string{
			"/connections", "/connections/end", "/connections/end?client=" + app.ID, "/admin/people", "/admin/connections",
			"/admin/connections/end?grant=" + grantOf(t, app), "/admin/server",
		} {
			b.open(o.url+path, http.StatusOK) // it is there
			framed[o.url+path] = false
		}
		b.wantFrames(framed)
	})
}

// wantFrames puts pages into frames and checks which are shown.
func (b *tab) wantFrames(framed map[string]bool) {
	b.t.Helper()
	var frames strings.Builder
	for u := range framed {
		_, _ = fmt.Fprintf(&frames, `<iframe src="%s"></iframe>`, strings.ReplaceAll(u, "&", "&amp;"))
	}
	b.open(lure(b.t, map[string]string{"/": frames.String()}), http.StatusOK)
	shown := b.frames()
	if len(shown) != len(framed) {
		b.t.Fatalf("%d frames, want %d", len(shown), len(framed))
	}
	for u, want := range framed {
		if got := shown[u]; got != want {
			b.t.Errorf("in a frame %s is shown: %v, want %v", u, got, want)
		}
	}
}

// TestFixation: an attacker's cookies are in the browser of someone who signs in. They open
// nothing afterwards, in whichever browser.
func TestFixation(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, engine harness.Engine, open func() *tab) {
		o := startOffice(t, engine)
		o.connect(t, chief, "Desk app")
		attacker, victim := open(), open()
		attacker.open(o.url+"/connections", http.StatusOK)
		planted := attacker.cookies()
		o.enter(attacker, clerk, "/connections")
		attacker.shows("Signed in as " + clerk)
		planted = append(planted, attacker.cookies()...)
		attacker.load(chromedp.Click(chromedp.CSS(`form[action="/connections/sign-out"] button`)))
		if len(planted) == 0 {
			t.Fatal("there is no cookie to plant")
		}
		for _, c := range planted {
			victim.plant(o.url, c)
		}
		o.enter(victim, chief, "/connections")
		victim.shows("Signed in as "+chief, "Desk app")

		for _, c := range planted {
			attacker.plant(o.url, c)
			attacker.open(o.url+"/connections", http.StatusOK)
			attacker.lacks("Signed in as", "Desk app")
			attacker.open(o.url+"/admin/connections", http.StatusOK)
			attacker.lacks("Desk app")
		}
		attacker.quiet()
		victim.quiet()
	})
}

// cookies are those of the tab.
func (b *tab) cookies() []*network.Cookie {
	b.t.Helper()
	found, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		b.fatal(err)
	}
	return found.Cookies
}

// plant puts a cookie into the tab, as an attacker does who has the network or a sibling host.
func (b *tab) plant(origin string, c *network.Cookie) {
	b.t.Helper()
	params := network.SetCookieParams{Name: c.Name, Value: c.Value, URL: origin, Path: c.Path}
	if _, err := chromedp.Call(b.ctx, network.SetCookie, params); err != nil {
		b.fatal(err)
	}
}
