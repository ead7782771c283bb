//go:build bench

package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// expiredSignIns is how many rows the cleaner has to delete.
const expiredSignIns = 3000

// measureCleaning measures the longest transaction of the cleaner, its commit
// included: on SQLite that is how long others wait for the writer.
func measureCleaning(t *testing.T, r *report, dbs pair[*database]) {
	t.Helper()
	const aim = 20 * time.Millisecond
	var longest pair[float64]
	for i, d := range dbs {
		now := time.Now()
		for n := range expiredSignIns {
			name := fmt.Sprint(i, n)
			must(t, d.store.RestoreAuthorization(t.Context(), storage.Authorization{
				ID: "ath_" + name, Browser: storage.HashOf(name), StateHash: storage.HashOf("state " + name),
				Request: storage.Request{ClientID: clientID(n)}, CreatedAt: now.Add(-time.Hour), ExpiresAt: now.Add(-time.Minute),
			}))
		}
		d.store.ObservePages(func(_ int64, held time.Duration) { longest[i] = max(longest[i], float64(held)) })
		get(d.store.DeleteExpired(t.Context(), now, storage.Retention{}, 2*expiredSignIns))(t)
		d.store.ObservePages(nil)
	}
	f := figure{what: "longest transaction of the cleaner", took: longest, format: tenths, grows: true}
	if r.engine == "SQLite" { // PostgreSQL has any number of writers
		f.aim, f.meets = "< 20 ms", func(ours, _ float64) bool { return ours < float64(aim) }
	}
	r.add(f)
}

func tenths(v float64) string { return fmt.Sprintf("%.1f ms", v/1e6) }
