package db_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

func TestOpenRefusesBadURLs(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"empty":                "",
		"no scheme":            "mcpkeep.db",
		"unknown scheme":       "mysql://root:hunter2@localhost/db",
		"sqlite without path":  "sqlite:",
		"sqlite in memory":     "sqlite::memory:",
		"bad port":             "postgres://mcpkeep:hunter2@localhost:notaport/db",
		"bad escape":           "postgres://mcpkeep:hunter2%zz@localhost/db",
		"bad setting":          "postgres://mcpkeep:hunter2@localhost/db?sslmode=hunter2",
		"bad keyword value":    "host=localhost password=hunter2 port=notaport",
		"unterminated keyword": "password='hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := db.Open(t.Context(), url)
			if !errors.Is(err, db.ErrBadURL) {
				t.Fatalf("Open = %v, %v, want ErrBadURL", d, err)
			}
			if d != nil {
				t.Error("Open returned a database with its error")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// A server that is away is no reason for Open to fail, and no error shows the
// password.
func TestServerAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() // a folder without the server's socket
	for name, url := range map[string]string{
		"url":      "postgres://mcpkeep:hunter2@/db?host=" + dir,
		"scheme":   "postgresql://mcpkeep:hunter2@/db?host=" + dir,
		"keywords": "host=" + dir + " user=mcpkeep password=hunter2 dbname=db",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dbtest.Open(t, url)
			if d.Engine() != "postgres" {
				t.Errorf("engine %s, want postgres", d.Engine())
			}
			_, versionErr := d.Version(t.Context())
			_, migrateErr := d.Migrate(t.Context())
			_, readErr := d.Read().CountClients(t.Context())
			for step, err := range map[string]error{
				"ping": d.Ping(t.Context()), "version": versionErr, "migrate": migrateErr, "read": readErr,
				"write":     d.InTx(t.Context(), func(db.Querier) error { return nil }),
				"exclusive": d.Exclusive(t.Context(), func() error { return nil }),
			} {
				if kind := d.Classify(err); err == nil || kind != db.Unavailable {
					t.Errorf("%s: %v of kind %d, want Unavailable", step, err, kind)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s: the error shows the password: %v", step, err)
				}
			}
		})
	}
}

func TestSQLitePaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "with space.db", "100%.db", "a?b#c&d.db", "ü.db", "a%2Fb.db", "semi;colon.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), name)
			d := dbtest.Open(t, "sqlite:"+path)
			if _, err := d.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Size() == 0 && walSize(t, path) == 0 {
				t.Error("the data went to another file")
			}
			for _, p := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
				if info, err := os.Stat(p); err == nil && info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s has mode %v, want it private", p, info.Mode())
				}
			}
		})
	}
}

func walSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestSQLiteRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	d := dbtest.Open(t, "sqlite:mcpkeep.db")
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("mcpkeep.db"); err != nil {
		t.Error(err)
	}
}

func TestSQLiteFolderMissing(t *testing.T) {
	t.Parallel()
	if d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "missing", "x.db")); err == nil || d != nil {
		t.Errorf("Open = %v, %v, want an error and no database", d, err)
	}
}

func TestIsSQLite(t *testing.T) {
	t.Parallel()
	if path, ok := db.IsSQLite("sqlite:a/b.db"); path != "a/b.db" || !ok {
		t.Errorf("IsSQLite = %q, %t", path, ok)
	}
	if _, ok := db.IsSQLite("postgres://localhost/db"); ok {
		t.Error("a PostgreSQL URL is taken for SQLite")
	}
}
