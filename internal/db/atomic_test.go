package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// wide is a table that has room for two columns of the three that the first migration
// adds, after it has made a table.
func wide(most int) string {
	fields := []string{keyField, valueField, timeFields}
	for i := range most - 6 {
		fields = append(fields, fmt.Sprint("c", i, " SMALLINT"))
	}
	return clientsOf(fields...)
}

// TestMigrationFailsWhole: a migration that fails halfway leaves nothing behind, and
// the next attempt starts from there.
func TestMigrationFailsWhole(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.EmptyURL(t)
		conn := dbtest.SQL(t, url)
		dbtest.Exec(t, conn, wide(map[string]int{"sqlite": 2000, "postgres": 1600}[e.Name]))
		before := dbtest.Snapshot(t, url)
		d := dbtest.Open(t, url)
		if applied, err := d.Migrate(t.Context()); err == nil || len(applied) > 0 || !strings.Contains(err.Error(), "columns") {
			t.Fatalf("Migrate = %v, %v, want an error about the number of columns", applied, err)
		}
		if diff := cmp.Diff(before, dbtest.Snapshot(t, url)); diff != "" {
			t.Errorf("after a migration that failed (-before +after):\n%s", diff)
		}
		dbtest.Exec(t, conn, "DROP TABLE oauth_clients")
		up(t, d)
	})
}

// TestUndoFailsWhole: so does one that cannot be undone.
func TestUndoFailsWhole(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		dbtest.Exec(t, dbtest.SQL(t, url), "CREATE VIEW report AS SELECT last_used_at FROM oauth_clients")
		before := dbtest.Snapshot(t, url)
		d := dbtest.Open(t, url)
		if undone, err := d.MigrateDown(t.Context(), 1); err == nil {
			t.Fatalf("MigrateDown = %+v, want an error about the view", undone)
		}
		if diff := cmp.Diff(before, dbtest.Snapshot(t, url)); diff != "" {
			t.Errorf("after a migration that could not be undone (-before +after):\n%s", diff)
		}
		wantVersion(t, d, db.NeededVersion())
	})
}
