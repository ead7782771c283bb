package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// pendingGrantLife is how long a grant may be without any code or token: longer
// than a transaction that is about to store them.
const pendingGrantLife = time.Hour

// idleDocumentLife is how long what was fetched for a client is kept that nobody
// has a grant for: longer than a sign-in takes.
const idleDocumentLife = time.Hour

// Ready implements storage.Maintenance.
func (r *Repo) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	version, err := r.db.Version(ctx)
	if err != nil {
		return r.translate("the database does not answer", err)
	}
	if needed := db.NeededVersion(); version < needed {
		return fmt.Errorf("the schema is at version %d and this program needs %d: run `mcpkeep migrate up`", version, needed)
	}
	records, err := r.db.Read().ListActiveEncryptionKeys(ctx)
	if err != nil {
		return r.translate("the database does not answer", err)
	}
	if err := r.checkRecords(records); err != nil {
		return err
	}
	if r.onRecord(records) {
		return nil
	}
	return r.whyNotOnRecord(ctx)
}

// SchemaIsCurrent says whether the schema is at least what this program needs.
func (r *Repo) SchemaIsCurrent(ctx context.Context) (bool, error) {
	version, err := r.db.Version(ctx)
	return version >= db.NeededVersion(), err
}

// Stats implements storage.Maintenance.
func (r *Repo) Stats(ctx context.Context, now time.Time) (storage.Stats, error) {
	var stats storage.Stats
	err := r.read(ctx, "count", func(ctx context.Context, q db.Querier) error {
		var err error
		if stats.Clients, err = q.CountClients(ctx); err != nil {
			return err
		}
		if stats.Users, err = q.CountUsers(ctx); err != nil {
			return err
		}
		stats.LiveGrants, err = q.CountLiveGrants(ctx, unix(now))
		return err
	})
	return stats, err
}

// DeleteExpired implements storage.Maintenance. Tokens go before the grants
// that they keep.
func (r *Repo) DeleteExpired(ctx context.Context, now time.Time, keep storage.Retention, limit int) (int64, error) {
	var total int64
	for _, step := range expirySteps(now, keep, int64(limit)) {
		var done int64
		err := r.write(ctx, "delete expired rows", func(ctx context.Context, q db.Querier) error {
			var err error
			done, err = step(ctx, q)
			return err
		})
		if err != nil {
			return total, err
		}
		total += done
	}
	return total, nil
}

// expiryStep deletes rows of one kind and says how many.
type expiryStep func(context.Context, db.Querier) (int64, error)

func expirySteps(now time.Time, keep storage.Retention, n int64) []expiryStep {
	at := unix(now)
	steps := []expiryStep{
		func(ctx context.Context, q db.Querier) (int64, error) {
			return q.DeleteExpiredAuthorizations(ctx, sqlitedb.DeleteExpiredAuthorizationsParams{Now: at, MaxRows: n})
		},
		func(ctx context.Context, q db.Querier) (int64, error) {
			return q.DeleteExpiredCodes(ctx, sqlitedb.DeleteExpiredCodesParams{Now: at, MaxRows: n})
		},
		func(ctx context.Context, q db.Querier) (int64, error) {
			return q.DeleteExpiredAccessTokens(ctx, sqlitedb.DeleteExpiredAccessTokensParams{Now: at, MaxRows: n})
		},
		func(ctx context.Context, q db.Querier) (int64, error) {
			return q.DeleteExpiredRefreshTokens(ctx, sqlitedb.DeleteExpiredRefreshTokensParams{Now: at, MaxRows: n})
		},
		func(ctx context.Context, q db.Querier) (int64, error) {
			return q.ForgetSuccessors(ctx, sqlitedb.ForgetSuccessorsParams{SpentBefore: unix(now.Add(-keep.Grace)), MaxRows: n})
		},
		func(ctx context.Context, q db.Querier) (int64, error) {
			return q.DeleteDeadGrants(ctx, sqlitedb.DeleteDeadGrantsParams{
				CreatedBefore: unix(now.Add(-pendingGrantLife)), MaxRows: n,
			})
		},
		func(ctx context.Context, q db.Querier) (int64, error) {
			return q.DeleteIdleClientDocuments(ctx, sqlitedb.DeleteIdleClientDocumentsParams{
				TriedBefore: unix(now.Add(-idleDocumentLife)), MaxRows: n,
			})
		},
		func(ctx context.Context, q db.Querier) (int64, error) {
			return q.DeleteExpiredClientAssertions(ctx, sqlitedb.DeleteExpiredClientAssertionsParams{Now: at, MaxRows: n})
		},
	}
	if keep.Events > 0 {
		steps = append(steps, func(ctx context.Context, q db.Querier) (int64, error) {
			return q.DeleteOldEvents(ctx, sqlitedb.DeleteOldEventsParams{CreatedBefore: unix(now.Add(-keep.Events)), MaxRows: n})
		})
	}
	if keep.UnusedClients > 0 {
		steps = append(steps, func(ctx context.Context, q db.Querier) (int64, error) {
			gone, err := reclaim(ctx, q, now.Add(-keep.UnusedClients), n, now)
			return int64(len(gone)), err
		})
	}
	if keep.CountClients {
		steps = append(steps, func(ctx context.Context, q db.Querier) (int64, error) {
			_, err := lockedCount(ctx, q, now, countEvery)
			return 0, err
		})
	}
	return steps
}
