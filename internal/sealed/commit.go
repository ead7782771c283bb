package sealed

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

const (
	// lookFor is how long the result of a commit is looked for at least, even when the
	// operation's time is over.
	lookFor = time.Second
	// lookEvery is how often, while the database cannot be reached.
	lookEvery = 100 * time.Millisecond
)

// trace is what tells whether a transaction was committed.
type trace struct {
	row        Query    // adds a row that it added, and no other transaction does; nil for none
	repeatable bool     // nothing needs to tell: it may run again
	events     []string // types of the events that it adds
}

type traceKey struct{}

// withTrace returns a context in which a transaction fills the trace.
func withTrace(ctx context.Context) (context.Context, *trace) {
	t := new(trace)
	return context.WithValue(ctx, traceKey{}, t), t
}

// Leave names a row that the transaction in the context adds and no other one ever does, by
// the statement that adds it. When the answer to the commit is lost, the row tells whether it
// happened. Record does so with its event; a transaction of Write that leaves nothing gets a
// mark.
func Leave(ctx context.Context, row Query) {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		t.row = row
	}
}

// Repeatable says that the transaction in the context, done twice, is as done once. It gets no
// mark, which would cost another statement and a row.
func Repeatable(ctx context.Context) {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		t.repeatable = true
	}
}

// traced is a transaction that leaves a trace. It may run several times: the last run counts.
func (d *DB) traced(ctx context.Context, t *trace, f Query) func(db.Querier) error {
	return func(q db.Querier) error {
		*t = trace{}
		if err := f(ctx, q); err != nil {
			return err
		}
		return d.mark(ctx, q, t)
	}
}

// mark adds a row to a transaction that leaves no other. SQLite loses no answers.
func (d *DB) mark(ctx context.Context, q db.Querier, t *trace) error {
	if t.row != nil || t.repeatable || d.db.Engine() == "sqlite" {
		return nil
	}
	mark := sqlitedb.CreateCommitParams{ID: rand.Text(), Now: d.db.Now().Unix()}
	t.row = func(ctx context.Context, q db.Querier) error { return q.CreateCommit(ctx, mark) }
	return t.row(ctx, q)
}

// settled runs a transaction, and finds out what happened when the connection was lost
// during its commit: one that was committed is a success, one that was not runs again.
func (d *DB) settled(ctx context.Context, t *trace, transaction func() error) error {
	for {
		err := transaction()
		if !errors.Is(err, db.ErrCommitUnknown) || t.row == nil && !t.repeatable {
			return err
		}
		committed, unknown := d.committed(ctx, t.row)
		switch {
		case unknown != nil:
			return errors.Join(err, unknown)
		case committed:
			return nil
		case ctx.Err() != nil:
			return err
		}
	}
}

// errNotCommitted ends the transaction that looks.
var errNotCommitted = errors.New("not committed")

// committed reports whether the transaction that adds a row was committed. It tries to add
// the same row, which waits for a transaction that is not over yet, and fails if that
// was committed. Without a row, it does not matter.
func (d *DB) committed(ctx context.Context, row Query) (bool, error) {
	if row == nil {
		return false, nil
	}
	ctx, cancel := lookingUntil(ctx)
	defer cancel()
	for {
		err := d.db.InTx(ctx, func(q db.Querier) error {
			if err := row(ctx, q); err != nil {
				return err
			}
			return errNotCommitted
		})
		switch {
		case errors.Is(err, errNotCommitted):
			return false, nil
		case d.db.Classify(err) == db.Unique:
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(lookEvery):
		}
	}
}

// lookingUntil returns a context that ends with the operation, but not before lookFor.
func lookingUntil(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(lookFor)
	if deadline, ok := ctx.Deadline(); ok && deadline.After(until) {
		until = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}
