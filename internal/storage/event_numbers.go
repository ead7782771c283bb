package storage

import (
	"context"
	"time"
)

// NumberedEvent is a committed event with its number. IDs are made before events are
// committed, so that an event may appear before one that was read already; by number none
// does.
type NumberedEvent struct {
	Event

	Number int64
}

// EventNumberStore gives committed events numbers, by which they are read completely.
type EventNumberStore interface {
	// NumberEvents gives the next numbers to up to limit events that have none, in the order of
	// their IDs, and says how many there were: fewer than limit means that each event that was
	// committed before the call has one. No event that appears later has a lower number than
	// one that was there.
	NumberEvents(ctx context.Context, limit int) (int, error)
	// NumberAllEvents does so for all that were committed before the call, and for few of those
	// that others commit meanwhile: it ends. After each part it tells how many there were.
	NumberAllEvents(ctx context.Context, tell func(n int)) error
	// LastEventNumber returns the last number that was given; 0 before the first.
	LastEventNumber(ctx context.Context) (int64, error)
	// EventNumber returns the number of the event with an ID, 0 if it has none yet. ErrNotFound
	// when there is no such event.
	EventNumber(ctx context.Context, id string) (int64, error)
	// EventsByNumber returns up to limit events with numbers after one and up to another, in
	// their order. Numbers of deleted events are missing.
	EventsByNumber(ctx context.Context, after, until int64, limit int) ([]NumberedEvent, error)
}

// EventLog is how far events are in the log of programs.
type EventLog struct {
	Logged int64     // the last number in it
	Last   int64     // the last number that was given
	Since  time.Time // events before it do not belong there
}
