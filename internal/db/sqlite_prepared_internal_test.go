package db

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
)

// numbers is a generated query: it returns one number a row.
const numbers = "-- name: Numbers :many\nSELECT n FROM numbers WHERE n <= ?1 ORDER BY n\n"

// openNumbers opens a database with the numbers 1 to 3 and one connection.
func openNumbers(t *testing.T) *sql.DB {
	t.Helper()
	conn, err := openPrepared(sqliteDSN(filepath.Join(t.TempDir(), "test.db"), ""))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	// Several statements, as migrations have them.
	if _, err := conn.ExecContext(t.Context(), "CREATE TABLE numbers (n BIGINT); INSERT INTO numbers VALUES (1), (2), (3);"); err != nil {
		t.Fatal(err)
	}
	return conn
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// sum adds up the numbers, and calls each for every one.
func sum(ctx context.Context, t *testing.T, q querier, most int, each func()) int {
	t.Helper()
	rows, err := q.QueryContext(ctx, numbers, most)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	total := 0
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		total += n
		if each != nil {
			each()
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return total
}

// kept returns how many statements the connection keeps.
func kept(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(c any) error {
		n = len(c.(*preparedConn).statements)
		for _, s := range c.(*preparedConn).statements {
			if s.busy {
				t.Error("a statement is still busy")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPreparedOnce: a query is prepared once for all its runs, in transactions
// and outside; one that runs within itself gives both results; and what is not
// generated is not kept.
func TestPreparedOnce(t *testing.T) {
	t.Parallel()
	db := openNumbers(t)
	if got := sum(t.Context(), t, db, 3, nil); got != 6 {
		t.Errorf("got %d", got)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	outer := sum(t.Context(), t, tx, 3, func() {
		if inner := sum(t.Context(), t, tx, 2, nil); inner != 3 {
			t.Errorf("within itself: %d", inner)
		}
	})
	if err := tx.Commit(); err != nil || outer != 6 {
		t.Errorf("got %d, %v", outer, err)
	}
	const insert = "-- name: Add :exec\nINSERT INTO numbers VALUES (?1)\n"
	for range 3 {
		if _, err := db.ExecContext(t.Context(), insert, 10); err != nil {
			t.Fatal(err)
		}
	}
	if got := sum(t.Context(), t, db, 10, nil); got != 36 {
		t.Errorf("got %d", got)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM numbers WHERE n = 10"); err != nil {
		t.Fatal(err)
	}
	if n := kept(t, db); n != 2 {
		t.Errorf("%d statements are kept, want 2", n)
	}
}

// TestPreparedGoesOn: a statement works after the schema has changed under it,
// after a canceled run, and after its rows were left unread.
func TestPreparedGoesOn(t *testing.T) {
	t.Parallel()
	db := openNumbers(t)
	steps := map[string]func(){
		"schema": func() {
			if _, err := db.ExecContext(t.Context(), "ALTER TABLE numbers ADD COLUMN name TEXT"); err != nil {
				t.Fatal(err)
			}
		},
		"canceled": func() {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var n int
			if err := db.QueryRowContext(ctx, numbers, 3).Scan(&n); err == nil {
				t.Error("a canceled query ran")
			}
		},
		"unread": func() {
			var n int
			if err := db.QueryRowContext(t.Context(), numbers, 3).Scan(&n); err != nil || n != 1 {
				t.Errorf("the first row: %d, %v", n, err)
			}
		},
		"misused": func() {
			if _, err := db.ExecContext(t.Context(), "-- name: Wrong :exec\nSELECT FROM\n"); err == nil {
				t.Error("a query that makes no sense ran")
			}
		},
	}
	for name, step := range steps {
		sum(t.Context(), t, db, 3, nil)
		step()
		if got := sum(t.Context(), t, db, 3, nil); got != 6 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if n := kept(t, db); n != 1 {
		t.Errorf("%d statements are kept, want 1", n)
	}
}

// TestGeneratedIsPrepared: the queries of sqlc are known by how they begin.
func TestGeneratedIsPrepared(t *testing.T) {
	t.Parallel()
	d, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read().CountUsers(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := kept(t, d.engine.(*sqliteEngine).read); n != 1 {
		t.Errorf("%d statements are kept, want 1", n)
	}
}
