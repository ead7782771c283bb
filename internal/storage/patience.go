package storage

import (
	"context"
	"sync"
	"time"
)

type patienceKey struct{}

// patience is until when the steps of a request may wait for the database.
type patience struct {
	mu      sync.Mutex
	until   time.Time
	excused time.Duration
}

// WithPatience returns a context whose steps wait for the database for this long together,
// however many they are.
func WithPatience(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, &patience{until: time.Now().Add(d)})
}

// WithSomePatience is WithPatience for a context that has none.
func WithSomePatience(ctx context.Context, d time.Duration) context.Context {
	if p, _ := ctx.Value(patienceKey{}).(*patience); p != nil {
		return ctx
	}
	return WithPatience(ctx, d)
}

// WithoutPatience returns a context for work that continues when the request has ended.
func WithoutPatience(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), patienceKey{}, (*patience)(nil))
}

// Excuse lets the steps of a context end later, by the time that something other than the
// database took.
func Excuse(ctx context.Context, d time.Duration) {
	if p, _ := ctx.Value(patienceKey{}).(*patience); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.until, p.excused = p.until.Add(d), p.excused+d
	}
}

// Excused returns for how much longer the steps of a context may wait than was said.
func Excused(ctx context.Context) time.Duration {
	p, _ := ctx.Value(patienceKey{}).(*patience)
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.excused
}

// Step returns the context of one step, which ends with the patience of its request.
func Step(ctx context.Context) (context.Context, context.CancelFunc) {
	p, _ := ctx.Value(patienceKey{}).(*patience)
	if p == nil {
		return context.WithCancel(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return context.WithDeadline(ctx, p.until)
}
