//go:build attack

package attack_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	// floodRate is how many registrations a second are sent, and floodConnections from how
	// many connections.
	floodRate, floodConnections = 1000, 100
	diskMost                    = 100e6 // bytes
)

// TestRegistrations: with the defaults, a flood of registrations of the largest kind costs a
// bounded amount of disk, and everyone who comes in the middle of it gets in, however long
// the user takes to sign in.
func TestRegistrations(t *testing.T) {
	t.Parallel()
	for _, e := range harness.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			opts := e.Options(t)
			p := harness.Start(t, opts)
			before := disk(t, opts.Database)
			f := start(t.Context(), p.URL, registrations, floodConnections, time.Second*floodConnections/floodRate)
			ends := time.Now().Add(lasting(t))
			in, waited := visitors(t, p, honest(t), lasting(t))
			time.Sleep(time.Until(ends))
			f.stop()
			after := disk(t, opts.Database)
			conn := dbtest.SQL(t, opts.Database)
			t.Logf("%v: %d registrations sent, %d told to wait, %d clients kept; %d of %d honest clients got in, registered after at most %v; disk %.1f MB before, %.1f MB after",
				lasting(t), f.sent.Load(), f.refused.Load(), dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM oauth_clients"),
				in, honest(t), waited.Round(100*time.Millisecond), before/1e6, after/1e6)
			if in != honest(t) || after > diskMost {
				t.Errorf("%d of %d got in, %.1f MB", in, honest(t), after/1e6)
			}
		})
	}
}

// visitors has honest clients come one after the other in the first half of the flood,
// whose users take up to as long as the flood, or ten minutes. It returns how many got in,
// and how long one of them waited to be registered.
func visitors(t *testing.T, p *harness.Process, n int, lasting time.Duration) (in int, longest time.Duration) {
	t.Helper()
	slowest := min(lasting, 10*time.Minute)
	waits := make([]time.Duration, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			time.Sleep(lasting / 2 * time.Duration(i) / time.Duration(n))
			turn := i*37%n + 1 // early ones and late ones are slow and fast
			waits[i], errs[i] = visit(t.Context(), p, slowest*time.Duration(turn)/time.Duration(n))
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("client %d: %v", i, err)
			continue
		}
		in++
	}
	return in, slices.Max(waits)
}

// visit registers a client, opens the sign-in page, waits as its user does and signs in.
func visit(ctx context.Context, p *harness.Process, userTakes time.Duration) (waited time.Duration, err error) {
	c, b := harness.NewClient(p.URL, nil), harness.NewBrowser(nil)
	began := time.Now()
	if err := obeying(ctx, func() error { return c.Register(ctx) }); err != nil {
		return 0, fmt.Errorf("register: %w", err)
	}
	waited = time.Since(began)
	var page *harness.Page
	load := func() (err error) {
		if page, err = b.Open(ctx, c.AuthorizeURL()); err == nil && page.Status >= http.StatusBadRequest {
			err = &harness.Error{Status: page.Status, Header: page.Header, Description: page.Body}
		}
		return err
	}
	if err := obeying(ctx, load); err != nil {
		return waited, fmt.Errorf("open the page: %w", err)
	}
	time.Sleep(userTakes)
	for page.Left == nil {
		shown := page
		err := obeying(ctx, func() (err error) {
			page, err = b.Submit(ctx, shown)
			return err
		})
		if err != nil {
			return waited, fmt.Errorf("sign in: %w", err)
		}
	}
	code, err := c.Code(page.Left)
	if err == nil {
		err = obeying(ctx, func() error { return c.Exchange(ctx, code) })
	}
	if err == nil {
		err = obeying(ctx, func() error { _, err := c.Call(ctx, "whoami"); return err })
	}
	return waited, err
}

// obeying repeats what gets 429 or 503 after as long as the answer says.
func obeying(ctx context.Context, f func() error) error {
	for {
		err := f()
		refusal := new(harness.Error)
		if !errors.As(err, &refusal) || refusal.Status != http.StatusTooManyRequests && refusal.Status != http.StatusServiceUnavailable {
			return err
		}
		seconds, bad := strconv.Atoi(refusal.Header.Get("Retry-After"))
		if bad != nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Duration(seconds) * time.Second)
	}
}

// disk is the size of all tables with their indexes, or of the file, without the log.
func disk(t *testing.T, database string) float64 {
	t.Helper()
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return float64(info.Size())
	}
	conn := dbtest.SQL(t, database)
	return float64(dbtest.Value[int64](t, conn, "SELECT SUM(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = 'public'"))
}
