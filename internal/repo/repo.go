package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Bounds of one storage operation, so that a database that hangs is reported as
// unavailable while the caller still waits. Writes may have to wait in line.
const (
	readTimeout = 4 * time.Second
	opTimeout   = 8 * time.Second
)

// Repo is the encrypted store.
type Repo struct {
	db   *db.DB
	keys *keyring.Keyring
}

var _ storage.Store = (*Repo)(nil)

// New returns a store over a migrated database. Call CheckKeys before use.
func New(d *db.DB, keys *keyring.Keyring) *Repo { return &Repo{db: d, keys: keys} }

// read runs f outside of a transaction and translates its error.
func (r *Repo) read(ctx context.Context, op string, f func(context.Context, db.Querier) error) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return r.translate(op, f(ctx, r.db.Read()))
}

// write runs f in a transaction and translates its error. To refuse and still
// commit what f did, f returns nil and hands the refusal out by a variable.
func (r *Repo) write(ctx context.Context, op string, f func(context.Context, db.Querier) error) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	err := r.db.InTx(ctx, func(q db.Querier) error { return f(ctx, q) })
	return r.translate(op, r.blameRetirement(ctx, err))
}

// translate turns the database's errors into storage's sentinels.
func (r *Repo) translate(op string, err error) error {
	if err == nil || isSentinel(err) {
		return err
	}
	switch r.db.Classify(err) {
	case db.NoRows:
		return storage.ErrNotFound
	case db.Unique:
		return storage.ErrExists
	case db.Conflict, db.Unavailable:
		return fmt.Errorf("%s: %w: %w", op, storage.ErrUnavailable, err)
	case db.ForeignKey, db.Other:
	}
	return fmt.Errorf("%s: %w", op, err)
}

func isSentinel(err error) bool {
	for _, s := range []error{
		storage.ErrNotFound, storage.ErrExists, storage.ErrSpent, storage.ErrChanged, storage.ErrFull,
		storage.ErrUnavailable, storage.ErrUnreadable, storage.ErrThrottled, storage.ErrDisabled,
	} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// affected turns "no row" into ErrNotFound.
func affected(n int64, err error) error {
	if err == nil && n == 0 {
		return storage.ErrNotFound
	}
	return err
}

// at and unix map between times and the whole seconds that columns hold.
func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// atOptional is the zero time for NULL.
func atOptional(seconds *int64) time.Time {
	if seconds == nil {
		return time.Time{}
	}
	return at(*seconds)
}

func unix(t time.Time) int64 { return t.Unix() }

// optionalTime and optionalUnix do the same where NULL means none, the zero time.
func optionalTime(seconds *int64) time.Time {
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
