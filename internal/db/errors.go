package db

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"net"

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
	// NotNull: a column that must have a value would have none.
	NotNull
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

func (*postgres) classify(err error) Kind {
	var pgErr *pgconn.PgError
	var connectErr *pgconn.ConnectError
	connecting := errors.As(err, &connectErr)
	if errors.As(err, &pgErr) && !connecting {
		if kind, ok := postgresKinds[pgErr.Code]; ok {
			return kind
		}
		return postgresKinds[pgErr.Code[:min(2, len(pgErr.Code))]]
	}
	var netErr net.Error
	if connecting || errors.As(err, &netErr) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, puddle.ErrClosedPool) || errors.Is(err, errNoSlot) || errors.Is(err, ErrReadOnly) || isNotWritable(err) || isLost(err) {
		return Unavailable
	}
	return Other
}

// classify also remembers that the file is malformed, until writable finds it sound.
func (e *sqliteEngine) classify(err error) Kind {
	var sqliteErr *sqlite.Error
	if errors.As(err, &sqliteErr) {
		if primary := sqliteErr.Code() & 0xff; primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB {
			e.malformed.Store(true)
		}
		if kind, ok := sqliteKinds[sqliteErr.Code()]; ok {
			return kind
		}
		return sqliteKinds[sqliteErr.Code()&0xff]
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) || e.closed.Load() || isNotWritable(err) {
		return Unavailable
	}
	return Other
}
