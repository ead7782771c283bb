package search

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"
)

// Dump returns every row of every table, by table, and with SQLite also the
// bytes of its files, the write-ahead log of a process that was killed included.
func Dump(t testing.TB, database string) map[string][]byte {
	t.Helper()
	driver, dsn, tables := "pgx", database,
		"SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'"
	path, isSQLite := strings.CutPrefix(database, "sqlite:")
	haystacks := map[string][]byte{}
	if isSQLite {
		driver, dsn, tables = "sqlite", path, "SELECT name FROM sqlite_master WHERE type = 'table'"
		// Before our own connection can change them.
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(path + suffix)
			must(t, err)
			haystacks["file"+suffix] = content
		}
	}
	db, err := sql.Open(driver, dsn)
	must(t, err)
	defer func() { _ = db.Close() }()
	for _, table := range column(t, db, tables) {
		haystacks["table "+table] = []byte(rows(t, db, table))
	}
	if len(haystacks["table mcpkeep_grants"]) == 0 {
		t.Error("the dump lacks the table of grants")
	}
	return haystacks
}
func column(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer func() { _ = found.Close() }()
	var values []string
	for found.Next() {
		var v string
		must(t, found.Scan(&v))
		values = append(values, v)
	}
	must(t, found.Err())
	return values
}

// rows writes all values of a table.
func rows(t testing.TB, db *sql.DB, table string) string {
	t.Helper()
	found, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	must(t, err)
	defer func() { _ = found.Close() }()
	columns, err := found.Columns()
	must(t, err)
	var out strings.Builder
	for found.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		must(t, found.Scan(into...))
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			_, _ = fmt.Fprintf(&out, "%s=%v\n", columns[i], v)
		}
	}
	must(t, found.Err())
	return out.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
