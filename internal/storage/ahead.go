package storage

import (
	"math"
	"time"
)

// The longest times for which anything is written that others wait for.
const (
	// LongestLease is for who works at something alone.
	LongestLease = 2 * time.Minute
	// LongestRest is for what is not tried again before.
	LongestRest = time.Hour + time.Minute
)

// Ahead reports whether a time to wait for is still to come. One that is further ahead than
// the longest that is ever written is from a clock that was wrong, and nothing waits for it.
func Ahead(at, now time.Time, longest time.Duration) bool {
	return now.Before(at) && at.Sub(now) <= longest
}

// skew is how far apart the clocks of replicas may be.
const skew = time.Minute

// Age is how long ago something was recorded. What was recorded in the future is from a clock
// that was wrong, and is older than anything.
func Age(at, now time.Time) time.Duration {
	if at.Sub(now) > skew {
		return math.MaxInt64
	}
	return now.Sub(at)
}
