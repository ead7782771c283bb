package db_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// fastmcpTable is the table as deployments of FastMCP have it.
const fastmcpTable = `CREATE TABLE oauth_clients (
	key TEXT PRIMARY KEY,
	value JSONB NOT NULL,
	created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
	updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
)`

// fastmcpUpsert is how the Python program writes.
const fastmcpUpsert = `INSERT INTO oauth_clients (key, value, updated_at) VALUES ($1, $2, CURRENT_TIMESTAMP)
	ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, updated_at = CURRENT_TIMESTAMP`

func TestAdoptsTheTableOfFastMCP(t *testing.T) {
	t.Parallel()
	const first, second = "mcp-oauth-proxy-clients:first", "mcp-oauth-proxy-clients:second"
	for name, index := range map[string]string{
		"with index":    "CREATE INDEX oauth_clients_updated_at_idx ON oauth_clients (updated_at)",
		"without index": "SELECT 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
				url := e.EmptyURL(t)
				d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
				dbtest.Exec(t, conn, fastmcpTable)
				dbtest.Exec(t, conn, index)
				dbtest.Exec(t, conn, fastmcpUpsert, first, `{"data": "one"}`)
				dbtest.Exec(t, conn, fastmcpUpsert, second, `{"data": "two"}`)
				const theirs = "SELECT key, value, created_at, updated_at FROM oauth_clients ORDER BY key"
				before := dbtest.Rows(t, conn, theirs)

				up(t, d)
				after := dbtest.Rows(t, conn, theirs)
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("rows (-before +after):\n%s", diff)
				}
				row, err := d.Read().GetClient(t.Context(), first)
				if err != nil || string(row.Value) != `{"data": "one"}` || row.CreatedAt == nil || row.UpdatedAt == nil {
					t.Errorf("adopted row = %+v, %v", row, err)
				}

				dbtest.Exec(t, conn, fastmcpUpsert, first, `{"data": "new"}`)
				dbtest.Exec(t, conn, fastmcpUpsert, "mcp-oauth-proxy-clients:third", `{"data": "three"}`)
				if n := countClients(t, conn); n != 3 {
					t.Errorf("%d rows after the other program wrote, want 3", n)
				}
				if row, err := d.Read().GetClient(t.Context(), first); err != nil || string(row.Value) != `{"data": "new"}` {
					t.Errorf("row that the other program replaced = %s, %v", row.Value, err)
				}
				if !slices.Contains(indexes(t, e, url), "oauth_clients_updated_at_idx") {
					t.Error("the index is missing")
				}
			})
		})
	}
}

func indexes(t *testing.T, e dbtest.Engine, url string) []string {
	t.Helper()
	query := "SELECT indexname FROM pg_indexes WHERE tablename = 'oauth_clients'"
	if e.Name == "sqlite" {
		query = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'oauth_clients'"
	}
	var names []string
	for _, row := range dbtest.Rows(t, dbtest.SQL(t, url), query) {
		names = append(names, row[0])
	}
	return names
}

// The migrations on an empty database make the very table that FastMCP's
// deployments have; further columns come behind and may stay empty, so that the
// other program's statements continue working.
func TestFreshTableIsThatOfFastMCP(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		query := `SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns
			WHERE table_name = 'oauth_clients' ORDER BY ordinal_position`
		if e.Name == "sqlite" {
			query = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('oauth_clients')"
		}
		theirs := dbtest.SQL(t, e.EmptyURL(t))
		dbtest.Exec(t, theirs, fastmcpTable)
		ours := dbtest.SQL(t, e.URL(t))
		want, got := dbtest.Rows(t, theirs, query), dbtest.Rows(t, ours, query)
		if len(want) != 4 || len(got) < len(want) {
			t.Fatalf("%d columns of theirs, %d of ours", len(want), len(got))
		}
		if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
			t.Errorf("columns (-theirs +ours):\n%s", diff)
		}
		dbtest.Exec(t, ours, fastmcpUpsert, "mcp-oauth-proxy-clients:new", `{"data": "new"}`)
		dbtest.Exec(t, ours, fastmcpUpsert, "mcp-oauth-proxy-clients:new", `{"data": "newer"}`)
	})
}
