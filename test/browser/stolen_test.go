//go:build browser

package browser_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestSignedOutCookie: the cookies of a session opened its pages at another replica, and open
// nothing there once the user has signed out.
func TestSignedOutCookie(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, engine harness.Engine, open func() *tab) {
		o := startOffice(t, engine)
		o.connect(t, chief, "Desk app")
		b := open()
		o.enter(b, chief, "/connections")
		var stolen []string
		for _, c := range b.cookies() {
			stolen = append(stolen, c.Name+"="+c.Value)
		}
		paths := []string{"/connections", "/admin/connections"}
		for _, path := range paths {
			if body := o.with(t, path, stolen); !strings.Contains(body, "Desk app") {
				t.Errorf("%s: the cookies that are stolen are not those of the session: %s", path, body)
			}
		}
		b.load(chromedp.Click(chromedp.CSS(`form[action="/connections/sign-out"] button`)))
		for _, path := range paths {
			if body := o.with(t, path, stolen); !strings.Contains(body, `<button type="submit"`) || strings.Contains(body, "Desk app") {
				t.Errorf("%s: the stolen cookies open it: %s", path, body)
			}
		}
		b.open(o.url+"/connections", http.StatusOK)
		b.shows("See which apps can use")
		b.quiet()
	})
}

// with returns a page of the second replica as someone with these cookies sees it.
func (o *office) with(t *testing.T, path string, cookies []string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", strings.Join(cookies, "; "))
	res, err := o.second.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
