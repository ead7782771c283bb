//go:build cloud

package cloud_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	perInstance = 4  // connections
	perStart    = 80 // concurrent requests, the default of Cloud Run
)

// TestStarts: many instances start together on an empty database, each with as many requests
// as Cloud Run sends to one. All are served, the schema is made once, and the database never
// sees more connections than the pools may have.
func TestStarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	starts := setting(t, "MCPKEEP_CLOUD_STARTS", 6)
	opts := w.options(w.doors()["socket"])
	most, stop := w.watchConnections(t)
	processes, errs := make([]*harness.Process, starts), make([]error, starts)
	var failed atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for i := range starts {
		all.Go(func() {
			if processes[i], errs[i] = harness.TryStart(t, opts); errs[i] == nil {
				failed.Add(flock(t.Context(), processes[i].URL))
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		must(t, err)
	}
	t.Logf("%d starts with %d requests each in %v", starts, perStart, time.Since(began).Round(time.Millisecond))
	if n := failed.Load(); n != 0 {
		t.Errorf("%d of %d requests failed", n, starts*perStart)
	}
	limit := int64(starts*perInstance + 1) // one migrates
	if stop(); most.Load() > limit || most.Load() == 0 {
		t.Errorf("the database saw %d connections, want 1 to %d", most.Load(), limit)
	}
	var applied, versions int
	must(t, w.connect(t).QueryRow(t.Context(),
		"SELECT COUNT(*), COUNT(DISTINCT version_id) FROM mcpkeep_schema_version").Scan(&applied, &versions))
	if applied != versions || applied == 0 {
		t.Errorf("%d migrations of %d versions", applied, versions)
	}
}

// flock sends concurrent requests, which read from the database, and returns how many had another
// answer than the right one.
func flock(ctx context.Context, server string) int64 {
	var wrong atomic.Int64
	var all sync.WaitGroup
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxConnsPerHost: perStart}}
	for range perStart {
		all.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/readyz", http.NoBody)
			if err != nil {
				wrong.Add(1)
				return
			}
			res, err := client.Do(req)
			if err != nil {
				wrong.Add(1)
				return
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				wrong.Add(1)
			}
		})
	}
	all.Wait()
	client.CloseIdleConnections()
	return wrong.Load()
}

// watchConnections looks at what the database sees of the service until it is stopped.
func (w *world) watchConnections(t *testing.T) (most *atomic.Int64, stop func()) {
	t.Helper()
	conn := w.connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	most = new(atomic.Int64)
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			var now int64
			err := conn.QueryRow(ctx, "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = $1", gcptest.Role).Scan(&now)
			if err == nil && now > most.Load() {
				most.Store(now)
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	stop = func() {
		cancel()
		watching.Wait()
	}
	t.Cleanup(stop)
	return most, stop
}
