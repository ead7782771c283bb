package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// Querier is the generated queries, on either engine.
type Querier = sqlitedb.Querier

// ErrBadURL is an address that names no database mcpkeep can open.
var ErrBadURL = errors.New("want sqlite:PATH or a PostgreSQL URL or DSN")

// DB is an open database.
type DB struct {
	engine engine
	onWait func(holder string)
}

// OnWait makes Migrate, MigrateDown and Exclusive call say while another process keeps
// them waiting, first after a second and then every two. holder says which process, as
// far as that can be known. Call it before them.
func (d *DB) OnWait(say func(holder string)) { d.onWait = say }

const (
	firstWord = time.Second
	nextWord  = 2 * time.Second
)

// tell calls say from time to time until done says how the waiting ended.
func tell(ctx context.Context, done <-chan error, say func()) error {
	timer := time.NewTimer(firstWord)
	defer timer.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return <-done // which the same context ends
		case <-timer.C:
			say()
			timer.Reset(nextWord)
		}
	}
}

// engine is what the two engines do differently.
type engine interface {
	name() string
	reader() Querier
	reserved() Querier
	hasReserved() bool
	inTx(ctx context.Context, f func(Querier) error) error
	inBatch(ctx context.Context, f func(Querier) error) (changed int64, err error)
	ping(ctx context.Context) error
	// writable returns why a write cannot work, as far as that can be seen without one.
	writable(ctx context.Context) error
	// inPlace returns why the database is not the one that was opened.
	inPlace() error
	// reason is DB.Reason.
	reason(err error) string
	diagnose(ctx context.Context) (Diagnosis, error)
	// now and clockOffset are DB's.
	now() time.Time
	clockOffset() (offset, doubt time.Duration, known bool)
	classify(err error) Kind
	// query reads one row that no generated query does.
	query(ctx context.Context, query string) row
	// versionQuery reads the schema version.
	versionQuery() string
	// noVersionTable reports whether that query failed because there is no such table.
	noVersionTable(ctx context.Context, err error) bool
	// versionError makes a *RefusedError of an error of that query which says that the
	// table is another program's, nil of one about a table that is not where ours are
	// made, and returns others as they are.
	versionError(ctx context.Context, err error) error
	// precheck returns a *RefusedError when the planned migrations must not begin, mayUndo
	// when this role may not undo one.
	precheck(ctx context.Context, planned plan) error
	mayUndo(ctx context.Context) error
	// existing returns those of the names that tables, views or indexes have where
	// tables are made.
	existing(ctx context.Context, wanted []string) ([]string, error)
	// foreignTable looks a table of another program up, nil for none; mayUse returns a
	// *RefusedError if this role may not read and write it.
	foreignTable(ctx context.Context, name string) (*ForeignTable, error)
	mayUse(ctx context.Context, t *ForeignTable) error
	// migrations returns the handle and the dialect for goose.
	migrations() (*sql.DB, goose.Dialect)
	// lockMigrations keeps other processes from migrating until unlock.
	// It calls say with the holder of the lock after a second, and then every two.
	lockMigrations(ctx context.Context, say func(holder string)) (unlock func(), err error)
	// pools is DB.Pools.
	pools() PoolStats
	close() error
}

// row is what *sql.Row and pgx.Row have in common.
type row interface{ Scan(dest ...any) error }

// Open opens the database at url: "sqlite:PATH" (the file is made when it is
// missing), or a PostgreSQL URL or keyword/value DSN. A PostgreSQL server need
// not be reachable yet. The error wraps ErrBadURL when url is malformed; it
// never holds a password. Each connection to PostgreSQL is one that can write: of
// several hosts the first that takes writes is used.
func Open(ctx context.Context, url string) (*DB, error) { return open(ctx, url, false) }

// OpenToDiagnose is Open, for a PostgreSQL server that takes no writes as well.
func OpenToDiagnose(ctx context.Context, url string) (*DB, error) { return open(ctx, url, true) }

// OpenToRead opens a database for commands that promise to change nothing, an SQLite file
// that another program made included: it stays as it is, also in its journal mode. A file
// that does not exist is an error.
func OpenToRead(ctx context.Context, url string) (*DB, error) {
	path, ok := IsSQLite(url)
	if !ok {
		return open(ctx, url, true)
	}
	e, err := openSQLiteToRead(ctx, path)
	if err != nil {
		return nil, err
	}
	return &DB{engine: e}, nil
}

func open(ctx context.Context, url string, anyServer bool) (*DB, error) {
	var e engine
	err := ErrBadURL
	if path, ok := IsSQLite(url); ok {
		e, err = openSQLite(ctx, path)
	} else if isPostgres(url) {
		e, err = openPostgres(ctx, url, anyServer)
	} else if isQuoted(url) {
		err = errQuoted
	}
	if err != nil {
		return nil, err
	}
	return &DB{engine: e}, nil
}

// FromPool returns a database on a PostgreSQL pool that belongs to the caller: it is
// neither configured nor closed here.
func FromPool(pool *pgxpool.Pool) *DB {
	return &DB{engine: &postgres{
		pool: pool, sql: stdlib.OpenDBFromPool(pool), borrowed: true, doubts: new(doubts), clock: newServerClock(),
	}}
}

// Engine is "sqlite" or "postgres".
func (d *DB) Engine() string { return d.engine.name() }

// Read returns the queries outside of a transaction, for reading only.
func (d *DB) Read() Querier { return d.engine.reader() }

// InTx runs f in a transaction that may write. It commits when f returns nil
// and rolls back otherwise; f may run again after a conflict, or when the connection was
// lost before the commit, so it must have no effect but on the database. The error is
// ErrCommitUnknown when the connection was lost during it.
func (d *DB) InTx(ctx context.Context, f func(Querier) error) error {
	return d.again(ctx, func() error { return d.engine.inTx(ctx, f) })
}

// again repeats a transaction that met a conflict or lost its connection.
func (d *DB) again(ctx context.Context, transaction func() error) error {
	const tries = 5
	var err error
	for try := range tries {
		if err = transaction(); err == nil || d.Classify(err) != Conflict && !isLost(err) {
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

// Ping returns nil when the database answers. The error is a *RefusedError when waiting
// does not change it.
func (d *DB) Ping(ctx context.Context) error {
	err := d.engine.ping(ctx)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused
	}
	if err != nil {
		return fmt.Errorf("the database is not responding: %w", tidyError{err})
	}
	return nil
}

// InPlace returns an error if the path of an SQLite file names another file than the one
// that was opened, or none: what is read and written there serves no one.
func (d *DB) InPlace() error { return d.engine.inPlace() }

// Writable returns nil if nothing is known that keeps a write from working: the
// database is not read-only, this process's role may use every table, and the file is
// the one that was opened and not known to be malformed. It writes nothing.
func (d *DB) Writable(ctx context.Context) error { return d.engine.writable(ctx) }

// Close releases all connections.
func (d *DB) Close() error { return d.engine.close() }
