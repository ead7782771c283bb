package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
)

const (
	// firstPage is how many rows the first transaction of a kind changes, and
	// largestPage is the most.
	firstPage, largestPage = 20, 200
	// pageTime is how long a transaction of the cleaner should take: a quarter of the
	// 20 ms that it may keep SQLite's writer from others.
	pageTime = 5 * time.Millisecond
)

// pager does the cleaner's work in short transactions, whose size follows the time
// that they take.
type pager struct {
	*Repo
	rows    int64         // of the next page
	held    time.Duration // by the last transaction
	observe func(rows int64, held time.Duration)
}

func (r *Repo) newPager() *pager { return &pager{Repo: r, rows: firstPage, observe: r.observe} }

// ObservePages calls f for each transaction of DeleteExpired and TakeProviderTokens, with
// the number of rows and the time that it was open, commit included. Call it before the
// store is used.
func (r *Repo) ObservePages(f func(rows int64, held time.Duration)) { r.observe = f }

// all runs page after page until one is not full or the limit is reached, and returns the
// number of rows. On SQLite it pauses between pages for as long as it held the write lock.
func (p *pager) all(
	ctx context.Context, limit int64, page func(context.Context, *pager) (int64, error),
) (int64, error) {
	var total int64
	for total < limit {
		p.rows = min(p.rows, limit-total)
		asked := p.rows
		done, err := page(ctx, p)
		total += done
		if err != nil || done < asked {
			return total, err
		}
		if err := p.pause(ctx); err != nil {
			return total, err
		}
	}
	return total, nil
}

// write runs one transaction and adapts the size of the next page. The time does not
// include waiting for the writer.
func (p *pager) write(ctx context.Context, f sealed.Query) error {
	var began time.Time
	err := p.db.Write(ctx, "clean up", func(ctx context.Context, q db.Querier) error {
		began = time.Now()
		return f(ctx, q)
	})
	if began.IsZero() {
		return err
	}
	p.held = time.Since(began)
	if p.observe != nil {
		p.observe(p.rows, p.held)
	}
	p.rows = nextPage(p.rows, p.held)
	return err
}

// nextPage returns the size of the next page from the duration of the last one: at most
// twice as large, so that no page takes much longer than the one before.
func nextPage(rows int64, took time.Duration) int64 {
	switch {
	case took > pageTime:
		return max(1, rows/4)
	case took < pageTime/4:
		return min(2*rows, largestPage)
	}
	return rows
}

func (p *pager) pause(ctx context.Context) error {
	if p.db.Unsealed().Engine() != "sqlite" {
		return p.db.Translate("clean up", ctx.Err())
	}
	select {
	case <-time.After(p.held):
		return nil
	case <-ctx.Done():
		return p.db.Translate("clean up", ctx.Err())
	}
}
