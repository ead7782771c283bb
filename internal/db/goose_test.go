package db_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// envGoose names the goose command; `make goose/check` builds it.
const envGoose = "MCPKEEP_TEST_GOOSE"

// TestGooseCommand: the plain goose command and this program migrate the same
// database and agree about its version, whichever goes first.
func TestGooseCommand(t *testing.T) {
	t.Parallel()
	program := os.Getenv(envGoose)
	if program == "" {
		t.Skip(envGoose + " does not name the goose command: run `make goose/check`")
	}
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.EmptyURL(t)
		goose := func(command string) string { return runGoose(t, program, url, command) }
		d := dbtest.Open(t, url)

		goose("up")
		wantVersion(t, d, db.NeededVersion())
		wantMigrations(t, d, true)
		if got, want := dbtest.Tables(t, dbtest.SQL(t, url)), dbtest.Tables(t, dbtest.SQL(t, e.URL(t))); !slices.Equal(got, want) {
			t.Errorf("goose made %v, this program %v", got, want)
		}
		if applied, err := d.Migrate(t.Context()); len(applied) > 0 || err != nil {
			t.Errorf("Migrate after goose = %v, %v, want nothing to do", applied, err)
		}
		wantStatus(t, goose("status"), false)

		down(t, d)
		wantStatus(t, goose("status"), true)
		up(t, d)
		wantStatus(t, goose("status"), false)
		for range db.NeededVersion() {
			goose("down")
		}
		wantVersion(t, d, 0)
		wantMigrations(t, d, false)
	})
}

// wantStatus checks what goose says of each migration.
func wantStatus(t *testing.T, status string, pending bool) {
	t.Helper()
	if want := map[bool]int{true: int(db.NeededVersion())}[pending]; strings.Count(status, "Pending") != want || strings.Count(status, ".sql") != int(db.NeededVersion()) {
		t.Errorf("goose says:\n%swant %d migrations pending", status, want)
	}
}

func runGoose(t *testing.T, program, url, command string) string {
	t.Helper()
	driver, dsn := "postgres", url
	if path, ok := db.IsSQLite(url); ok {
		driver, dsn = "sqlite3", path
	}
	cmd := exec.CommandContext(t.Context(), program, "-dir", filepath.Join("..", "..", "sql", "schema"), "-table", "mcpkeep_schema_version", driver, dsn, command)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("goose %s: %v\n%s", command, err, out)
	}
	return string(out)
}
