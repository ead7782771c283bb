package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// DeleteExpired implements storage.Maintenance. It deletes tokens before the grants that
// they keep alive.
func (r *Repo) DeleteExpired(ctx context.Context, now time.Time, keep storage.Retention, limit int) (int64, error) {
	var total int64
	for _, step := range r.expirySteps(now, keep) {
		done, err := r.newPager().all(ctx, int64(limit), step)
		total += done
		if err != nil {
			return total, err
		}
	}
	if _, err := r.newPager().all(ctx, int64(limit), oldCommits(now)); err != nil {
		return total, err
	}
	r.vacuum(ctx, 1)
	if keep.CountClients {
		return total, r.recount(ctx, now)
	}
	return total, nil
}

// expiryStep deletes a page of rows of one kind and returns how many.
type expiryStep = func(context.Context, *pager) (int64, error)

// deletion is a step of one statement, for n rows.
func deletion(statement func(ctx context.Context, q db.Querier, n int64) (int64, error)) expiryStep {
	return func(ctx context.Context, p *pager) (done int64, err error) {
		n := p.rows
		err = p.write(ctx, func(ctx context.Context, q db.Querier) error {
			sealed.Repeatable(ctx)
			done, err = statement(ctx, q, n)
			return err
		})
		if err != nil {
			return 0, err
		}
		return done, nil
	}
}

func (r *Repo) expirySteps(now time.Time, keep storage.Retention) []expiryStep {
	steps := append(tokenSteps(now, keep), func(ctx context.Context, p *pager) (int64, error) {
		return p.reviewDocuments(ctx, now)
	})
	if keep.Replaced > 0 {
		steps = append(steps, deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return r.endReplaced(ctx, q, now.Add(-keep.Replaced), now, n)
		}))
	}
	if keep.Events > 0 {
		steps = append(steps, deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteOldEvents(ctx, sqlitedb.DeleteOldEventsParams{CreatedBefore: unix(now.Add(-keep.Events)), MaxRows: n})
		}))
	}
	if keep.Calls > 0 {
		steps = append(steps, oldCalls(now.Add(-keep.Calls)))
	}
	for _, t := range storage.EventTypes() {
		if t.Kept() > 0 {
			steps = append(steps, r.beyondKept(t, now))
		}
	}
	if keep.UnusedClients > 0 {
		steps = append(steps, deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			gone, err := r.reclaim(ctx, q, now.Add(-keep.UnusedClients), n, now)
			return int64(len(gone)), err
		}))
	}
	return steps
}

// commitLife is how long the mark of a transaction is kept. It is looked up within seconds;
// the rest allows for replicas that differ in what they take for the time.
const commitLife = 10 * time.Minute

// oldCommits deletes marks of transactions. They count for nothing: engines differ in them.
func oldCommits(now time.Time) expiryStep {
	return deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
		return q.DeleteOldCommits(ctx, sqlitedb.DeleteOldCommitsParams{CreatedUntil: unix(now.Add(-commitLife)), MaxRows: n})
	})
}

// tokenSteps are those for sign-ins, codes, tokens and grants.
func tokenSteps(now time.Time, keep storage.Retention) []expiryStep {
	at := unix(now)
	return []expiryStep{
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteExpiredAuthorizations(ctx, sqlitedb.DeleteExpiredAuthorizationsParams{Now: at, MaxRows: n})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteExpiredBrowserSessions(ctx, sqlitedb.DeleteExpiredBrowserSessionsParams{Now: at, MaxRows: n})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteExpiredCodes(ctx, sqlitedb.DeleteExpiredCodesParams{Now: at, MaxRows: n})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteExpiredAccessTokens(ctx, sqlitedb.DeleteExpiredAccessTokensParams{Now: at, MaxRows: n})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteExpiredRefreshTokens(ctx, sqlitedb.DeleteExpiredRefreshTokensParams{Now: at, MaxRows: n})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.ForgetSuccessors(ctx, sqlitedb.ForgetSuccessorsParams{
				UsedBefore: unix(now.Add(-keep.Grace)), SpentBefore: unix(now.Add(-repeatableFor(keep.Grace))), MaxRows: n,
			})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteDeadGrants(ctx, sqlitedb.DeleteDeadGrantsParams{Now: at, MaxRows: n})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteExpiredClientAssertions(ctx, sqlitedb.DeleteExpiredClientAssertionsParams{Now: at, MaxRows: n})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteOldAdoptions(ctx, sqlitedb.DeleteOldAdoptionsParams{
				BeganUntil: unix(now.Add(-storage.AdoptionLife)), MaxRows: n,
			})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteOldUnknownClients(ctx, sqlitedb.DeleteOldUnknownClientsParams{
				SeenUntil: unix(now.Add(-storage.UnknownClientLife)), MaxRows: n,
			})
		}),
		deletion(func(ctx context.Context, q db.Querier, n int64) (int64, error) {
			return q.DeleteEndedRenewals(ctx, sqlitedb.DeleteEndedRenewalsParams{Now: at, MaxRows: n})
		}),
	}
}

// repeatableFor is the longest time after its use during which a token may be repeated.
func repeatableFor(grace time.Duration) time.Duration {
	if grace <= 0 {
		return 0
	}
	return storage.RepeatLife + grace
}

// recount compares the number of clients with the table unless that was done recently. It
// counts outside a transaction, then adds the difference to the number, so that clients
// registered in the meantime stay counted, unless another count finished first.
func (r *Repo) recount(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	count, err := r.db.Unsealed().Read().GetClientCount(ctx)
	if err != nil || within(count.CountedAt, now, countEvery) {
		return r.db.Translate("read the number of clients", err)
	}
	if count.CountedAt == 0 {
		err := r.db.Write(ctx, "start the count of clients", func(ctx context.Context, q db.Querier) error {
			return q.StartClientCount(ctx)
		})
		if err != nil {
			return err
		}
	}
	measured, err := r.db.Unsealed().Read().MeasureClientCount(ctx)
	if err != nil {
		return r.db.Translate("count the clients", err)
	}
	return r.db.Write(ctx, "correct the count of clients", func(ctx context.Context, q db.Querier) error {
		_, err := q.CorrectClientCount(ctx, sqlitedb.CorrectClientCountParams{
			Missing: measured.Missing, Now: unix(now), Seen: measured.CountedAt,
		})
		return err
	})
}
