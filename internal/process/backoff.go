package process

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Times of a Backoff.
const (
	backoffFirst   = 500 * time.Millisecond
	backoffLongest = time.Minute
	healthyAfter   = 30 * time.Second
)

// Backoff delays starts of a command that keeps failing. Its zero value is ready.
type Backoff struct {
	mu       sync.Mutex
	failures int
	until    time.Time
}

// Wait returns how long not to start the command; 0 to start it now.
func (b *Backoff) Wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.until.Sub(now), 0)
}

// Failed notes that a process which was started at a time did not start, or ended by itself. One
// that was healthy for a while starts with the shortest delay again.
func (b *Backoff) Failed(started, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(started) >= healthyAfter {
		b.failures = 0
	}
	delay := min(backoffFirst<<min(b.failures, 16), backoffLongest)
	b.failures++
	// Half of it at random, so that replicas and upstreams do not start in step.
	b.until = now.Add(delay/2 + rand.N(delay/2+1)) //nolint:gosec // no secret
}
