package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// cleanerLease is the name of the lease of the cleaner.
const cleanerLease = "cleaner"

// longestCleanerRest, in seconds, is more than a lease or the rest after one lasts.
const longestCleanerRest = int64(10 * time.Minute / time.Second)

// The longest times to wait for, in seconds.
const (
	longestLease = int64(storage.LongestLease / time.Second)
	longestRest  = int64(storage.LongestRest / time.Second)
)

// LeaseCleaning implements cleaner.Store: one statement, whose row count decides.
func (r *Repo) LeaseCleaning(ctx context.Context, holder string, until, now time.Time) (bool, error) {
	var held bool
	err := r.db.Write(ctx, "lease the cleaning", func(ctx context.Context, q db.Querier) error {
		n, err := q.TakeLease(ctx, sqlitedb.TakeLeaseParams{
			Name: cleanerLease, Holder: holder, Until: unix(until), Now: unix(now), Latest: unix(now) + longestCleanerRest,
		})
		held = n == 1
		return err
	})
	return held && err == nil, err
}

// EndCleaning implements cleaner.Store.
func (r *Repo) EndCleaning(ctx context.Context, holder string, freeAt time.Time) error {
	return r.db.Write(ctx, "end the lease of the cleaning", func(ctx context.Context, q db.Querier) error {
		_, err := q.EndLease(ctx, sqlitedb.EndLeaseParams{FreeAt: unix(freeAt), Name: cleanerLease, Holder: holder})
		return err
	})
}
