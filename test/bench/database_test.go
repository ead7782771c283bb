//go:build bench

package bench_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// engine makes databases.
type engine struct {
	name  string
	empty func(t *testing.T, name string) (url string)
	bare  func(t *testing.T, url string) bare
}

// database is a migrated database with clients, with the store over it and a bare
// connection next to it.
type database struct {
	url     string
	key     string
	keys    *keyring.Keyring
	store   *repo.Repo
	bare    bare
	clients int
	made    int // clients that were registered while measuring
}

func engines(t *testing.T) []engine {
	t.Helper()
	// A commit is only worth measuring when it is one: flushed to the disk.
	cluster := pgtest.NewCluster(t, pgtest.Setting("fsync", "on"), pgtest.Setting("synchronous_commit", "on"),
		pgtest.Setting("full_page_writes", "on"))
	return []engine{
		{name: "SQLite", bare: openBareSQLite, empty: func(t *testing.T, name string) string {
			t.Helper()
			return "sqlite:" + filepath.Join(t.TempDir(), name+".db")
		}},
		{name: "PostgreSQL", bare: openBarePostgres, empty: func(t *testing.T, name string) string {
			t.Helper()
			return createDatabase(t, cluster.DSN(), name)
		}},
	}
}

func createDatabase(t *testing.T, admin, name string) string {
	t.Helper()
	conn := get(pgx.Connect(t.Context(), admin))(t)
	defer func() { _ = conn.Close(t.Context()) }()
	get(conn.Exec(t.Context(), "CREATE DATABASE "+name))(t)
	u := get(url.Parse(admin))(t)
	u.Path = "/" + name
	return u.String()
}

// database makes one with so many clients.
func (e engine) database(t *testing.T, name string, clients int) *database {
	t.Helper()
	d := &database{url: e.empty(t, name), key: keyring.Generate(), clients: clients}
	opened := get(db.Open(t.Context(), d.url))(t)
	t.Cleanup(func() { _ = opened.Close() })
	get(opened.Migrate(t.Context()))(t)
	d.keys = get(keyring.Parse(d.key))(t)
	d.store = repo.New(opened, d.keys)
	must(t, d.store.CheckKeys(t.Context(), time.Now()))
	d.bare = e.bare(t, d.url)
	began := time.Now()
	d.bare.load(t, d.rows(t), d.keys.Primary())
	t.Logf("%s: %s clients in %v", e.name, thousands(clients), time.Since(began).Round(time.Millisecond))
	return d
}

func sqlitePath(address string) string { return strings.TrimPrefix(address, "sqlite:") }

// clientID is the id of the i-th client.
func clientID(i int) string { return fmt.Sprintf("c_%026d", i) }

// key is the key of a client's row.
func key(id string) string { return "mcp-oauth-proxy-clients:" + id }
