package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

const (
	sqlitePrefix = "sqlite:"
	// sqliteReaders is how many connections read at once beside the writer.
	sqliteReaders = 4
	// sqliteBusy is how long to wait for another process.
	sqliteBusy = 10 * time.Second
)

// sqliteEngine keeps one writing connection, since SQLite has one writer, and a
// few that only read and never wait for it (WAL).
type sqliteEngine struct {
	path  string
	write *sql.DB
	read  *sql.DB
}

func openSQLite(ctx context.Context, path string) (*sqliteEngine, error) {
	if path == "" || path == ":memory:" {
		return nil, fmt.Errorf("sqlite: needs a file path: %w", ErrBadURL)
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	e := &sqliteEngine{path: path}
	var err error
	if e.write, err = openPrepared(sqliteDSN(path, "")); err != nil {
		return nil, err
	}
	if e.read, err = openPrepared(sqliteDSN(path, "query_only(1)")); err != nil {
		return nil, errors.Join(err, e.write.Close())
	}
	e.write.SetMaxOpenConns(1)
	e.read.SetMaxOpenConns(sqliteReaders)
	e.read.SetMaxIdleConns(sqliteReaders)
	if err := e.awaitWAL(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), e.close())
	}
	return e, nil
}

// awaitWAL opens the first connection, which puts a new file into WAL mode.
// SQLite does not wait when another process does so at the same moment,
// whatever the busy timeout.
func (e *sqliteEngine) awaitWAL(ctx context.Context) error {
	deadline := time.Now().Add(sqliteBusy)
	for {
		err := e.ping(ctx)
		if err == nil || !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func isBusy(err error) bool {
	var sqliteErr *sqlite.Error
	return errors.As(err, &sqliteErr) && sqliteErr.Code()&0xff == sqlite3.SQLITE_BUSY
}

// createPrivate makes the file, readable by its owner only, when it is missing.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if errors.Is(err, os.ErrPermission) {
		return nil // an existing file without write permission: opened for what it can do
	}
	if err != nil {
		return fmt.Errorf("open the database file: %w", err)
	}
	return f.Close()
}

// sqliteDSN sets what must hold for every connection: WAL and a full sync, so
// that what was acknowledged survives a power loss; a wait for other processes;
// foreign keys, which are off by default; transactions that take the write lock
// at once, since a deferred one that upgrades fails whatever the timeout.
func sqliteDSN(path, extra string) string {
	pragmas := []string{fmt.Sprintf("busy_timeout(%d)", sqliteBusy.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}
	if extra != "" {
		pragmas = append(pragmas, extra)
	}
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "_time_format": {"sqlite"}}
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}
	return u.String()
}

func (*sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) reader() Querier { return sqlitedb.New(e.read) }

func (e *sqliteEngine) ping(ctx context.Context) error { return e.read.PingContext(ctx) }

func (e *sqliteEngine) close() error { return errors.Join(e.read.Close(), e.write.Close()) }

func (e *sqliteEngine) inTx(ctx context.Context, f func(Querier) error) error {
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	if err := f(sqlitedb.New(tx)); err != nil {
		return err
	}
	return tx.Commit()
}

func (e *sqliteEngine) migrations() (*sql.DB, goose.Dialect) { return e.write, goose.DialectSQLite3 }

func (e *sqliteEngine) query(ctx context.Context, query string) row {
	return e.read.QueryRowContext(ctx, query)
}

// lockMigrations locks a file beside the database: SQLite has no lock that
// outlives a transaction. The system frees it when this process dies.
func (e *sqliteEngine) lockMigrations(ctx context.Context) (func(), error) {
	lock := flock.New(filepath.Clean(e.path)+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("take the migration lock %s: %w", lock.Path(), err)
	}
	return func() { _ = lock.Unlock() }, nil
}
