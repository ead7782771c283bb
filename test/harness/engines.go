package harness

import (
	"path/filepath"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// Engine is a kind of database.
type Engine struct {
	Name string
	// Database returns the URL of an empty database that is the test's own.
	Database func(testing.TB) string
}

// Options are those of a process on an empty database with a new key.
func (e Engine) Options(t testing.TB) Options {
	t.Helper()
	return Options{Database: e.Database(t), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + NewKey(t)}}
}

// Engines returns both engines. Tests on PostgreSQL are skipped where there is
// none, unless it is required.
func Engines() []Engine {
	return []Engine{{Name: "sqlite", Database: SQLite}, {Name: "postgres", Database: pgtest.New}}
}

// SQLite returns the URL of a database file that is not there yet.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "mcpkeep.db")
}
