//go:build chaos && !race

package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// workload is what clients do while something is changed under them. Unlike in
// the storm, nothing may go wrong.
type workload struct {
	workers []*worker
	cancel  context.CancelFunc
	all     sync.WaitGroup
}

// worker is one client. Each of its steps goes to a replica that takes requests.
type worker struct {
	client   *harness.Client
	browser  *harness.Browser
	rollout  *rollout
	route    *harness.Route
	took     map[string][]time.Duration // of each step that succeeded, by kind
	failures []string
}

// personTransport is a person's way to the replicas and to GitHub, where the person
// is signed in.
type personTransport struct {
	host    string // of the replicas
	route   http.RoundTripper
	session *http.Cookie
}

func (p personTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == p.host {
		return p.route.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	req.AddCookie(p.session)
	return http.DefaultTransport.RoundTrip(req)
}

// work signs the clients in and lets them work until it is stopped.
func (r *rollout) work(t *testing.T) *workload {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &workload{cancel: cancel}
	for i := range rotatingClients {
		w := &worker{rollout: r, route: harness.NewRoute(r.replicas[0]), took: map[string][]time.Duration{}}
		w.browser = harness.NewBrowser(personTransport{
			host: r.replicas[0].Address(), route: w.route, session: r.github.SessionCookie(fmt.Sprintf("person-%d", i)),
		})
		w.browser.Sites = []string{r.github.URL}
		w.client = w.newClient()
		w.do(ctx, "sign in", func(ctx context.Context) error { return w.client.SignIn(ctx, w.browser) })
		if len(w.failures) > 0 {
			t.Fatal(w.failures[0])
		}
		l.workers = append(l.workers, w)
	}
	for _, w := range l.workers {
		l.all.Go(func() { w.run(ctx) })
	}
	t.Cleanup(cancel)
	return l
}

func (w *worker) newClient() *harness.Client {
	return harness.NewClient(w.rollout.replicas[0].URL, w.route)
}

// run works until the context is done, which it looks at between steps only.
func (w *worker) run(ctx context.Context) {
	for round := 0; ctx.Err() == nil && len(w.failures) < enoughFailures; round++ {
		time.Sleep(rand.N(longestPause))
		w.do(ctx, "call", func(ctx context.Context) error {
			_, err := w.client.Call(ctx, "whoami")
			return err
		})
		w.do(ctx, "refresh", w.client.Refresh)
		if round%registerOneIn == 0 {
			w.do(ctx, "sign in", func(ctx context.Context) error { return w.newClient().SignIn(ctx, w.browser) })
		}
	}
}

// do does one step at one of the replicas.
func (w *worker) do(ctx context.Context, what string, step func(context.Context) error) {
	w.rollout.mu.RLock()
	defer w.rollout.mu.RUnlock()
	w.route.To(w.rollout.live[rand.IntN(len(w.rollout.live))])
	began := time.Now()
	if err := step(context.WithoutCancel(ctx)); err != nil {
		w.failures = append(w.failures, fmt.Sprintf("%s of %s: %v", what, w.client.ID, err))
		return
	}
	w.took[what] = append(w.took[what], time.Since(began))
}

// stop ends the work and checks that nothing went wrong.
func (l *workload) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.all.Wait()
	for _, w := range l.workers {
		for _, failure := range w.failures {
			t.Error(failure)
		}
		for _, what := range []string{"call", "refresh", "sign in"} {
			if len(w.took[what]) < 2 {
				t.Errorf("a client did %q %d times only: too little load to tell anything", what, len(w.took[what]))
			}
		}
	}
}

// times are how long each step took, by kind.
func (l *workload) times() map[string][]time.Duration {
	all := map[string][]time.Duration{}
	for _, w := range l.workers {
		for what, list := range w.took {
			all[what] = append(all[what], list...)
		}
	}
	return all
}

// report prints how often each step was done and how long it took.
func (l *workload) report() {
	all := l.times()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "MEANWHILE\tTIMES\tMEDIAN\tP99\tMAX")
	for _, what := range []string{"call", "refresh", "sign in"} {
		list := all[what]
		slices.Sort(list)
		at := func(share float64) time.Duration {
			return list[min(len(list)-1, int(share*float64(len(list))))].Round(time.Millisecond)
		}
		if len(list) > 0 {
			_, _ = fmt.Fprintln(table, strings.Join([]string{what, fmt.Sprint(len(list)), at(0.5).String(), at(0.99).String(), at(1).String()}, "\t"))
		}
	}
	_ = table.Flush()
}
