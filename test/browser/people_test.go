//go:build browser

package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestTwoPeople: each user sees their own app, and an administrator that of both. An app that
// the administrator ends is refused at another replica within a second; the others are not.
func TestTwoPeople(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, engine harness.Engine, open func() *tab) {
		o := startOffice(t, engine)
		ours, theirs := o.connect(t, chief, "Desk app"), o.connect(t, clerk, "Bench app")
		c, a := open(), open()
		o.enter(c, clerk, "/connections")
		c.shows("Signed in as " + clerk)
		c.offers(theirs)
		c.lacks("Desk app", chief)
		for _, other := range []string{"/connections/end?client=" + ours.ID, "/connections/end?grant=" + grantOf(t, ours)} {
			c.open(o.url+other, http.StatusNotFound)
			c.shows("There is no such connection")
		}
		c.open(o.url+"/admin/connections", http.StatusForbidden)
		c.lacks("Desk app", "Bench app", chief)

		o.enter(a, chief, "/connections")
		a.shows("Signed in as " + chief)
		a.offers(ours)
		a.lacks("Bench app", clerk)
		a.open(o.url+"/admin/connections", http.StatusOK)
		a.shows("Desk app", "Bench app", chief, clerk)
		a.load(chromedp.Click(chromedp.CSS(fmt.Sprintf(`a[href^="/admin/connections/end"][href*=%q]`, grantOf(t, theirs)))))
		a.shows("End this connection?", "Bench app")
		a.load(clickOn(`.gate button[type="submit"]`))
		wantEnded(t, theirs)
		if !works(t, ours) {
			t.Error("the other user's app has ended too")
		}
		c.open(o.url+"/connections", http.StatusOK)
		c.shows("No app is connected")
		c.quiet()
		a.quiet()
	})
}

// offers fails the test unless the page offers to end this app, and no other.
func (b *tab) offers(app *harness.Client) {
	b.t.Helper()
	links := eval[[]string](b, `[...document.querySelectorAll('a[href^="/connections/end?client="]')].map(a => a.href)`)
	if len(links) != 1 || !strings.Contains(links[0], "client="+app.ID+"&") {
		b.t.Errorf("the page offers to end %q, want that of %s", links, app.ID)
	}
}

// grantOf is the connection of an app, which its own tool says.
func grantOf(t *testing.T, app *harness.Client) string {
	t.Helper()
	who, err := app.Call(t.Context(), "whoami")
	id, ok := who["connection_id"].(string)
	if err != nil || !ok {
		t.Fatalf("whoami: %v, %v", who, err)
	}
	return id
}

// TestDisabledAtOpenPage: a user whom an administrator disables has a page open. Its button
// changes nothing, their apps are refused, and no page opens again.
func TestDisabledAtOpenPage(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, engine harness.Engine, open func() *tab) {
		o := startOffice(t, engine)
		app := o.connect(t, clerk, "Bench app")
		c, a := open(), open()
		o.enter(c, clerk, "/connections")
		c.load(chromedp.Click(chromedp.CSS("a.button")))
		c.shows("End access?")

		o.enter(a, chief, "/admin/people?q="+clerk)
		a.shows(clerk)
		a.load(chromedp.Click(chromedp.CSS(`a[href^="/admin/people/disable"]`)))
		a.shows("Disable this account?")
		a.load(clickOn(`.gate button[type="submit"]`))
		a.shows("Disabled")
		wantEnded(t, app)

		if status := c.load(clickOn(`.gate button[type="submit"]`)); status != http.StatusForbidden {
			t.Errorf("the button of the open page got %d", status)
		}
		c.shows("Nothing was changed")
		c.open(o.url+"/connections", http.StatusOK)
		c.lacks("Bench app", "Signed in as")
		if status := c.load(clickOn(`button[type="submit"]`)); status != http.StatusForbidden {
			t.Errorf("a disabled user signs in: %d", status)
		}
		c.lacks("Bench app", "Signed in as")
		c.quiet()
		a.quiet()
	})
}
