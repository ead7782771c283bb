package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	sqlitePrefix = "sqlite:"
	// sqliteReaders is how many connections read concurrently, in addition to the writer.
	sqliteReaders = 4
	// sqliteBusy is how long to wait for another process.
	sqliteBusy = 10 * time.Second
)

// sqliteEngine keeps one writing connection, since SQLite has one writer, and a
// few that only read and never wait for it (WAL).
type sqliteEngine struct {
	path   string
	write  *sql.DB
	read   *sql.DB
	checks *sql.DB // for access checks
	log    *checkpointer
	closed atomic.Bool // database/sql has no error value for it
	opened os.FileInfo // the file that path named then
	// malformed: an error said so.
	malformed atomic.Bool
}

func openSQLite(ctx context.Context, path string) (*sqliteEngine, error) {
	if path == "" || path == ":memory:" {
		return nil, fmt.Errorf("sqlite: needs a file path: %w", ErrBadURL)
	}
	if err := ambiguous(path); err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	if err := checkLog(ctx, path); err != nil {
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
	if e.checks, err = openSQLiteReserved(path); err != nil {
		return nil, errors.Join(err, e.write.Close(), e.read.Close())
	}
	if e.log, err = openCheckpointer(path, e.write); err != nil {
		return nil, errors.Join(err, e.write.Close(), e.read.Close(), e.checks.Close())
	}
	e.write.SetMaxOpenConns(1)
	e.read.SetMaxOpenConns(sqliteReaders)
	e.read.SetMaxIdleConns(sqliteReaders)
	if err := e.awaitWAL(ctx); err != nil {
		if folder := filepath.Dir(path); !writable(folder) {
			err = UnwritableFolder(folder) // SQLite keeps its write-ahead log next to the file
		}
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), e.close())
	}
	if e.opened, err = os.Stat(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database file: %w", err), e.close())
	}
	return e, nil
}

// openSQLiteToRead opens a file that must be there without changing it.
func openSQLiteToRead(ctx context.Context, path string) (*sqliteEngine, error) {
	opened, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the database file: %w", err)
	}
	q := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", sqliteBusy.Milliseconds()), "query_only(1)"}, "_time_format": {"sqlite"}, "mode": {"ro"}}
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}
	e := &sqliteEngine{path: path, opened: opened}
	for _, pool := range []**sql.DB{&e.write, &e.read, &e.checks} {
		var err error
		if *pool, err = openPrepared(u.String()); err != nil {
			return nil, err
		}
	}
	if err := e.ping(ctx); err != nil {
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
	if err := checkFolder(path); err != nil {
		return err
	}
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
// immediately, since a deferred one that upgrades fails whatever the timeout; no
// checkpoint with a write, which the checkpointer does.
func sqliteDSN(path, extra string) string {
	pragmas := []string{fmt.Sprintf("busy_timeout(%d)", sqliteBusy.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"wal_autocheckpoint(0)", fmt.Sprintf("journal_size_limit(%d)", logLimit)}
	if extra != "" {
		pragmas = append(pragmas, extra)
	}
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "_time_format": {"sqlite"}}
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}
	return u.String()
}

func (*sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) reader() Querier { return sqliteQueries(e.read) }

func (e *sqliteEngine) reserved() Querier { return sqliteQueries(e.checks) }

func (*sqliteEngine) hasReserved() bool { return true }

func (e *sqliteEngine) ping(ctx context.Context) error { return e.read.PingContext(ctx) }

func (e *sqliteEngine) close() error {
	e.closed.Store(true)
	return errors.Join(e.log.close(), e.checks.Close(), e.read.Close(), e.write.Close())
}

func (e *sqliteEngine) inTx(ctx context.Context, f func(Querier) error) error {
	if err := e.inPlace(); err != nil {
		return err
	}
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	if err := f(sqliteQueries(tx)); err != nil {
		return err
	}
	if err := e.inPlace(); err != nil { // nothing is acknowledged that no one finds again
		return err
	}
	defer e.log.written()
	return tx.Commit()
}

func (e *sqliteEngine) migrations() (*sql.DB, goose.Dialect) { return e.write, goose.DialectSQLite3 }

func (e *sqliteEngine) query(ctx context.Context, query string) row {
	return e.read.QueryRowContext(ctx, query)
}

func (*sqliteEngine) versionQuery() string {
	return "SELECT COALESCE(MAX(version_id), 0) FROM " + versionTable + " WHERE is_applied"
}

// OpenCopy opens an SQLite file of another program, which must be a copy: to read its
// write-ahead log changes it.
func OpenCopy(path string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path)}
	return sql.Open("sqlite", u.String()+"?_pragma=query_only(1)")
}
