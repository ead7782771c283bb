package audit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// Capacity is how many calls wait for the database at most: those of a second, or of an
	// outage.
	Capacity = 16 << 10
	// batchLen bounds a transaction, for which others wait.
	batchLen   = 500
	writeEvery = time.Second
)

// Store is what the queue needs of the store.
type Store interface {
	// RecordCalls writes events in one transaction. Those that were written before, because
	// the answer to that was lost, are not written again.
	RecordCalls(ctx context.Context, events []storage.Event) error
}

// Queue keeps calls until they are written. Add is safe for concurrent use.
type Queue struct {
	Store Store
	Now   func() time.Time
	Log   *slog.Logger

	mu      sync.Mutex
	waiting []Call
	lost    int // calls that did not fit

	writing sync.Mutex
	batch   []storage.Event // being written, until that has succeeded
	stands  int             // for how many calls
}

// Add notes a call. It never waits for the database.
func (q *Queue) Add(c Call) {
	c.At = q.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= Capacity {
		q.lost++
		return
	}
	q.waiting = append(q.waiting, c)
}

// Run writes until the context ends.
func (q *Queue) Run(ctx context.Context) {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			q.Flush(ctx)
		}
	}
}

// Flush writes what waits. What the database does not take waits for the next time.
func (q *Queue) Flush(ctx context.Context) {
	q.writing.Lock()
	defer q.writing.Unlock()
	for q.next() && ctx.Err() == nil {
		err := q.Store.RecordCalls(ctx, q.batch)
		switch {
		case errors.Is(err, storage.ErrUnavailable), errors.Is(err, storage.ErrBusy), err != nil && ctx.Err() != nil:
			return // the same batch, so that none of it is written twice
		case err != nil:
			q.Log.ErrorContext(ctx, "could not record calls of tools", "calls", q.stands, logging.Error, err)
			q.lose(q.stands)
			q.batch = nil
			return
		}
		q.batch, q.stands = nil, 0
	}
}

// Close writes what waits for the last time, and logs what is lost.
func (q *Queue) Close(ctx context.Context) {
	q.Flush(ctx)
	q.writing.Lock()
	defer q.writing.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := q.stands + len(q.waiting) + q.lost; n > 0 {
		q.Log.WarnContext(ctx, "calls of tools are not in the audit trail: the database does not take them", "calls", n)
	}
}

func (q *Queue) lose(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lost += n
	q.stands = 0
}

// next makes a batch unless there is one, and reports whether there is now.
func (q *Queue) next() bool {
	if q.batch != nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), batchLen)
	for _, c := range q.waiting[:n] {
		q.batch = append(q.batch, c.event())
	}
	q.stands = n + q.lost
	left := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[left:])
	q.waiting = q.waiting[:left]
	if q.lost > 0 {
		q.batch = append(q.batch, lostEvent(q.lost, q.Now()))
		q.lost = 0
	}
	return q.batch != nil
}
