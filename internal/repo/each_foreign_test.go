package repo_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// TestEachForeignRow: every row of FastMCP is read once, over pages, from oauth_clients and its
// own table, and no row of another program or prefix.
func TestEachForeignRow(t *testing.T) {
	t.Parallel()
	for layout := range foreignTables {
		dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
			if e.Name == "sqlite" && layout == "collections" {
				return // it has no such table
			}
			w := newForeignWorld(t, e, layout)
			conn := dbtest.SQL(t, w.url)
			var values []string
			into := "kv (collection, key, value)"
			if foreignTables[layout].name.Layout == db.LayoutKey {
				into = "kv (key, value)"
			}
			put := func(collection, key string) {
				if foreignTables[layout].name.Layout == db.LayoutKey {
					values = append(values, fmt.Sprintf("('%s:%s', '{}')", collection, key))
					return
				}
				values = append(values, fmt.Sprintf("('%s', '%s', '{}')", collection, key))
			}
			prefix := ""
			if foreignTables[layout].name.Prefix != "" {
				prefix = foreignTables[layout].name.Prefix + "__"
			}
			const many = 260 // rows of each collection: pages end within collections
			var want, sessions []string
			for i := range many {
				for _, collection := range []string{fastmcp.MappingCollection, fastmcp.RefreshCollection, fastmcp.SessionCollection} {
					key := fmt.Sprintf("key:%03d", i)
					put(prefix+collection, key)
					put(prefix+"mcp-kept-by-others", collection+key)
					want = append(want, fastmcp.RowKey(collection, key))
				}
				sessions = append(sessions, fastmcp.RowKey(fastmcp.SessionCollection, fmt.Sprintf("key:%03d", i)))
			}
			if prefix != "" {
				put(fastmcp.SessionCollection, "without prefix")
			}
			dbtest.Exec(t, conn, "INSERT INTO "+into+" VALUES "+strings.Join(values, ", "))
			dbtest.Exec(t, conn, "INSERT INTO oauth_clients (key, value) VALUES ($1, '{}')", fastmcp.RowKey(fastmcp.SessionCollection, "shared"))
			want, sessions = append(want, fastmcp.RowKey(fastmcp.SessionCollection, "shared")), append(sessions, fastmcp.RowKey(fastmcp.SessionCollection, "shared"))
			var rows, some []string
			err := w.EachForeignRow(t.Context(), func(row fastmcp.Row) error {
				rows = append(rows, fastmcp.RowKey(row.Collection, row.Key))
				return nil
			})
			err = errors.Join(err, w.EachForeignSession(t.Context(), func(row fastmcp.Row) error {
				some = append(some, fastmcp.RowKey(row.Collection, row.Key))
				return nil
			}))
			for _, list := range [][]string{want, sessions, rows, some} {
				slices.Sort(list)
			}
			if err != nil || !slices.Equal(rows, want) || !slices.Equal(some, sessions) {
				t.Errorf("%v, %d rows, want %d; %d sessions, want %d", err, len(rows), len(want), len(some), len(sessions))
			}
			stop := errors.New("stop")
			if err := w.EachForeignRow(t.Context(), func(fastmcp.Row) error { return stop }); !errors.Is(err, stop) {
				t.Errorf("got %v", err)
			}
		})
	}
}
