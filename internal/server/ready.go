package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// readyFor is how long the outcome of a check stands for the probes that follow:
	// anyone may ask whether a server is ready.
	readyFor = time.Second
	// readyWithin bounds a check: a database that takes longer counts as one that hangs.
	readyWithin = 4 * time.Second
)

// readyCheck is the check that is under way, or the last one.
type readyCheck struct {
	mu      sync.Mutex
	current *readyOutcome
}

// readyOutcome is what a check found. Only the check writes to it, before done is closed.
type readyOutcome struct {
	done   chan struct{}
	ended  time.Time
	answer readiness
}

// outcome returns what a check finds that all callers share, and those of the next second.
func (c *readyCheck) outcome(ctx context.Context, check func(context.Context) readiness) readiness {
	o := c.join(context.WithoutCancel(ctx), check) // one caller's hanging up is not the outcome of all
	<-o.done
	return o.answer
}

// join returns the check to wait for, after beginning it if that is due.
func (c *readyCheck) join(ctx context.Context, check func(context.Context) readiness) *readyOutcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && c.current.counts() {
		return c.current
	}
	o := &readyOutcome{done: make(chan struct{})}
	c.current = o
	go func() {
		defer close(o.done)
		o.answer = check(ctx)
		o.ended = time.Now()
	}()
	return o
}

// counts reports whether a check is under way or has ended lately.
func (o *readyOutcome) counts() bool {
	select {
	case <-o.done:
		return time.Since(o.ended) < readyFor
	default:
		return true
	}
}

// errHanging is a database that does not answer in time.
var errHanging = fmt.Errorf("no answer within %v: %w", readyWithin, storage.ErrUnavailable)

// checkReady asks the store, for readyWithin at most.
func (s *Server) checkReady(ctx context.Context) readiness {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, errHanging)
	defer cancel()
	found := make(chan readiness, 1)
	go func() {
		instance, err := s.askReady(ctx)
		if err != nil {
			s.Logger.WarnContext(ctx, "not ready", logging.Error, err)
		}
		found <- s.readinessOf(instance, err)
	}()
	select {
	case answer := <-found:
		return answer
	case <-ctx.Done():
		return s.readinessOf("", context.Cause(ctx))
	}
}

// askReady returns the id of the database, as far as it is available, and why the server is
// not ready.
func (s *Server) askReady(ctx context.Context) (instance string, err error) {
	err = s.Store.Ready(ctx)
	if errors.Is(err, storage.ErrUnavailable) {
		return "", err
	}
	instance, unknown := s.Store.InstanceID(ctx)
	if err == nil {
		err = unknown
	}
	return instance, err
}
