package process_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// TestLimits: a user at the limit keeps no one else out, and what is released is free again.
func TestLimits(t *testing.T) {
	t.Parallel()
	l := process.NewLimits(3, 2)
	release, _, ok := l.Acquire("a")
	_, _, ok2 := l.Acquire("a")
	if _, after, third := l.Acquire("a"); !ok || !ok2 || third || after <= 0 {
		t.Error("the limit of a user does not count")
	}
	if _, _, ok := l.Acquire("b"); !ok {
		t.Error("another user is kept out")
	}
	if _, after, ok := l.Acquire("c"); ok || after <= 0 {
		t.Error("the limit of all does not count")
	}
	release()
	release()
	if n := l.Running(); n != 2 {
		t.Errorf("%d run after one was released twice", n)
	}
	if _, _, ok := l.Acquire("a"); !ok {
		t.Error("what was released is not free")
	}
}

// TestLimitsConcurrently: no more than the limit run, whichever users ask.
func TestLimitsConcurrently(t *testing.T) {
	t.Parallel()
	l := process.NewLimits(5, 2)
	var running atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			for range 100 {
				release, _, ok := l.Acquire(strconv.Itoa(i % 10))
				if !ok {
					continue
				}
				if running.Add(1) > 5 {
					over.Store(true)
				}
				running.Add(-1)
				release()
			}
		})
	}
	all.Wait()
	if over.Load() || l.Running() != 0 {
		t.Errorf("more than the limit ran (%v), or %d are counted at the end", over.Load(), l.Running())
	}
}

// TestBackoff: each failure doubles the delay up to a minute; a healthy time starts over.
func TestBackoff(t *testing.T) {
	t.Parallel()
	var b process.Backoff
	now := time.Now()
	if b.Wait(now) != 0 {
		t.Error("the first start waits")
	}
	for i, ms := range []int{500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000} {
		b.Failed(now, now)
		longest := time.Duration(ms) * time.Millisecond
		if d := b.Wait(now); d < longest/2 || d > longest {
			t.Errorf("%v after %d failures, want up to %v", d, i+1, longest)
		}
	}
	b.Failed(now.Add(-time.Minute), now)
	if d := b.Wait(now); d > 500*time.Millisecond {
		t.Errorf("%v after a healthy time", d)
	}
}
