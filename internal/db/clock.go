package db

import (
	"sync"
	"sync/atomic"
	"time"
)

// Now is the time by which rows are written and expire. On PostgreSQL it is the database
// server's, so that replicas with different clocks agree; on SQLite it is this process's.
// It never waits for the database.
func (d *DB) Now() time.Time { return d.engine.now() }

// ClockOffset is how far the database server's clock is ahead of this process's, give or
// take doubt. known is false before the first reading, and on SQLite.
func (d *DB) ClockOffset() (offset, doubt time.Duration, known bool) { return d.engine.clockOffset() }

func (*sqliteEngine) now() time.Time { return time.Now() }

func (*sqliteEngine) clockOffset() (offset, doubt time.Duration, known bool) { return 0, 0, false }

const (
	// readClockEvery is how old a reading may become while the time is asked for.
	readClockEvery = 10 * time.Second
	// clockStep is how far this machine's clocks may move apart before the server's is read
	// again: one was set, or the machine was suspended.
	clockStep = time.Second
	// driftPart of the time since a reading is how far clocks may have drifted apart.
	driftPart = 2000
)

// serverClock is the clock of a database server, as its readings show it. Between readings
// it advances with this machine's time since boot, which no one sets.
type serverClock struct {
	elapsed func() time.Duration // since some moment
	wall    func() time.Time

	mu   sync.Mutex // held to compare readings
	last atomic.Pointer[reading]
	seen atomic.Pointer[moment] // when a reading was taken, which need not have been kept
}

func newServerClock() *serverClock { return &serverClock{elapsed: sinceBoot, wall: time.Now} }

// moment is a time on both of this machine's clocks.
type moment struct {
	elapsed time.Duration
	wall    time.Time // without a monotonic reading
}

func (c *serverClock) moment() moment { return moment{elapsed: c.elapsed(), wall: c.wall().Round(0)} }

// reading is a time of the server, and what elapsed was then, give or take doubt.
type reading struct {
	theirs time.Time
	at     time.Duration
	doubt  time.Duration
}

// when returns the server's time by a reading.
func (r *reading) when(elapsed time.Duration) time.Time { return r.theirs.Add(elapsed - r.at) }

// now returns the server's time, this machine's before the first reading.
func (c *serverClock) now() time.Time {
	if r := c.last.Load(); r != nil {
		return r.when(c.elapsed())
	}
	return c.wall()
}

// offset is DB.ClockOffset.
func (c *serverClock) offset() (offset, doubt time.Duration, known bool) {
	r := c.last.Load()
	if r == nil {
		return 0, 0, false
	}
	at := c.moment()
	return r.when(at.elapsed).Sub(at.wall), r.doubt + (at.elapsed-r.at)/driftPart, true
}

// note takes a reading that was asked for at a moment and has just arrived. It counts when
// it is more exact than what is known by now, or contradicts it: the server's clock was
// set, or another server has taken its place.
func (c *serverClock) note(asked time.Duration, theirs time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	arrived := c.moment()
	doubt := (arrived.elapsed - asked) / 2
	next := &reading{theirs: theirs, at: asked + doubt, doubt: doubt}
	if known := c.last.Load(); known == nil || known.yields(next) {
		c.last.Store(next)
	}
	c.seen.Store(&arrived)
}

// yields reports whether another reading is to be believed instead.
func (r *reading) yields(next *reading) bool {
	doubt := r.doubt + (next.at-r.at).Abs()/driftPart
	apart := next.theirs.Sub(r.when(next.at)).Abs()
	return next.doubt < doubt || apart > doubt+next.doubt
}

// stale reports whether the server's clock should be read again.
func (c *serverClock) stale() bool {
	seen, at := c.seen.Load(), c.moment()
	if seen == nil {
		return true
	}
	passed := at.elapsed - seen.elapsed
	return passed >= readClockEvery || (at.wall.Sub(seen.wall)-passed).Abs() >= clockStep
}

// clockRetry is how long after a failed reading the next one is due.
const clockRetry = time.Second

// postpone makes another reading due in clockRetry.
func (c *serverClock) postpone() {
	at := c.moment()
	tried := moment{elapsed: at.elapsed - readClockEvery + clockRetry, wall: at.wall.Add(clockRetry - readClockEvery)}
	c.seen.Store(&tried)
}
