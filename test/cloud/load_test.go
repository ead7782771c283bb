//go:build cloud

package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	loaders    = 4
	loadPause  = 20 * time.Millisecond
	retryAfter = 100 * time.Millisecond
)

// load is clients at work, and the front end that sends their requests to one revision.
type load struct {
	route   *harness.Route
	cancel  context.CancelFunc
	all     sync.WaitGroup
	workers []*worker
}

// worker is one client. What was acknowledged to it must not be lost.
type worker struct {
	*harness.Client
	registered []string
	refreshed  int
	put        int // answers with 503, repeated
	failures   []string
}

// startLoad signs clients in at a revision and has them work.
func startLoad(t *testing.T, first *harness.Process) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{route: harness.NewRoute(first), cancel: cancel}
	for range loaders {
		w := &worker{Client: harness.NewClient(first.URL, l.route)}
		must(t, w.SignIn(t.Context(), harness.NewBrowser(l.route)))
		l.workers = append(l.workers, w)
		l.all.Go(func() { w.run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		l.all.Wait()
	})
	return l
}

func (w *worker) run(ctx context.Context) {
	for round := 0; ctx.Err() == nil && len(w.failures) == 0; round++ {
		w.do(ctx, "call", func(ctx context.Context) error {
			_, err := w.Call(ctx, "whoami")
			return err
		})
		w.do(ctx, "refresh", func(ctx context.Context) error {
			err := w.Refresh(ctx)
			if err == nil {
				w.refreshed++
			}
			return err
		})
		if round%10 == 0 {
			w.do(ctx, "register", w.another)
		}
		time.Sleep(loadPause)
	}
}

// another registers one more client, whose id has to be known from then on.
func (w *worker) another(ctx context.Context) error {
	c := harness.NewClient(w.Server, w.HTTP.Transport)
	err := c.Register(ctx)
	if err == nil {
		w.registered = append(w.registered, c.ID)
	}
	return err
}

// do repeats a step after a 503, which has to say when. Any other error is a failure.
func (w *worker) do(ctx context.Context, what string, step func(context.Context) error) {
	for {
		err := step(context.WithoutCancel(ctx))
		var refusal *harness.Error
		if !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable || refusal.Header.Get("Retry-After") == "" {
			if err != nil {
				w.failures = append(w.failures, fmt.Sprintf("%s of %s: %v", what, w.ID, err))
			}
			return
		}
		w.put++
		time.Sleep(retryAfter)
	}
}

// stop ends the work and checks that nothing failed or was lost.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.all.Wait()
	for _, w := range l.workers {
		for _, failure := range w.failures {
			t.Error(failure)
		}
		t.Logf("%d refreshes, %d registrations, %d answers with 503", w.refreshed, len(w.registered), w.put)
		if w.refreshed < 3 || len(w.registered) == 0 {
			t.Error("too little load to tell anything")
		}
		if err := w.Refresh(t.Context()); err != nil {
			t.Errorf("after all: %v", err)
		}
		for _, id := range w.registered {
			w.assertKnown(t, id)
		}
	}
}

// assertKnown begins an authorization for a client that was registered.
func (w *worker) assertKnown(t *testing.T, id string) {
	t.Helper()
	c := harness.NewClient(w.Server, w.HTTP.Transport)
	c.ID = id
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.AuthorizeURL(), http.NoBody)
	must(t, err)
	res, err := c.HTTP.Do(req)
	must(t, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the registration of %s was acknowledged and is lost: status %d", id, res.StatusCode)
	}
}
