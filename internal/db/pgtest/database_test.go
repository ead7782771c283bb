package pgtest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

func TestNewGivesEachTestItsOwnEmptyDatabase(t *testing.T) {
	t.Parallel()
	first, second := pgtest.New(t), pgtest.New(t)
	must(t, first, "CREATE TABLE mine (id int)")
	const tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
	if n := query[int](t, second, tables); n != 0 {
		t.Errorf("a new database has %d tables, want none", n)
	}
	if n := query[int](t, first, tables); n != 1 {
		t.Errorf("the first test's database has %d tables, want its own", n)
	}
}

func TestNewDropsTheDatabaseThatIsStillInUse(t *testing.T) {
	t.Parallel()
	watcher := pgtest.New(t)
	var name string
	t.Run("inner", func(t *testing.T) {
		dsn := pgtest.New(t)
		name = query[string](t, dsn, "SELECT current_database()")
		if _, err := pgx.Connect(t.Context(), dsn); err != nil { // left open
			t.Fatal(err)
		}
	})
	if name == "" {
		t.Fatal("the inner test had no database")
	}
	if query[bool](t, watcher, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name) {
		t.Errorf("database %s outlived its test", name)
	}
}

// TestUsesPostgres is run in other processes by the tests below.
func TestUsesPostgres(t *testing.T) {
	if got := query[int](t, pgtest.New(t), "SELECT 42"); got != 42 {
		t.Errorf("SELECT 42 = %d", got)
	}
}

func TestOwnServerOfAProcess(t *testing.T) {
	t.Parallel()
	needServer(t)
	out, ok := runTest(t, "TestUsesPostgres", pgtest.EnvAdminDSN+"=")
	if !ok || !strings.Contains(out, "--- PASS") {
		t.Errorf("without %s:\n%s", pgtest.EnvAdminDSN, out)
	}
}

func TestSharedServer(t *testing.T) {
	t.Parallel()
	needServer(t)
	url := pgtest.NewCluster(t).DSN()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	for name, dsn := range map[string]string{
		"url":      url,
		"keywords": "host=" + cfg.Host + " port=5432 user=postgres dbname=postgres",
	} {
		t.Run(name, func(t *testing.T) {
			// With no binaries to be found, only the shared server can be meant.
			out, ok := runTest(t, "TestUsesPostgres", pgtest.EnvAdminDSN+"="+dsn, pgtest.EnvBin+"="+t.TempDir())
			if !ok || !strings.Contains(out, "--- PASS") {
				t.Errorf("with %s:\n%s", pgtest.EnvAdminDSN, out)
			}
		})
	}
}

func TestWithoutPostgres(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	tests := map[string]struct {
		require, verdict string
		ok               bool
	}{
		"skips":             {require: "", verdict: "--- SKIP", ok: true},
		"fails if required": {require: "1", verdict: "--- FAIL", ok: false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, ok := runTest(t, "TestUsesPostgres",
				pgtest.EnvAdminDSN+"=", pgtest.EnvBin+"="+empty, pgtest.EnvRequire+"="+tt.require)
			if ok != tt.ok {
				t.Errorf("passed = %t, want %t", ok, tt.ok)
			}
			contains(t, out, tt.verdict)
			contains(t, out, "no PostgreSQL server binaries (initdb and postgres) in "+empty)
		})
	}
}

func TestAvailable(t *testing.T) {
	t.Setenv(pgtest.EnvAdminDSN, "postgres://someone:secret@somewhere/db")
	where, err := pgtest.Available()
	if diff := cmp.Diff("$MCPKEEP_TEST_POSTGRES", where); diff != "" || err != nil {
		t.Errorf("with a server (-want +got):\n%s, error %v", diff, err)
	}
	t.Setenv(pgtest.EnvAdminDSN, "")
	t.Setenv(pgtest.EnvBin, t.TempDir())
	if where, err := pgtest.Available(); !errors.Is(err, pgtest.ErrNotFound) || where != "" {
		t.Errorf("without = %q, %v, want ErrNotFound", where, err)
	}
}
