package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

var errGone = errors.New("the upstream is no longer configured")

// calls are the open requests of an upstream. The zero value has none.
type calls struct {
	mu     sync.Mutex
	gone   bool
	open   map[*context.CancelCauseFunc]struct{}
	byUser map[string]int // those that count against a limit, by whom it is for
}

// begin adds a request to the open ones and returns its context, which End cancels. done must
// be called when it ends. A user who has as many as the limit gets no further one; "" has none.
func (c *calls) begin(ctx context.Context, whose string, limit int) (_ context.Context, done func(), _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.gone:
		return ctx, nil, ErrNoSession
	case whose != "" && c.byUser[whose] >= limit:
		return ctx, nil, ErrTooMany
	case c.open == nil:
		c.open, c.byUser = make(map[*context.CancelCauseFunc]struct{}), make(map[string]int)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.open[&cancel] = struct{}{}
	if whose != "" {
		c.byUser[whose]++
	}
	return ctx, func() {
		cancel(nil)
		c.end(&cancel, whose)
	}, nil
}

func (c *calls) end(cancel *context.CancelCauseFunc, whose string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, cancel)
	if whose == "" {
		return
	}
	if c.byUser[whose]--; c.byUser[whose] == 0 {
		delete(c.byUser, whose)
	}
}

// End ends all requests: the upstream is no longer configured. One without a response gets
// 404, as do all that come later.
func (u *Upstream) End() {
	u.calls.mu.Lock()
	defer u.calls.mu.Unlock()
	u.calls.gone = true
	for cancel := range u.calls.open {
		(*cancel)(errGone)
	}
	u.transport.CloseIdleConnections()
}

// silence calls a function when a response has sent nothing for a time. Without a limit it
// never does.
type silence struct {
	limit time.Duration
	timer *time.Timer
	ended atomic.Bool
}

func newSilence(limit time.Duration, end func()) *silence {
	s := &silence{limit: limit}
	if limit > 0 {
		s.timer = time.AfterFunc(limit, func() {
			s.ended.Store(true)
			end()
		})
	}
	return s
}

// heard says that something came.
func (s *silence) heard() {
	if s.timer != nil {
		s.timer.Reset(s.limit)
	}
}

// cause says why a response could not be read.
func (s *silence) cause(err error) error {
	if s.ended.Load() {
		return errors.Join(ErrTooSlow, err)
	}
	return errors.Join(ErrBroken, err)
}

func (s *silence) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}
