//go:build browser

package browser_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// soon is how fast the end of a connection takes effect on other replicas.
const soon = time.Second

// TestEndingAConnection: a user with five apps ends one. Its tokens are refused at another
// replica within a second, the others' are not.
func TestEndingAConnection(t *testing.T) {
	t.Parallel()
	for i, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			if i == 0 {
				b.withoutScript()
			}
			first, apps := fiveApps(t, engine)
			b.open(first+"/connections", http.StatusOK)
			b.signInLocally()
			b.shows("Your connections", "Harness")
			const ends = `a[href^="/connections/end?client="]`
			if n := eval[int](b, fmt.Sprintf("document.querySelectorAll('%s').length", ends)); n != len(apps) {
				t.Fatalf("%d apps are shown, want %d", n, len(apps))
			}
			ended := 2
			b.load(chromedp.Click(chromedp.CSS(fmt.Sprintf(`a[href*=%q]`, "client="+apps[ended].ID))))
			b.shows("End access?", "One connection")
			b.load(clickOn(`.gate button[type="submit"]`))
			b.shows("Your connections")
			began := time.Now()
			for works(t, apps[ended]) {
				if time.Since(began) > soon {
					t.Fatal("the app still works")
				}
			}
			for n, app := range apps {
				if got, want := works(t, app), n != ended; got != want {
					t.Errorf("app %d works: %v, want %v", n, got, want)
				}
			}
			b.quiet()
		})
	}
}

// fiveApps starts two replicas and returns the address of the first, and apps that are
// connected and talk to the second.
func fiveApps(t *testing.T, engine harness.Engine) (first string, apps []*harness.Client) {
	t.Helper()
	built.Store(harness.Build(t))
	opts := engine.Options(t)
	opts.Listen = harness.FreeAddress(t)
	first = "http://" + opts.Listen
	opts.Args = []string{"--base-url", first}
	harness.Start(t, opts)
	opts.Listen = ""
	second := harness.NewRoute(harness.Start(t, opts))
	for range 5 {
		app := harness.NewClient(first, second)
		if err := app.SignIn(t.Context(), harness.NewBrowser(second)); err != nil {
			t.Fatal(err)
		}
		apps = append(apps, app)
	}
	return first, apps
}

// works reports whether an app's access token is good.
func works(t *testing.T, app *harness.Client) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.Server+"/mcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+app.AccessToken)
	res, err := app.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode != http.StatusUnauthorized
}
