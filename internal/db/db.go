package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// Querier is the generated queries, on either engine.
type Querier = sqlitedb.Querier

// ErrBadURL is an address that names no database mcpkeep can open.
var ErrBadURL = errors.New("want sqlite:PATH or a PostgreSQL URL or DSN")

// DB is an open database.
type DB struct{ engine engine }

// engine is what the two engines do differently.
type engine interface {
	name() string
	reader() Querier
	inTx(ctx context.Context, f func(Querier) error) error
	inBatch(ctx context.Context, f func(Querier) error) (changed int64, err error)
	ping(ctx context.Context) error
	diagnose(ctx context.Context) (Diagnosis, error)
	classify(err error) Kind
	// query reads one row that no generated query does.
	query(ctx context.Context, query string) row
	// migrations returns the handle and the dialect for goose.
	migrations() (*sql.DB, goose.Dialect)
	// lockMigrations keeps other processes from migrating until unlock.
	lockMigrations(ctx context.Context) (unlock func(), err error)
	close() error
}

// row is what *sql.Row and pgx.Row have in common.
type row interface{ Scan(dest ...any) error }

// Open opens the database at url: "sqlite:PATH" (the file is made when it is
// missing), or a PostgreSQL URL or keyword/value DSN. A PostgreSQL server need
// not be reachable yet. The error wraps ErrBadURL when url is malformed; it
// never holds a password.
func Open(ctx context.Context, url string) (*DB, error) {
	var e engine
	err := ErrBadURL
	if path, ok := IsSQLite(url); ok {
		e, err = openSQLite(ctx, path)
	} else if isPostgres(url) {
		e, err = openPostgres(ctx, url)
	}
	if err != nil {
		return nil, err
	}
	return &DB{engine: e}, nil
}

// IsSQLite says whether url names an SQLite file, and which.
func IsSQLite(url string) (path string, ok bool) { return strings.CutPrefix(url, sqlitePrefix) }

// Engine is "sqlite" or "postgres".
func (d *DB) Engine() string { return d.engine.name() }

// Read returns the queries outside of a transaction, for reading only.
func (d *DB) Read() Querier { return d.engine.reader() }

// InTx runs f in a transaction that may write. It commits when f returns nil
// and rolls back otherwise; f may run again after a serialization failure, so
// it must have no effect but on the database.
func (d *DB) InTx(ctx context.Context, f func(Querier) error) error {
	return d.again(ctx, func() error { return d.engine.inTx(ctx, f) })
}

// again repeats a transaction that met a conflict.
func (d *DB) again(ctx context.Context, transaction func() error) error {
	const tries = 5
	var err error
	for try := range tries {
		if err = transaction(); err == nil || d.Classify(err) != Conflict {
			return err
		}
		if waited := pause(ctx, try); waited != nil {
			return waited
		}
	}
	return err
}

// pause keeps two transactions in each other's way from meeting again.
func pause(ctx context.Context, try int) error {
	const step = 10 * time.Millisecond
	select {
	case <-time.After(rand.N(time.Duration(try+1) * step)): //nolint:gosec // spreads load, guards nothing
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ping returns nil when the database answers.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.engine.ping(ctx); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}

// Close releases all connections.
func (d *DB) Close() error { return d.engine.close() }
