//go:build chaos

package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	longestPause  = 150 * time.Millisecond
	registerOneIn = 5 // rounds
	// mostFurther is for each client: all together stay below what the server keeps of
	// registrations that are never used.
	mostFurther     = 15
	enoughFailures  = 3 // of one client to tell what is wrong
	retryPause      = 100 * time.Millisecond
	temporaryStatus = http.StatusServiceUnavailable
)

// counts is what a client did.
type counts struct {
	Calls, Refreshes, Registrations int // acknowledged
	Lost                            int // without an answer, repeated
	Unavailable                     int // answered with 503, repeated
}

func (c *counts) add(o counts) {
	c.Calls += o.Calls
	c.Refreshes += o.Refreshes
	c.Registrations += o.Registrations
	c.Lost += o.Lost
	c.Unavailable += o.Unavailable
}

// stormClient is one client under load.
type stormClient struct {
	*harness.Client
	storm      *storm
	random     *rand.Rand
	counts     counts
	registered []string // ids of further registrations that were acknowledged
	failures   []string
}

// run works until the context is done, which it looks at between steps only, so
// that no answer is thrown away.
func (c *stormClient) run(ctx context.Context) {
	for ctx.Err() == nil && len(c.failures) < enoughFailures {
		time.Sleep(time.Duration(c.random.Int64N(int64(longestPause))))
		c.try(ctx, "call", &c.counts.Calls, func(ctx context.Context) error {
			_, err := c.Call(ctx, "whoami")
			return err
		})
		c.try(ctx, "refresh", &c.counts.Refreshes, c.Refresh)
		if len(c.registered) < mostFurther && c.random.IntN(registerOneIn) == 0 {
			c.try(ctx, "register", &c.counts.Registrations, c.registerAnother)
		}
	}
}

// try repeats a step until it is acknowledged. It may go unanswered only while
// the server is down; a refresh is then repeated with the same token, which the
// server may have spent.
func (c *stormClient) try(ctx context.Context, what string, acknowledged *int, step func(context.Context) error) {
	for {
		began := time.Now()
		err := step(context.WithoutCancel(ctx))
		switch status := harness.StatusOf(err); {
		case err == nil:
			*acknowledged++
			return
		case status == 0 && c.storm.down.overlap(began, time.Now()):
			c.counts.Lost++
		case status == temporaryStatus:
			c.counts.Unavailable++
		default:
			c.failures = append(c.failures, fmt.Sprintf("%s of %s: %v", what, c.ID, err))
			return
		}
		if ctx.Err() != nil {
			return
		}
		time.Sleep(retryPause)
	}
}

func (c *stormClient) registerAnother(ctx context.Context) error {
	another := harness.NewClient(c.Server, nil)
	another.HTTP = c.HTTP
	err := another.Register(ctx)
	if err == nil {
		c.registered = append(c.registered, another.ID)
	}
	return err
}

// verifyRegistrations begins an authorization for each registration.
func (c *stormClient) verifyRegistrations(t *testing.T) {
	t.Helper()
	for _, id := range c.registered {
		another := harness.NewClient(c.Server, nil)
		another.ID = id
		if a := get(t.Context(), t, another.AuthorizeURL()); a.status != http.StatusOK {
			t.Errorf("the authorization page for the registered client %s: status %d", id, a.status)
		}
	}
}
