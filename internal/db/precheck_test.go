package db_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// fields of a table that is shared with FastMCP, to be broken one by one.
const (
	keyField   = "key TEXT PRIMARY KEY"
	valueField = "value JSONB NOT NULL"
	timeFields = "created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP"
)

func clientsOf(fields ...string) string {
	return "CREATE TABLE oauth_clients (" + strings.Join(fields, ", ") + ")"
}

// foreign are databases in which another program has our names.
var foreign = map[string]struct {
	engine string // "" for both
	setup  string
	found  string
}{
	"an id and a secret":   {"", clientsOf("id INTEGER", "secret TEXT"), "it has no column key (its columns: id "},
	"client_id and value":  {"", clientsOf("client_id TEXT", "value BYTEA"), "it has no column key"},
	"no value":             {"", clientsOf(keyField, timeFields), "it has no column value"},
	"no times":             {"", clientsOf(keyField, valueField), "it has no column created_at"},
	"a value of bytes":     {"postgres", clientsOf(keyField, "value BYTEA", timeFields), "its column value is bytea, not jsonb"},
	"a value that is text": {"postgres", clientsOf(keyField, "value TEXT", timeFields), "its column value is text, not jsonb"},
	"a value that is blob": {"sqlite", clientsOf(keyField, "value BLOB", timeFields), "its column value is BLOB, not JSONB"},
	"a numeric key":        {"", clientsOf("key INTEGER PRIMARY KEY", valueField, timeFields), "its column key is "},
	"a key that repeats":   {"", clientsOf("key TEXT", valueField, timeFields), "its column key is not the primary key"},
	"half a key":           {"", clientsOf("key TEXT", "tenant TEXT DEFAULT ''", valueField, timeFields, "PRIMARY KEY (key, tenant)"), "its column key is not the primary key"},
	"a required column":    {"", clientsOf(keyField, valueField, timeFields, "tenant TEXT NOT NULL"), "its column tenant is required"},
	"a column of ours":     {"", clientsOf(keyField, valueField, timeFields, "last_used_at TEXT"), "it has a column last_used_at, which mcpkeep adds"},
	"an odd column":        {"", clientsOf("\"a\u001b[2J\nb\" TEXT"), "(its columns: a?[2"},
	"a view":               {"", "CREATE VIEW oauth_clients AS SELECT 'k' AS key", "but a view"},
	"a materialized view":  {"postgres", "CREATE MATERIALIZED VIEW oauth_clients AS SELECT 'k' AS key", "but a materialized view"},
	"a partitioned table":  {"postgres", clientsOf(keyField, valueField, timeFields) + " PARTITION BY HASH (key)", "but a partitioned table"},
	"a table of ours":      {"", "CREATE TABLE mcpkeep_events (id INTEGER)", "already has mcpkeep_events, which"},
	"a view of ours":       {"", "CREATE VIEW mcpkeep_grants AS SELECT 1 AS id", "already has mcpkeep_grants, which"},
	"an index of ours":     {"", "CREATE TABLE x (id INTEGER); CREATE INDEX mcpkeep_events_created_at_idx ON x (id)", "already has mcpkeep_events_created_at_idx"},
	"a type of ours":       {"postgres", "CREATE TYPE mcpkeep_users AS ENUM ('a')", "already has mcpkeep_users"},
	"our version table":    {"", "CREATE TABLE mcpkeep_schema_version (v TEXT)", "mcpkeep_schema_version belongs to another program"},
	"our version's types":  {"postgres", "CREATE TABLE mcpkeep_schema_version (version_id TEXT, is_applied TEXT)", "mcpkeep_schema_version belongs to another program"},
}

// TestForeignNames: what belongs to another program is refused and stays as it is,
// and the statement of the refusal opens a way.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		for name, tt := range foreign {
			if tt.engine != "" && tt.engine != e.Name {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				admin := e.EmptyURL(t)
				url := admin
				if e.Name == "postgres" {
					url, _ = dbtest.NewRole(t, admin)
					dbtest.Exec(t, dbtest.SQL(t, admin), "GRANT CREATE ON SCHEMA public TO PUBLIC")
				}
				dbtest.Exec(t, dbtest.SQL(t, admin), tt.setup)
				refused := wantRefusal(t, admin, url, tt.found)
				if e.Name == "sqlite" {
					return
				}
				dbtest.Exec(t, dbtest.SQL(t, admin), refused.SQL)
				up(t, dbtest.Open(t, dbtest.WithQuery(t, url, "search_path", "mcpkeep")))
			})
		}
	})
}

// wantRefusal migrates and wants one line, the same as CheckMigration says, and an
// unchanged database.
func wantRefusal(t *testing.T, admin, url string, found ...string) *db.RefusedError {
	t.Helper()
	before := dbtest.Snapshot(t, admin)
	d := dbtest.Open(t, url)
	applied, err := d.Migrate(t.Context())
	var refused *db.RefusedError
	if !errors.As(err, &refused) || len(applied) > 0 {
		t.Fatalf("Migrate = %v, %v, want a refusal", applied, err)
	}
	for _, part := range append(found, refused.SQL) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err.Error(), part)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\x1b") || refused.Fix == "" {
		t.Errorf("%q: want one line with a fix", err.Error())
	}
	if checked := d.CheckMigration(t.Context()); checked == nil || checked.Error() != err.Error() {
		t.Errorf("CheckMigration = %v, Migrate = %v", checked, err)
	}
	if diff := cmp.Diff(before, dbtest.Snapshot(t, admin)); diff != "" {
		t.Errorf("the refused database (-before +after):\n%s", diff)
	}
	return refused
}

// TestAcceptedTables: what a deployment may have added to the table does no harm.
func TestAcceptedTables(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]string{
		"further columns": clientsOf(keyField, valueField, timeFields, "note TEXT", "n INTEGER NOT NULL DEFAULT 1"),
		"varchar":         clientsOf("key VARCHAR(200) PRIMARY KEY", valueField, timeFields),
		"a unique key":    clientsOf("key TEXT NOT NULL UNIQUE", valueField, timeFields),
		"another order":   clientsOf(timeFields, valueField, keyField),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
				url := e.EmptyURL(t)
				dbtest.Exec(t, dbtest.SQL(t, url), setup)
				up(t, dbtest.Open(t, url))
			})
		})
	}
}

// TestEveryNameIsLookedFor: the names that a migration creates are read from its text,
// which must leave out none.
func TestEveryNameIsLookedFor(t *testing.T) {
	t.Parallel()
	e := dbtest.SQLite()
	url := e.EmptyURL(t)
	conn := dbtest.SQL(t, url)
	made := dbtest.Rows(t, dbtest.SQL(t, e.URL(t)), `SELECT name FROM sqlite_master WHERE type IN ('table', 'index')
		AND name LIKE 'mcpkeep~_%' ESCAPE '~' AND name <> 'mcpkeep_schema_version'`)
	var names []string
	for _, row := range made {
		names = append(names, row[0])
		dbtest.Exec(t, conn, "CREATE VIEW "+row[0]+" AS SELECT 1")
	}
	if len(names) < 30 {
		t.Fatalf("only %d names", len(names))
	}
	_ = wantRefusal(t, url, url, names...)
}
