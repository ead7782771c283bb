package db

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Kind is what an error of the database means to its caller.
type Kind int

// The kinds of errors.
const (
	// Other is a defect: nothing that is expected of a sound database.
	Other Kind = iota
	// NoRows: the query matched nothing.
	NoRows
	// Unique: the row exists.
	Unique
	// ForeignKey: another row refers to this one, or the one referred to is missing.
	ForeignKey
	// Conflict: another transaction was in the way; run it again.
	Conflict
	// Unavailable: not reachable, busy for too long, full, or read-only. Try later.
	Unavailable
)

// Classify says what an error of this database means. nil is Other.
func (d *DB) Classify(err error) Kind {
	switch {
	case err == nil:
		return Other
	case errors.Is(err, sql.ErrNoRows):
		return NoRows
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, sql.ErrConnDone):
		return Unavailable
	}
	return d.engine.classify(err)
}

// postgresKinds maps SQLSTATE codes, or their classes, to kinds (PostgreSQL,
// appendix A).
var postgresKinds = map[string]Kind{
	"23505": Unique,
	"23503": ForeignKey,
	"23001": ForeignKey,
	"40001": Conflict,    // serialization_failure
	"40P01": Conflict,    // deadlock_detected
	"08":    Unavailable, // connection exceptions
	"25006": Unavailable, // read_only_sql_transaction: a standby after failover
	"28":    Unavailable, // credentials changed under us, or expired
	"3D000": Unavailable, // the database is being recreated
	"53":    Unavailable, // insufficient resources: disk full, too many connections
	"55P03": Unavailable, // lock_not_available
	"57":    Unavailable, // shut down, starting up, canceled
	"58":    Unavailable, // I/O errors
}

func (*postgres) classify(err error) Kind {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		if kind, ok := postgresKinds[pgErr.Code]; ok {
			return kind
		}
		return postgresKinds[pgErr.Code[:min(2, len(pgErr.Code))]]
	}
	var connectErr *pgconn.ConnectError
	var netErr net.Error
	if errors.As(err, &connectErr) || errors.As(err, &netErr) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, puddle.ErrClosedPool) || strings.Contains(err.Error(), "conn closed") {
		return Unavailable
	}
	return Other
}

// sqliteKinds maps SQLite's result codes to kinds; extended ones first.
var sqliteKinds = map[int]Kind{
	sqlite3.SQLITE_CONSTRAINT_UNIQUE:     Unique,
	sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Unique,
	sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: ForeignKey,
	sqlite3.SQLITE_BUSY:                  Unavailable,
	sqlite3.SQLITE_LOCKED:                Unavailable,
	sqlite3.SQLITE_NOMEM:                 Unavailable,
	sqlite3.SQLITE_READONLY:              Unavailable,
	sqlite3.SQLITE_INTERRUPT:             Unavailable,
	sqlite3.SQLITE_IOERR:                 Unavailable,
	sqlite3.SQLITE_FULL:                  Unavailable,
	sqlite3.SQLITE_CANTOPEN:              Unavailable,
	sqlite3.SQLITE_PERM:                  Unavailable,
}

func (*sqliteEngine) classify(err error) Kind {
	var sqliteErr *sqlite.Error
	if errors.As(err, &sqliteErr) {
		if kind, ok := sqliteKinds[sqliteErr.Code()]; ok {
			return kind
		}
		return sqliteKinds[sqliteErr.Code()&0xff]
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) || strings.Contains(err.Error(), "sql: database is closed") {
		return Unavailable
	}
	return Other
}
