package sealed

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// probeFresh is how long a successful write, or the outcome of a probe, stands for the
// next one: anyone may ask whether a server is ready.
const probeFresh = time.Second

// probe is what is known about whether writes work.
type probe struct {
	wrote atomic.Int64 // when a write last succeeded, after began; 0 for never

	mu   sync.Mutex // held by the caller that finds out
	at   time.Time
	last error
}

// succeeded notes that a write was committed.
func (p *probe) succeeded() { p.wrote.Store(int64(time.Since(began))) }

// MayWrite returns nil when a write works now: one did within the last second, or one is
// done as a probe, and this process may use every table. Otherwise the error is a
// *storage.UnavailableError where more is known than that the database does not respond.
// Concurrent callers, and those of the next second, share one outcome.
func (d *DB) MayWrite(ctx context.Context) error {
	d.probe.mu.Lock()
	defer d.probe.mu.Unlock()
	if time.Since(d.probe.at) < probeFresh {
		return d.probe.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ReadTimeout) // one caller's hanging up is not the outcome of all
	defer cancel()
	d.probe.last = d.tryWrite(ctx)
	d.probe.at = time.Now()
	return d.probe.last
}

func (d *DB) tryWrite(ctx context.Context) error {
	const op = "the database accepts no writes"
	if err := d.db.Writable(ctx); err != nil {
		return d.Translate(op, err)
	}
	if wrote := d.probe.wrote.Load(); wrote > 0 && time.Since(began)-time.Duration(wrote) < probeFresh {
		return nil
	}
	return d.WriteTogether(ctx, op, func(ctx context.Context, q db.Querier) error {
		Repeatable(ctx)
		return q.ProbeWrite(ctx, d.db.Now().Unix())
	})
}

// unavailable adds what may be said of the reason.
func (d *DB) unavailable(err error) error {
	if reason := d.db.Reason(err); reason != "" {
		return &storage.UnavailableError{Reason: reason, Cause: err}
	}
	return err
}
