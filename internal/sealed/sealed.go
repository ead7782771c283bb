package sealed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Time limits of one operation, so that a database that hangs is reported as
// unavailable while the caller still waits. Writes may have to queue.
const (
	ReadTimeout  = 4 * time.Second
	writeTimeout = 8 * time.Second
	// BatchTimeout is for statements that may go through a whole table.
	BatchTimeout = time.Minute
)

// DB is a database and the keys that seal its secrets.
type DB struct {
	db       *db.DB
	keys     *keyring.Keyring
	shared   atomic.Pointer[keyring.Keyring] // see AlsoOpen
	access   pulse
	probe    probe
	observer Observer
}

// New returns d with its keys. The keyring may be empty for callers that neither
// seal nor open.
func New(d *db.DB, keys *keyring.Keyring) *DB { return &DB{db: d, keys: keys, observer: unobserved{}} }

// AlsoOpen names the keys that open rows that are shared with another program, the configured
// ones included: CheckKeys tries them. It may be called while the database is in use.
func (d *DB) AlsoOpen(keys *keyring.Keyring) { d.shared.Store(keys) }

// Unsealed returns the database itself.
func (d *DB) Unsealed() *db.DB { return d.db }

// Keys returns the configured keys.
func (d *DB) Keys() *keyring.Keyring { return d.keys }

// step bounds an operation by its own limit and by what is left of its request's patience.
func step(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	patient, stop := storage.Step(ctx)
	ctx, cancel := context.WithTimeout(patient, limit)
	return ctx, func() { cancel(); stop() }
}

// Query is the signature of a function that runs queries.
type Query = func(context.Context, db.Querier) error

// Read runs f outside of a transaction, within ReadTimeout. op names the operation
// in errors, which are translated.
func (d *DB) Read(ctx context.Context, op string, f Query) error {
	ctx, cancel := step(ctx, ReadTimeout)
	defer cancel()
	began := time.Now()
	if err := d.db.InPlace(); err != nil {
		return d.timed(ctx, "read", op, began, d.Translate(op, err))
	}
	return d.timed(ctx, "read", op, began, d.beatShared(d.Translate(op, f(ctx, d.db.Read()))))
}

// Write runs f in a transaction, and again after a conflict. A commit whose result was
// lost is looked up, by what f left (see Leave), before anything is returned. op names
// the operation in errors, which are translated. To refuse and still commit what f did, f
// returns nil and passes the refusal out in a variable.
func (d *DB) Write(ctx context.Context, op string, f Query) error {
	ctx, cancel := step(ctx, writeTimeout)
	defer cancel()
	ctx, t := withTrace(ctx)
	began := time.Now()
	err := d.settled(ctx, t, func() error { return d.db.InTx(ctx, d.traced(ctx, t, f)) })
	if err == nil {
		d.probe.succeeded()
		d.tell(t)
	}
	return d.timed(ctx, "write", op, began, d.beatShared(d.Translate(op, d.explainRetirement(ctx, err))))
}

// WriteBatch is Write for many statements without a result, and gets no mark: with neither an
// event nor Repeatable, a lost commit is ErrUnavailable. changed is how many rows they
// changed.
func (d *DB) WriteBatch(ctx context.Context, op string, f Query) (changed int64, err error) {
	ctx, cancel := step(ctx, BatchTimeout)
	defer cancel()
	ctx, t := withTrace(ctx)
	began := time.Now()
	err = d.settled(ctx, t, func() error {
		changed, err = d.db.InBatch(ctx, func(q db.Querier) error {
			*t = trace{}
			return f(ctx, q)
		})
		return err
	})
	if err == nil {
		d.probe.succeeded()
		d.tell(t)
	}
	return changed, d.timed(ctx, "batch", op, began, d.beatShared(d.Translate(op, d.explainRetirement(ctx, err))))
}

// WriteTogether is Write for statements without a result, which PostgreSQL gets in
// one round trip with their commit. A statement that must not do nothing fails.
func (d *DB) WriteTogether(ctx context.Context, op string, f Query) error {
	ctx, cancel := step(ctx, writeTimeout)
	defer cancel()
	_, err := d.WriteBatch(ctx, op, f)
	return err
}

// Classify says what kind of error the database returned.
func (d *DB) Classify(err error) db.Kind { return d.db.Classify(err) }

// Translate turns an error of the database into storage's sentinels. op names the
// operation.
func (d *DB) Translate(op string, err error) error {
	if err == nil || isSentinel(err) {
		return err
	}
	switch d.db.Classify(err) {
	case db.NoRows:
		return storage.ErrNotFound
	case db.Unique:
		return storage.ErrExists
	case db.Conflict, db.Unavailable:
		return fmt.Errorf("%s: %w: %w", op, storage.ErrUnavailable, d.unavailable(err))
	case db.ForeignKey, db.NotNull, db.Other:
	}
	return fmt.Errorf("%s: %w", op, err)
}

func isSentinel(err error) bool {
	return slices.ContainsFunc(storage.Sentinels(), func(sentinel error) bool { return errors.Is(err, sentinel) })
}
