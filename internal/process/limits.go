package process

import (
	"sync"
	"time"
)

// Limits counts the processes of an upstream. Its zero value allows none.
type Limits struct {
	total, perPerson int

	mu      sync.Mutex
	running int
	of      map[string]int
}

// NewLimits returns limits for all processes and for those of one person.
func NewLimits(total, perPerson int) *Limits {
	return &Limits{total: total, perPerson: perPerson, of: map[string]int{}}
}

// How long a client should wait at a limit. Idle processes end.
const (
	waitForOwn   = 10 * time.Second
	waitForOther = 5 * time.Second
)

// Acquire counts a process for a person; "" is for one that is shared. It never waits: at a
// limit ok is false, and retryAfter says when to try again. Call release when nothing of the
// process is left; more calls have no effect.
func (l *Limits) Acquire(person string) (release func(), retryAfter time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if person != "" && l.of[person] >= l.perPerson {
		return nil, waitForOwn, false
	}
	if l.running >= l.total {
		return nil, waitForOther, false
	}
	l.running++
	l.of[person]++
	return sync.OnceFunc(func() { l.release(person) }), 0, true
}

func (l *Limits) release(person string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	if l.of[person]--; l.of[person] == 0 {
		delete(l.of, person)
	}
}

// Running returns the number of processes.
func (l *Limits) Running() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running
}
