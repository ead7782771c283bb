//go:build browser

package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// chief is the administrator, and clerk another user.
const chief, clerk = "octocat", "mallory"

// office is two replicas whose users sign in at GitHub. Browsers use the first one, apps the
// second one.
type office struct {
	keep
	gh     *githubtest.Server
	second *harness.Route
}

func startOffice(t *testing.T, engine harness.Engine) *office {
	t.Helper()
	built.Store(harness.Build(t))
	o := &office{gh: githubtest.New(t)}
	opts := engine.Options(t)
	opts.Listen = harness.FreeAddress(t)
	o.url = "http://" + opts.Listen
	opts.Env = append(opts.Env, "MCPKEEP_BASE_URL="+o.url, "MCPKEEP_PROVIDER=github", "MCPKEEP_ADMINS="+chief,
		"MCPKEEP_ALLOWED_USERS="+chief+","+clerk, "MCPKEEP_PERSONAL_TOKENS=on",
		"MCPKEEP_GITHUB_CLIENT_ID="+o.gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+o.gh.ClientSecret,
		"MCPKEEP_GITHUB_URL="+githubURL(o.gh), "MCPKEEP_GITHUB_API_URL="+o.gh.APIURL)
	for _, login := range []string{chief, clerk} {
		o.gh.AddUser(githubtest.User{Login: login})
	}
	harness.Start(t, opts)
	opts.Listen = ""
	o.second = harness.NewRoute(harness.Start(t, opts))
	return o
}

// connect connects an app with this name for a user, at the second replica.
func (o *office) connect(t *testing.T, login, name string) *harness.Client {
	t.Helper()
	o.gh.SignInAs(login)
	app := harness.NewClient(o.url, o.second)
	app.ID = o.register(t, name, app.RedirectURI)
	b := harness.NewBrowser(o.second.Of(o.url))
	b.Sites = []string{githubURL(o.gh)}
	if err := app.SignIn(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if !works(t, app) {
		t.Fatal("the app does not work")
	}
	return app
}

// enter signs a user in at a page.
func (o *office) enter(b *tab, login, path string) {
	b.t.Helper()
	b.signInAtGitHub(o.gh, login)
	b.open(o.url+path, http.StatusOK)
	b.load(clickOn(`button[type="submit"]`))
}

// wantEnded wants an app refused at the second replica soon.
func wantEnded(t *testing.T, app *harness.Client) {
	t.Helper()
	for began := time.Now(); works(t, app); {
		if time.Since(began) > soon {
			t.Fatal("the app still works")
		}
	}
}

// lacks fails the test if the page shows any of the texts.
func (b *tab) lacks(texts ...string) {
	b.t.Helper()
	got := b.text()
	for _, unwanted := range texts {
		if strings.Contains(got, unwanted) {
			b.t.Errorf("the page shows %q:\n%s", unwanted, got)
		}
	}
}

// eachWay runs a test with scripts and without, on one engine each.
func eachWay(t *testing.T, test func(t *testing.T, engine harness.Engine, open func() *tab)) {
	t.Helper()
	for i, engine := range harness.Engines() {
		way := []string{"script", "no script"}[i]
		t.Run(way+", "+engine.Name, func(t *testing.T) {
			t.Parallel()
			test(t, engine, func() *tab {
				b := newTab(t)
				if i > 0 {
					b.withoutScript()
				}
				return b
			})
		})
	}
}
