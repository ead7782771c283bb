package dbtest

import (
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// SQL opens the database at url for statements of the test's own, as another
// program would. Both engines take $1 as a placeholder.
func SQL(t testing.TB, databaseURL string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", databaseURL
	if path, ok := db.IsSQLite(databaseURL); ok {
		q := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
		driver, dsn = "sqlite", "file:"+url.PathEscape(path)+"?"+q.Encode()
	}
	conn, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Exec runs one statement and returns how many rows it changed.
func Exec(t testing.TB, conn *sql.DB, statement string, args ...any) int64 {
	t.Helper()
	result, err := conn.ExecContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return n
}

// Value returns the one value of a query.
func Value[T any](t testing.TB, conn *sql.DB, query string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRowContext(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// Tables returns the names of mcpkeep's tables, sorted: all but goose's.
func Tables(t testing.TB, conn *sql.DB) []string {
	t.Helper()
	query := "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'mcpkeep_schema_version' ORDER BY 1"
	if isSQLite(t, conn) {
		query = `SELECT name FROM sqlite_master
			WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'mcpkeep_schema_version' ORDER BY 1`
	}
	var names []string
	for _, row := range Rows(t, conn, query) {
		names = append(names, row[0])
	}
	return names
}

// Dump returns every value of every table as text, one line a row.
func Dump(t testing.TB, conn *sql.DB) string {
	t.Helper()
	var b strings.Builder
	for _, table := range Tables(t, conn) {
		for _, row := range Rows(t, conn, "SELECT * FROM "+table) {
			b.WriteString(table + "\t" + strings.Join(row, "\t") + "\n")
		}
	}
	return b.String()
}

// Rows returns the rows of a query, each value as text.
func Rows(t testing.TB, conn *sql.DB, query string, args ...any) [][]string {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for rows.Next() {
		all = append(all, scanText(t, rows, len(columns)))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

func scanText(t testing.TB, rows *sql.Rows, columns int) []string {
	t.Helper()
	values, targets := make([]any, columns), make([]any, columns)
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		t.Fatal(err)
	}
	row := make([]string, columns)
	for i, v := range values {
		if text, ok := v.([]byte); ok {
			v = string(text)
		}
		row[i] = fmt.Sprint(v)
	}
	return row
}

func isSQLite(t testing.TB, conn *sql.DB) bool {
	t.Helper()
	_, err := conn.ExecContext(t.Context(), "SELECT sqlite_version()")
	return err == nil
}
