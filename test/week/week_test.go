//go:build chaos

package week_test

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	deployments = 56
	betweenThem = 3 * time.Hour
	clients     = 20

	server = "http://127.0.0.1:9999" // where nothing listens: the route leads to the processes
	person = "octavia"
	// tokenLife is that of GitHub's expiring tokens.
	tokenLife = 8 * time.Hour
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestWeek: the promise. Seven days of use of the program with a provider, 56 deployments, and
// no client shows a page after the first one.
func TestWeek(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			w := newWeek(t, engine)
			began := time.Now()
			w.deploy(0)
			w.signIn()
			for n := 1; n <= deployments; n++ {
				w.use(func() { w.deploy(n) })
				w.isVersion(n)
			}
			w.use(func() {})
			w.print(engine.Name, time.Since(began))
		})
	}
}

// week is the whole experiment.
type week struct {
	t      *testing.T
	opts   harness.Options
	site   *fetchtest.Site
	clocks *clocks
	alone  bool // one process at a time

	route   *harness.Route
	current *harness.Process
	moving  sync.RWMutex // no request is under way while the clocks move
	clients []*harness.Client

	calls, refreshes, pages atomic.Int64
}

func newWeek(t *testing.T, engine harness.Engine) *week {
	t.Helper()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{Login: person})
	gh.SignInAs(person)
	gh.SetTokenLifetime(tokenLife)
	w := &week{t: t, opts: engine.Options(t), site: harness.NewClientSite(t), alone: engine.Name == "sqlite"}
	w.clocks = &clocks{github: gh, database: databaseClock(t, engine, w.opts.Database)}
	w.opts.Binary, w.opts.Args = harness.BuildShifted(t), []string{"--base-url", server}
	w.opts.Env = slices.Concat(w.opts.Env, w.site.Env(), []string{
		"MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOWED_USERS=" + person, "MCPKEEP_GITHUB_URL=" + gh.URL, "MCPKEEP_GITHUB_API_URL=" + gh.APIURL,
		"MCPKEEP_GITHUB_CLIENT_ID=" + gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET=" + gh.ClientSecret,
	})
	return w
}

// deploy replaces the process by one of a later time and version. With PostgreSQL the old one is
// drained once the new one gets the requests; a SQLite file is for one process at a time, and
// clients try again until the new one is there.
func (w *week) deploy(n int) {
	w.t.Helper()
	if w.current == nil {
		w.current = w.start(n)
		w.route = harness.NewRoute(w.current)
		return
	}
	old := w.current
	if w.alone {
		w.drain(old)
	}
	w.forward(n)
	if !w.alone {
		w.drain(old)
	}
}

// forward moves the clocks and starts a process. To one that is in the middle of a request, three
// hours would pass in a moment: another would take over what it is doing.
func (w *week) forward(n int) {
	w.t.Helper()
	w.moving.Lock()
	defer w.moving.Unlock()
	w.clocks.forward(betweenThem)
	w.current = w.start(n)
	w.route.To(w.current)
}

// RoundTrip sends a client's request, which the clocks wait for.
func (w *week) RoundTrip(r *http.Request) (*http.Response, error) {
	if !w.alone { // there, the process that has the request ends before
		w.moving.RLock()
		defer w.moving.RUnlock()
	}
	return w.route.RoundTrip(r)
}

func (w *week) start(n int) *harness.Process {
	w.t.Helper()
	opts := w.opts
	opts.Env = slices.Concat(opts.Env, w.clocks.env(n))
	return harness.Start(w.t, opts)
}

func (w *week) drain(p *harness.Process) {
	w.t.Helper()
	if status := p.Term(); status != 0 {
		w.t.Errorf("a deployment ended with status %d", status)
	}
}

// isVersion checks that clients see the process of a deployment.
func (w *week) isVersion(n int) {
	w.t.Helper()
	if got, err := w.version(); err != nil || got != versionOf(n) {
		w.t.Errorf("version %q answers, %v, want %s", got, err, versionOf(n))
	}
}

// use has every client make a call while meanwhile happens.
func (w *week) use(meanwhile func()) {
	var all sync.WaitGroup
	for i, c := range w.clients {
		all.Go(func() { w.call(i, c) })
	}
	meanwhile()
	all.Wait()
}

// print prints the promise, and fails the test unless it was kept.
func (w *week) print(engine string, took time.Duration) {
	w.t.Helper()
	w.t.Logf("played in %v:\n"+
		"| Database | Days | Deployments | Clients | Ways to be known | Calls | Refreshes | Pages after the first |\n"+
		"|---|---|---|---|---|---|---|---|\n"+
		"| %s | %v | %d | %d | registered, metadata document, pre-registered | %d | %d | %d |",
		took.Round(time.Second), engine, (deployments*betweenThem).Hours()/24, deployments, len(w.clients), w.calls.Load(), w.refreshes.Load(), w.pages.Load())
	if w.pages.Load() != 0 || w.calls.Load() != clients*(deployments+1) || w.refreshes.Load() < deployments/5*clients {
		w.t.Error("want no page, a call of each client in each period, and a refresh every twelve hours")
	}
}
