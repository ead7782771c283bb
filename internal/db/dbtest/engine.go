package dbtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/sql/schema"
)

// Engine makes databases of one engine. Every database is the test's own and
// goes away with it.
type Engine struct {
	// Name is "sqlite" or "postgres".
	Name string

	empty    func(t testing.TB) string
	migrated func(t testing.TB) string
}

// SQLite makes files in temporary folders.
func SQLite() Engine {
	return Engine{Name: "sqlite", empty: emptySQLite, migrated: migratedSQLite}
}

// Postgres makes databases on the server of pgtest; without PostgreSQL the test
// is skipped or fails as pgtest says.
func Postgres() Engine {
	return Engine{Name: "postgres", empty: pgtest.New, migrated: migratedPostgres}
}

// Each runs test once per engine, as the parallel subtests "sqlite" and
// "postgres".
func Each(t *testing.T, test func(t *testing.T, e Engine)) {
	t.Helper()
	for _, e := range []Engine{SQLite(), Postgres()} {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// EmptyURL returns the URL of a database without any table, which other
// processes may open too.
func (e Engine) EmptyURL(t testing.TB) string {
	t.Helper()
	return e.empty(t)
}

// URL returns the URL of a migrated database without rows, which other
// processes may open too.
func (e Engine) URL(t testing.TB) string {
	t.Helper()
	return e.migrated(t)
}

// Open opens a migrated database without rows; it is closed with the test.
func (e Engine) Open(t testing.TB) *db.DB {
	t.Helper()
	return Open(t, e.URL(t))
}

// Open opens the database at url; it is closed with the test.
func Open(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("open the database of this test: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database of this test: %v", err)
		}
	})
	return d
}

func emptySQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// migratedSQLite copies a file that was migrated once per process.
func migratedSQLite(t testing.TB) string {
	t.Helper()
	file, err := sqliteTemplate()
	if err != nil {
		t.Fatalf("migrate the template of this test's database: %v", err)
	}
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "dbtest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "template.db")
	if err := migrate("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path) // complete: closing has emptied the write-ahead log
})

func migratedPostgres(t testing.TB) string {
	t.Helper()
	name, err := templateName()
	if err != nil {
		t.Fatal(err)
	}
	return pgtest.NewFromTemplate(t, name, migrate)
}

// templateName changes with every migration.
func templateName() (string, error) {
	files, err := fs.Glob(schema.Migrations, "*.sql")
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, name := range files {
		text, err := schema.Migrations.ReadFile(name)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(hash, "%s %d\n%s", name, len(text), text)
	}
	return fmt.Sprintf("mcpkeep-%x", hash.Sum(nil)), nil
}

func migrate(url string) (err error) {
	ctx := context.Background() // not a test's: other tests use what is made here
	d, err := db.Open(ctx, url)
	if err != nil {
		return err
	}
	_, err = d.Migrate(ctx)
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}
