package sealed

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// OutageAfter is for how long access checks must have had no success before the
	// database counts as unavailable.
	OutageAfter = 2 * time.Second
	// accessRetry is how long a failed check waits for its next attempt.
	accessRetry = 50 * time.Millisecond
)

// pulse is when a query of an access check last succeeded, and when one first failed since. A
// process that waits for others notices that they succeed; one that waits for a database that
// is gone does not.
type pulse struct {
	last   atomic.Int64 // after began
	failed atomic.Int64 // after began; 0 when none failed since
}

// began is on the monotonic clock, which no one sets.
var began = time.Now()

func (p *pulse) beat() {
	p.last.Store(int64(time.Since(began)))
	p.failed.Store(0)
}

// miss notes a failure and returns for how long all have failed. The time before the first of
// them, in which no one may have asked, does not count.
func (p *pulse) miss(asked time.Time) time.Duration {
	p.failed.CompareAndSwap(0, int64(max(1, asked.Sub(began))))
	if first := p.failed.Load(); first != 0 {
		return min(p.silence(), time.Since(began)-time.Duration(first))
	}
	return 0 // another one has just succeeded
}

// silence is the time since the last success.
func (p *pulse) silence() time.Duration { return time.Since(began) - time.Duration(p.last.Load()) }

// watch returns a context that ends once there was no success for OutageAfter from now on.
func (p *pulse) watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var timer atomic.Pointer[time.Timer]
	asked := time.Now()
	check := func() {
		left := OutageAfter - min(p.silence(), time.Since(asked))
		if left <= 0 {
			cancel()
		} else if ctx.Err() == nil {
			timer.Load().Reset(left)
		}
	}
	timer.Store(time.AfterFunc(OutageAfter, check))
	return ctx, func() { timer.Load().Stop(); cancel() }
}

// ReadAccess is Read for an access check, on connections that no other work takes. The
// error is storage.ErrUnavailable only if no access check succeeded for OutageAfter: the
// database refuses, cannot be reached or hangs. Until then a failed check is repeated, and
// one that waits for others until ReadTimeout gets storage.ErrBusy. In a context of
// storage.WithSharedConnections it is Read.
func (d *DB) ReadAccess(ctx context.Context, op string, f Query) error {
	if storage.SharesConnections(ctx) {
		return d.Read(ctx, op, f)
	}
	began := time.Now()
	return d.timed(ctx, "access", op, began, d.checkAccess(ctx, op, f))
}

func (d *DB) checkAccess(ctx context.Context, op string, f Query) error {
	ctx, cancel := step(ctx, ReadTimeout)
	defer cancel()
	for {
		asked := time.Now()
		err := d.tryAccess(ctx, op, f)
		if !errors.Is(err, storage.ErrUnavailable) || errors.Is(ctx.Err(), context.Canceled) || d.access.miss(asked) >= OutageAfter {
			return err
		}
		select {
		case <-time.After(accessRetry):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w", op, storage.ErrBusy, ctx.Err())
		}
	}
}

func (d *DB) tryAccess(ctx context.Context, op string, f Query) error {
	ctx, stop := d.access.watch(ctx)
	defer stop()
	err := d.db.InPlace()
	if err == nil {
		err = f(ctx, d.db.Reserved())
	}
	err = d.Translate(op, err)
	if !errors.Is(err, storage.ErrUnavailable) {
		d.access.beat()
	}
	return err
}

// beatShared counts a success of other work where access checks share its connections:
// a check that waits for them does not wait for the database.
func (d *DB) beatShared(err error) error {
	if !errors.Is(err, storage.ErrUnavailable) && !d.db.HasReserved() {
		d.access.beat()
	}
	return err
}
