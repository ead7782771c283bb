package dbtest

import (
	"database/sql"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// restrict are lines of pg_dump that differ each time.
var restrict = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)

// Snapshot returns all that a database holds, schema, owners, rights and rows, as
// text: two are equal when nothing has changed. Of PostgreSQL it is a dump where
// pg_dump is installed, otherwise what the catalog says. Of SQLite it leaves out the
// counters that SQLite keeps for itself.
func Snapshot(t testing.TB, databaseURL string) string {
	t.Helper()
	conn := SQL(t, databaseURL)
	if _, ok := db.IsSQLite(databaseURL); ok {
		return text(t, conn, "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name <> 'sqlite_sequence' ORDER BY 1, 2") +
			rowsOf(t, conn, "SELECT '\"' || name || '\"' FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence' ORDER BY 1")
	}
	program, err := Program("pg_dump")
	if err != nil {
		return text(t, conn, catalogue) + rowsOf(t, conn, everyTable)
	}
	out, err := exec.CommandContext(t.Context(), program, "--dbname", databaseURL).CombinedOutput()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	return restrict.ReplaceAllString(string(out), "")
}

// Program finds a client program of PostgreSQL, which some packages of the server
// lack.
func Program(name string) (string, error) {
	if dir, err := pgtest.Binaries(); err == nil {
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file, nil
		}
	}
	return exec.LookPath(name)
}

const everyTable = `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
	WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`

const catalogue = `
SELECT n.nspname, n.nspacl::text, n.nspowner, c.relname, c.relkind::text, c.relowner, c.relacl::text, a.attname,
    format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' ORDER BY 1, 4, a.attnum`

func rowsOf(t testing.TB, conn *sql.DB, tables string) string {
	t.Helper()
	var b strings.Builder
	for _, row := range Rows(t, conn, tables) {
		b.WriteString(row[0] + "\n" + text(t, conn, "SELECT * FROM "+row[0]))
	}
	return b.String()
}

func text(t testing.TB, conn *sql.DB, query string) string {
	t.Helper()
	var b strings.Builder
	for _, row := range Rows(t, conn, query) {
		b.WriteString(strings.Join(row, "\t") + "\n")
	}
	return b.String()
}
