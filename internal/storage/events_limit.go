package storage

import (
	"fmt"
	"slices"
)

const (
	// LimitedEvents is how many events of a limited type one process records in a minute,
	// as far as it sees those of others. The next one says how many were left out.
	LimitedEvents = 60
	// LimitedEventsKept is how many events of a limited type are kept: the newest ones.
	LimitedEventsKept = 10_000
	// OtherEventsKept is the same for other types that strangers can bring about.
	OtherEventsKept = 50_000
)

// Limited reports whether events of this type are limited in number: strangers can bring
// them about, or clients with a single token, as often as they like.
func (t EventType) Limited() bool {
	return slices.Contains([]EventType{
		EventClientRefused, EventClientUpdated, EventAssertionReuse,
		EventSignInRefused, EventSignInThrottled, EventAuthorizationDenied, EventRefreshRepeated,
		EventAdoptionRefused, EventFastMCPTokenRefused, EventPersonalTokenRefused,
	}, t)
}

// WithLeftOut returns the detail of an event before which others of its type were left out.
func WithLeftOut(detail string, n int64) string {
	if n == 0 {
		return detail
	}
	return fmt.Sprintf("%s (%d more before it were left out)", detail, n)
}

// Kept returns how many events of a type are kept, 0 for all of them until they are old.
func (t EventType) Kept() int64 {
	strangers := []EventType{EventClientRegistered, EventClientDeleted, EventClientsEvicted}
	switch {
	case t.Limited():
		return LimitedEventsKept
	case slices.Contains(strangers, t):
		return OtherEventsKept
	}
	return 0
}
