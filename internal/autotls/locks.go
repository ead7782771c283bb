package autotls

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// leaseFor is how long a lock outlives a process that was killed.
	leaseFor = 15 * time.Second
	// lockEvery is how often one who waits for a lock tries to get it.
	lockEvery = 500 * time.Millisecond
)

// locks are leases in the database that are extended until they are given back. A process
// that loses one, because the database was away for longer, does not learn of it: two
// orders of the same certificate do no harm.
type locks struct {
	store storage.CertificateStore
	lease time.Duration
	now   func() time.Time

	mu   sync.Mutex
	held map[string]lock
}

// lock is a lock of this process.
type lock struct {
	holder string
	stop   context.CancelFunc // ends extending
	done   chan struct{}      // closed after that
}

func newLocks(store storage.CertificateStore, lease time.Duration, now func() time.Time) *locks {
	return &locks{store: store, lease: lease, now: now, held: map[string]lock{}}
}

// Lock implements certmagic.Locker.
func (l *locks) Lock(ctx context.Context, name string) error {
	for {
		held, err := l.TryLock(ctx, name)
		if held || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockEvery):
		}
	}
}

// TryLock implements certmagic.TryLocker. Two calls in one process are two holders.
func (l *locks) TryLock(ctx context.Context, name string) (bool, error) {
	holder := rand.Text()
	held, err := l.take(ctx, name, holder)
	if err != nil || !held {
		return false, err
	}
	// The lock outlives the context of the call.
	extending, stop := context.WithCancel(context.WithoutCancel(ctx))
	mine := lock{holder: holder, stop: stop, done: make(chan struct{})}
	go l.extend(extending, name, mine)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[name] = mine
	return true, nil
}

func (l *locks) take(ctx context.Context, name, holder string) (bool, error) {
	now := l.now()
	return l.store.TakeTLSLock(ctx, name, holder, now.Add(l.lease), now)
}

// extend extends a lock until the context ends.
func (l *locks) extend(ctx context.Context, name string, mine lock) {
	defer close(mine.done)
	tick := time.NewTicker(l.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, _ = l.take(ctx, name, mine.holder) // the next one may succeed
		}
	}
}

// Unlock implements certmagic.Locker.
func (l *locks) Unlock(ctx context.Context, name string) error {
	l.mu.Lock()
	mine, ok := l.held[name]
	delete(l.held, name)
	l.mu.Unlock()
	if !ok {
		return nil
	}
	mine.stop()
	<-mine.done
	return l.store.GiveTLSLock(ctx, name, mine.holder)
}
