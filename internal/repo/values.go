package repo

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// newID returns a random identifier of at least 128 bits.
func newID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }

// affected turns "no row" into ErrNotFound.
func affected(n int64, err error) error {
	if err == nil && n == 0 {
		return storage.ErrNotFound
	}
	return err
}

// at and unix convert between times and the whole seconds in columns.
func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

func unix(t time.Time) int64 { return t.Unix() }

// clocksApart is how far ahead the clock of another replica may be. A time that something was
// seen or counted and that is later was written by a clock that was wrong.
const clocksApart = 10 * time.Minute

// latest returns the latest time that can honestly be in a column.
func latest(now time.Time) int64 { return unix(now.Add(clocksApart)) }

// within reports whether a time in a column is after now-age and can honestly be there.
func within(seconds int64, now time.Time, age time.Duration) bool {
	return seconds > unix(now.Add(-age)) && seconds <= latest(now)
}

// optionalAt and optionalUnix do the same where NULL means none, the zero time.
func optionalAt(seconds *int64) time.Time {
	if seconds == nil {
		return time.Time{}
	}
	return at(*seconds)
}

func optionalUnix(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	seconds := unix(t)
	return &seconds
}
