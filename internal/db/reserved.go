package db

import "database/sql"

// Reserved returns the queries on the connections that are kept for access checks, for
// reading only: no other work takes them, so that these queries wait for none. A pool
// without any of its own gives those of Read: see HasReserved.
func (d *DB) Reserved() Querier { return d.engine.reserved() }

// HasReserved reports whether access checks have connections of their own. They have none
// in a pool that belongs to the caller or that has a single connection.
func (d *DB) HasReserved() bool { return d.engine.hasReserved() }

// sqliteReserved is how many connections to an SQLite file are kept for access checks.
const sqliteReserved = 2

func openSQLiteReserved(path string) (*sql.DB, error) {
	checks, err := openPrepared(sqliteDSN(path, "query_only(1)"))
	if err == nil {
		checks.SetMaxOpenConns(sqliteReserved)
		checks.SetMaxIdleConns(sqliteReserved)
	}
	return checks, err
}
