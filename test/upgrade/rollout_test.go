//go:build upgrade

package upgrade_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/upgrade"
)

const (
	replicas = 2
	// betweenReplacements is how many sign-ins begin and end before the next replica is replaced.
	betweenReplacements = 20
	// soon is when these have ended on any machine.
	soon = 2 * time.Minute
)

// TestRollout: two replicas of a release are replaced by the present program, one after the
// other, and then the other way round, while people sign in at a provider. No sign-in fails,
// and no client that signed in before is asked again.
func TestRollout(t *testing.T) {
	t.Parallel()
	repo := upgrade.Repository{Dir: harness.Root(t)}
	for _, r := range releases(t, repo) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			binary := build(t, repo, r.commit)
			for _, engine := range harness.Engines() {
				t.Run(engine.Name, func(t *testing.T) {
					t.Parallel()
					at := openID(t)
					opts := engine.Options(t)
					opts.Binary, opts.Env = binary, append(opts.Env, at.env...)
					first := harness.Start(t, opts)
					opts.Args = []string{"--base-url", first.URL}
					o := &rollout{provider: at, server: first.URL, serving: []*harness.Process{first, harness.Start(t, opts)}}
					o.run(t, opts, binary)
				})
			}
		})
	}
}

// rollout is a balancer in front of replicas, whose requests go to any of them.
type rollout struct {
	provider
	server string

	mu      sync.Mutex
	serving []*harness.Process

	signIns, renewals atomic.Int64
}

func (o *rollout) RoundTrip(req *http.Request) (*http.Response, error) {
	if origin := req.URL.Scheme + "://" + req.URL.Host; origin != o.server {
		return http.DefaultTransport.RoundTrip(req)
	}
	o.mu.Lock()
	at := o.serving[rand.N(len(o.serving))].Address()
	o.mu.Unlock()
	to := req.Clone(req.Context())
	to.Host, to.URL.Host, to.Close = req.URL.Host, at, true // each request goes anywhere
	res, err := http.DefaultTransport.RoundTrip(to)
	if res != nil {
		res.Request = req
	}
	return res, err
}

// run has people sign in while all replicas become present ones, and releases again.
func (o *rollout) run(t *testing.T, opts harness.Options, release string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var people sync.WaitGroup
	defer people.Wait()
	defer stop()
	for range concurrently {
		people.Go(func() {
			for ctx.Err() == nil {
				if err := o.live(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	before := harness.NewClient(o.server, o)
	if err := before.SignIn(t.Context(), o.browser(0, o)); err != nil {
		t.Error(err)
	}
	for _, binary := range []string{"", release} {
		opts.Binary = binary
		for range replicas {
			o.replace(t, opts)
			o.waitForSignIns(t)
		}
		if err := use(t.Context(), before); err != nil {
			t.Errorf("a client from before: %v", err)
		}
	}
	t.Logf("%d replicas replaced in each direction during %d sign-ins and %d refreshes", replicas, o.signIns.Load(), o.renewals.Load())
}

// replace starts a replica and ends the oldest one, in the order of a rolling update.
func (o *rollout) replace(t *testing.T, opts harness.Options) {
	t.Helper()
	next := harness.Start(t, opts)
	o.mu.Lock()
	old := o.serving[0]
	o.serving = append(slices.Clone(o.serving[1:]), next)
	o.mu.Unlock()
	if status := old.Term(); status != 0 {
		t.Errorf("a replica ended with status %d", status)
	}
}

func (o *rollout) waitForSignIns(t *testing.T) {
	t.Helper()
	for enough, began := o.signIns.Load()+betweenReplacements, time.Now(); o.signIns.Load() < enough; {
		if time.Since(began) > soon || t.Failed() {
			t.Fatal("people do not sign in any more")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// live signs a client in and uses its tokens.
func (o *rollout) live(ctx context.Context) error {
	c := harness.NewClient(o.server, o)
	if err := c.SignIn(ctx, o.browser(0, o)); err != nil {
		return err
	}
	o.signIns.Add(1)
	for range usesAfter {
		if err := use(ctx, c); err != nil {
			return err
		}
		o.renewals.Add(1)
	}
	return nil
}

// use calls a tool and refreshes.
func use(ctx context.Context, c *harness.Client) error {
	if _, err := c.Call(ctx, "whoami"); err != nil {
		return fmt.Errorf("call: %w", err)
	}
	if err := c.Refresh(ctx); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	return nil
}
