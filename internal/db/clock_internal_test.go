package db

import (
	"testing"
	"time"
)

// clocks are this machine's and a server's, which the test moves.
type clocks struct {
	*serverClock
	since  time.Duration
	mine   time.Time
	theirs time.Time
}

func newClocks() *clocks {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &clocks{since: time.Hour, mine: at, theirs: at.Add(5 * time.Minute)}
	c.serverClock = &serverClock{elapsed: func() time.Duration { return c.since }, wall: func() time.Time { return c.mine }}
	return c
}

// pass lets time pass for all clocks.
func (c *clocks) pass(d time.Duration) {
	c.since, c.mine, c.theirs = c.since+d, c.mine.Add(d), c.theirs.Add(d)
}

// read is a reading whose way there and back takes so long.
func (c *clocks) read(there, back time.Duration) {
	asked := c.since
	c.pass(there)
	shown := c.theirs
	c.pass(back)
	c.note(asked, shown)
}

// off is how far the time that counts is from the server's.
func (c *clocks) off() time.Duration { return c.now().Sub(c.theirs).Abs() }

func (c *clocks) wantWithin(t *testing.T, bound time.Duration) {
	t.Helper()
	if off := c.off(); off > bound {
		t.Errorf("%v off, want at most %v", off, bound)
	}
	offset, doubt, known := c.offset()
	if diff := (offset - c.theirs.Sub(c.mine)).Abs(); !known || diff > doubt {
		t.Errorf("offset %v ± %v (%v), but it is %v", offset, doubt, known, c.theirs.Sub(c.mine))
	}
}

// TestServerClock: the server's clock decides, wherever this process's is and whenever one
// of the two is set.
func TestServerClock(t *testing.T) {
	t.Parallel()
	c := newClocks()
	if !c.now().Equal(c.mine) || !c.stale() {
		t.Error("before the first reading this process's clock counts, and a reading is due")
	}
	c.read(3*time.Millisecond, time.Millisecond)
	c.wantWithin(t, 2*time.Millisecond)
	for name, step := range map[string]time.Duration{"forward": 5 * time.Minute, "back": -10 * time.Minute} {
		c.mine = c.mine.Add(step) // NTP sets this machine's clock
		if !c.stale() {
			t.Errorf("%s: no reading is due after this machine's clock was set", name)
		}
		c.wantWithin(t, 2*time.Millisecond) // before there is one
		c.read(time.Millisecond, time.Millisecond)
		if c.stale() {
			t.Errorf("%s: a reading is due after one", name)
		}
		c.wantWithin(t, 2*time.Millisecond)
	}
	for name, step := range map[string]time.Duration{"forward": 5 * time.Minute, "back": -5 * time.Minute, "a little": 100 * time.Millisecond} {
		c.theirs = c.theirs.Add(step) // another server has taken over
		c.read(2*time.Millisecond, 2*time.Millisecond)
		if off := c.off(); off > 4*time.Millisecond {
			t.Errorf("server's clock set %s: %v off", name, off)
		}
	}
}

// TestServerClockDoubt: a slow reading does not displace an exact one that it agrees with,
// until drift may have made that worse; one that it contradicts is displaced.
func TestServerClockDoubt(t *testing.T) {
	t.Parallel()
	c := newClocks()
	c.read(time.Millisecond, time.Millisecond)
	for range 10 {
		c.pass(100 * time.Millisecond)
		c.read(3*time.Second, 0) // which looks 1.5 s off
		c.wantWithin(t, time.Millisecond)
	}
	c.pass(3 * time.Hour)
	c.read(time.Second, time.Second)
	if c.last.Load().doubt != time.Second {
		t.Error("an old reading is believed, which may be off by more than the new one")
	}
	c.theirs = c.theirs.Add(10 * time.Second)
	c.read(0, 3*time.Second)
	if off := c.off(); off > 1500*time.Millisecond {
		t.Errorf("after a step that a slow reading shows: %v off", off)
	}
}

// TestServerClockDue: readings are due when one is some time ago, also after one that failed.
func TestServerClockDue(t *testing.T) {
	t.Parallel()
	c := newClocks()
	c.read(0, 0)
	c.pass(readClockEvery - time.Millisecond)
	if c.stale() {
		t.Error("due too early")
	}
	c.pass(time.Millisecond)
	if !c.stale() {
		t.Error("not due")
	}
	c.postpone()
	if c.stale() {
		t.Error("due right after one that failed")
	}
	c.pass(clockRetry)
	if !c.stale() {
		t.Error("not due again after one that failed")
	}
	c.wantWithin(t, 0)
}
