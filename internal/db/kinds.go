package db

import sqlite3 "modernc.org/sqlite/lib"

// postgresKinds maps SQLSTATE codes, or else their classes, to kinds. It has every class
// of PostgreSQL's appendix A. Other means that only a defect of ours, or of a trigger that
// is not ours, brings the error about.
var postgresKinds = map[string]Kind{
	"00": Other, "01": Other, "02": Other, "03": Other,
	"08": Unavailable, // connection exceptions; PgBouncer's only code
	"09": Other, "0A": Other,
	"0A000": Conflict, // "cached plan must not change result type", after a migration
	"0B":    Other, "0F": Other,
	"0L": Unavailable, "0P": Unavailable, // the role was dropped or changed under us
	"0Z": Other, "10": Other, "20": Other, "21": Other, "22": Other,
	"23":    Other,
	"23001": ForeignKey, "23502": NotNull, "23503": ForeignKey, "23505": Unique,
	"24": Other, "25": Other,
	"25006": Unavailable, // read_only_sql_transaction: a standby after failover, a full disk
	"25P03": Conflict,    // idle_in_transaction_session_timeout: rolled back, nothing happened
	"25P04": Unavailable, // transaction_timeout
	"26":    Conflict,    // the prepared statement is gone, behind a pooler: pgx prepares it again
	"27":    Other,
	"28":    Unavailable, // credentials changed under us, or expired
	"2B":    Other, "2D": Other, "2F": Other, "34": Other, "38": Other, "39": Other, "3B": Other,
	"3D": Unavailable, "3F": Unavailable, // database or schema are being recreated
	"40":    Conflict,    // serialization_failure, deadlock_detected
	"40003": Unavailable, // statement_completion_unknown
	"42":    Other,
	"42501": Unavailable,                       // insufficient_privilege: a right was taken away
	"42P01": Unavailable, "42703": Unavailable, // a table or column is not there yet, or being restored
	"42P05": Conflict, // duplicate_prepared_statement, behind a pooler
	"44":    Other,
	"53":    Unavailable, // disk full, out of memory, too many connections
	"54":    Unavailable, // program_limit_exceeded: no transaction IDs are left until a vacuum
	"55":    Unavailable, // lock_not_available, object_in_use
	"57":    Unavailable, // shut down, starting up, canceled
	"58":    Unavailable, // I/O errors
	"72":    Conflict,    // snapshot_too_old
	"F0":    Unavailable, // configuration file error
	"HV":    Other, "P0": Other,
	"XX": Unavailable, // data or an index is corrupted; some poolers' only code
}

// sqliteKinds maps SQLite's result codes to kinds, extended ones first. It has every
// primary code.
var sqliteKinds = map[int]Kind{
	sqlite3.SQLITE_CONSTRAINT_UNIQUE:     Unique,
	sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Unique,
	sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: ForeignKey,
	sqlite3.SQLITE_CONSTRAINT_NOTNULL:    NotNull,

	sqlite3.SQLITE_OK: Other, sqlite3.SQLITE_ERROR: Other, sqlite3.SQLITE_INTERNAL: Other,
	sqlite3.SQLITE_PERM:       Unavailable,
	sqlite3.SQLITE_ABORT:      Conflict, // rolled back meanwhile
	sqlite3.SQLITE_BUSY:       Unavailable,
	sqlite3.SQLITE_LOCKED:     Unavailable,
	sqlite3.SQLITE_NOMEM:      Unavailable,
	sqlite3.SQLITE_READONLY:   Unavailable,
	sqlite3.SQLITE_INTERRUPT:  Unavailable,
	sqlite3.SQLITE_IOERR:      Unavailable,
	sqlite3.SQLITE_CORRUPT:    Unavailable,
	sqlite3.SQLITE_NOTFOUND:   Other,
	sqlite3.SQLITE_FULL:       Unavailable,
	sqlite3.SQLITE_CANTOPEN:   Unavailable,
	sqlite3.SQLITE_PROTOCOL:   Unavailable, // the locks of the write-ahead log are contended
	sqlite3.SQLITE_EMPTY:      Other,
	sqlite3.SQLITE_SCHEMA:     Conflict, // changed by a migration
	sqlite3.SQLITE_TOOBIG:     Other,
	sqlite3.SQLITE_CONSTRAINT: Other, sqlite3.SQLITE_MISMATCH: Other, sqlite3.SQLITE_MISUSE: Other,
	sqlite3.SQLITE_NOLFS: Unavailable, // the file is larger than the file system takes
	sqlite3.SQLITE_AUTH:  Other, sqlite3.SQLITE_FORMAT: Other, sqlite3.SQLITE_RANGE: Other,
	sqlite3.SQLITE_NOTADB: Unavailable,
	sqlite3.SQLITE_NOTICE: Other, sqlite3.SQLITE_WARNING: Other, sqlite3.SQLITE_ROW: Other, sqlite3.SQLITE_DONE: Other,
}
