package sealed

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

// Observer is told what the database does. It must not block.
type Observer interface {
	// Statement tells how long a step took, whose kind is "read", "write", "batch" or "access".
	// failed: the database did not do it.
	Statement(kind string, took time.Duration, failed bool)
	// Committed tells the type of an event of the audit trail that was committed.
	Committed(eventType string)
	// Unreadable tells the table of a value that could not be decrypted.
	Unreadable(table string)
}

// unobserved is the observer of a database that has none.
type unobserved struct{}

func (unobserved) Statement(string, time.Duration, bool) {}
func (unobserved) Committed(string)                      {}
func (unobserved) Unreadable(string)                     {}

// Observe has o told what happens from now on. Call it before use.
func (d *DB) Observe(o Observer) { d.observer = o }

// Observer returns the observer.
func (d *DB) Observer() Observer { return d.observer }

// timed tells the observer and the trace about a step that began at a time and returns its
// error.
func (d *DB) timed(ctx context.Context, kind, op string, began time.Time, err error) error {
	failed := errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrBusy) || err != nil && !isSentinel(err)
	d.observer.Statement(kind, time.Since(began), failed)
	tracing.Step(ctx, kind, op, began, failed)
	return err
}

// Note names the type of an event that the transaction in the context adds, for the observer.
// Record does so.
func Note(ctx context.Context, t storage.EventType) {
	if trace, ok := ctx.Value(traceKey{}).(*trace); ok {
		trace.events = append(trace.events, string(t))
	}
}

// tell tells the observer about the events of a transaction that was committed.
func (d *DB) tell(t *trace) {
	for _, eventType := range t.events {
		d.observer.Committed(eventType)
	}
}
