package storage

import "time"

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
