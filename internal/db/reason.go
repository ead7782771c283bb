package db

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// notWritableError is why a write cannot work, in words for anyone.
type notWritableError string

// Error is the reason.
func (n notWritableError) Error() string { return string(n) }

func isNotWritable(err error) bool {
	var reason notWritableError
	return errors.As(err, &reason)
}

// errMoved: SQLite would write to a file that no one finds again.
const errMoved = notWritableError("the database file was deleted or replaced while the server runs: put it back, or stop the server first")

// errMalformed is what a check of the whole file found.
const errMalformed = notWritableError("the database file is malformed: restore a backup, or `sqlite3 FILE .recover`")

// Reason says why an error keeps the database from being used, in words for anyone:
// without names of hosts and users. It is "" when there is nothing more to say than that
// the database does not respond.
func (d *DB) Reason(err error) string {
	var reason notWritableError
	if errors.As(err, &reason) {
		return reason.Error()
	}
	return d.engine.reason(err)
}

// postgresReasons are by SQLSTATE code, or else by class.
var postgresReasons = map[string]string{
	readOnlyTransaction: ErrReadOnly.Error(),
	"28":                "the database server refuses this server's role or password",
	"3D":                "the database does not exist",
	"3F":                "the database lacks its schema",
	"42501":             "the server's role lacks a right on a table",
	"42P01":             "the database lacks a table",
	"42703":             "the database lacks a column",
	"53100":             "the database server's disk is full",
	"53200":             "the database server is out of memory",
	"53300":             "the database server accepts no more connections",
	"54":                "the database server has reached a limit",
	"XX":                "the database server reports corrupted data or an internal error",
}

func (*postgres) reason(err error) string {
	var pgErr *pgconn.PgError
	switch {
	case errors.Is(err, ErrReadOnly):
		return ErrReadOnly.Error()
	case !errors.As(err, &pgErr):
		return ""
	}
	if reason, ok := postgresReasons[pgErr.Code]; ok {
		return reason
	}
	return postgresReasons[pgErr.Code[:min(2, len(pgErr.Code))]]
}

// sqliteReasons are by primary result code.
var sqliteReasons = map[int]string{
	sqlite3.SQLITE_PERM:     "the database file may not be opened",
	sqlite3.SQLITE_BUSY:     "another process holds the database's write lock",
	sqlite3.SQLITE_LOCKED:   "another process holds the database's write lock",
	sqlite3.SQLITE_READONLY: "the database file is read-only",
	sqlite3.SQLITE_IOERR:    "the database file cannot be read or written",
	sqlite3.SQLITE_CORRUPT:  errMalformed.Error(),
	sqlite3.SQLITE_FULL:     "the disk with the database file is full",
	sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
	sqlite3.SQLITE_NOTADB:   errMalformed.Error(),
}

func (*sqliteEngine) reason(err error) string {
	var sqliteErr *sqlite.Error
	if errors.As(err, &sqliteErr) {
		return sqliteReasons[sqliteErr.Code()&0xff]
	}
	return ""
}
