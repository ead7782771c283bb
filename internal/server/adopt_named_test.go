package server_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// shareKeys makes a table of FastMCP's own, of the layout that both engines have, and returns
// it. Whether it is shared is up to the test.
func (w *takeover) shareKeys() *db.ForeignTable {
	w.Helper()
	dbtest.Exec(w, w.sql, ownTables["keys"].ddl)
	table, err := dbtest.Open(w, w.url).FindForeignTable(w.Context(), ownTables["keys"].name)
	if err != nil || table == nil {
		w.Fatal(table, err)
	}
	return table
}

// share shares what a FastMCP server has.
func (w *takeover) share(f repo.Foreign) {
	w.Helper()
	store, ok := w.store.sound.(*repo.Repo)
	if !ok {
		w.Fatal("another store")
	}
	store.ShareTables(f)
}

// TestNamedTable: where an operator names the table of FastMCP's rows, sessions are looked for
// there alone, and clients that registered here keep working.
func TestNamedTable(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		for _, named := range []bool{false, true} {
			w := takeOver(t, on(e))
			w.gh.SetTokenLifetime(8 * time.Hour)
			table := w.shareKeys()
			before, early := w.signIn("octocat"), w.register(nil)
			w.share(repo.Foreign{Tables: []*db.ForeignTable{table}, Named: named})
			w.table = "keys"
			w.row(fastmcp.ClientCollection, "theirs", pythonClient("theirs", w.client.redirect))
			after, late := w.signIn("octocat"), w.register(nil)

			w.wantAccess(t, after.Access, true)
			tokensOf(t, w.client.refresh(after.Refresh))
			w.present(t, "access", before, named)
			w.present(t, "refresh", before, named)
			w.table = ""
			if named && (!w.has(fastmcp.SessionCollection, before.ID) || !w.has(fastmcp.MappingCollection, before.AccessID)) {
				t.Error("rows were deleted that are none of FastMCP's")
			}
			for _, id := range []string{early.id, late.id, w.client.id, "theirs"} {
				w.wantKnown(t, id)
			}
			for _, c := range []*client{early, late} {
				tokensOf(t, c.exchange(w.browser().approveAt(c, nil).target(t, c.redirect).Get("code")))
			}
			w.table = "keys"
			if from, args := w.where(fastmcp.ClientCollection, late.id); len(json.RawMessage(dbtest.Value[string](t, w.sql, "SELECT value FROM "+from, args...))) == 0 {
				t.Error("FastMCP does not know who registered here")
			}
		}
	})
}
