package assertion

import (
	"errors"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// The life of a key. It is published Ahead of its first signature and for Keep after its
// last one. Both are longer than a set of keys is kept, which may be an hour, and than a
// replica may go without reading the keys (knownFor), together.
const (
	// Rotation is how long a key signs.
	Rotation = 30 * 24 * time.Hour
	// Ahead is how long before it signs a key is published.
	Ahead = 24 * time.Hour
	// Keep is how long a key is published after the next one has begun to sign.
	Keep = 24 * time.Hour
	// CacheFor is how long the set of keys may be kept without asking.
	CacheFor = 5 * time.Minute
	// Lifetime is how long an assertion is valid.
	Lifetime = time.Minute
	// Skew is how far the clock of who verifies may be behind.
	Skew = 10 * time.Minute
	// knownFor is for how long keys sign that could not be read again. A key that this replica
	// has not seen signs no sooner than Ahead from now, and the one before it is published then.
	knownFor = 12 * time.Hour
)

// current returns the key that signs: the latest that has begun to. A key that was to begin
// later is the first one under a clock that has been set back.
func current(keys []known, now time.Time) *known {
	var found *known
	for i := range keys {
		if k := &keys[i]; k.signer != nil && (found == nil || !k.SignsAt.After(now)) && now.Add(Lifetime+Skew).Before(publishedUntil(keys[i+1:])) {
			found = k
		}
	}
	return found
}

// forever is later than any key's end.
var forever = time.Unix(1<<40, 0)

// publishedUntil is when a key with these successors is no longer published.
func publishedUntil(successors []known) time.Time {
	end := forever
	for _, s := range successors {
		if until := s.SignsAt.Add(Keep); until.Before(end) {
			end = until
		}
	}
	return end
}

// ended returns the number up to which keys are no longer published, 0 for none.
func ended(keys []known, now time.Time) (through int64) {
	for i, k := range keys {
		if !publishedUntil(keys[i+1:]).After(now) {
			through = k.Number
		}
	}
	return through
}

// next returns the number of the key that has to be made now, and when it signs; false when
// none is due. Without a key that signs, it signs immediately.
func next(keys []known, now time.Time) (number int64, signsAt time.Time, due bool) {
	if len(keys) == 0 {
		return 1, now, true
	}
	last := keys[len(keys)-1]
	number = last.Number + 1
	switch {
	case current(keys, now) == nil:
		// A replica that lacks an encryption key must not end a key of the others.
		elsewhere := slices.ContainsFunc(keys, func(k known) bool { return errors.Is(k.Broken, storage.ErrUnavailable) })
		return number, now, !elsewhere
	case last.signer == nil:
		return number, now.Add(Ahead), !errors.Is(last.Broken, storage.ErrUnavailable)
	case last.CreatedAt.After(now.Add(Ahead)): // by a clock that was wrong
		return number, now.Add(Ahead), true
	}
	begins := last.SignsAt.Add(Rotation)
	return number, latest(begins, now.Add(Ahead)), !begins.Add(-Ahead).After(now)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
