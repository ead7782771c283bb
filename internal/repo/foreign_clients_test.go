package repo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// foreignWorld is a store next to a table of FastMCP's own, with clients in both.
type foreignWorld struct {
	*testing.T
	*repo.Repo
	e    dbtest.Engine
	url  string
	keys *keyring.Keyring
}

// The tables of foreignWorld: py-key-value's, with an expiry, and one that both engines have.
var foreignTables = map[string]struct {
	name db.ForeignName
	ddl  string
}{
	"collections": {db.ForeignName{Table: "kv", Layout: db.LayoutCollection, Prefix: "p"}, `CREATE TABLE kv (collection TEXT, key TEXT, value JSONB,
		created_at TIMESTAMPTZ, expires_at TIMESTAMPTZ, PRIMARY KEY (collection, key))`},
	"keys":   {db.ForeignName{Table: "kv", Layout: db.LayoutKey}, "CREATE TABLE kv (key TEXT PRIMARY KEY, value JSONB)"},
	"prefix": {db.ForeignName{Table: "kv", Layout: db.LayoutKey, Prefix: "p"}, "CREATE TABLE kv (key TEXT PRIMARY KEY, value JSONB)"},
}

func newForeignWorld(t *testing.T, e dbtest.Engine, layout string) *foreignWorld {
	t.Helper()
	w := &foreignWorld{T: t, e: e, url: e.URL(t), keys: repotest.Ring(t, keyring.Generate())}
	dbtest.Exec(t, dbtest.SQL(t, w.url), foreignTables[layout].ddl)
	d := dbtest.Open(t, w.url)
	table, err := d.FindForeignTable(t.Context(), foreignTables[layout].name)
	if err != nil || table == nil {
		t.Fatal(table, err)
	}
	w.Repo = repo.New(d, w.keys)
	if err := w.CheckKeys(t.Context(), repotest.Now); err != nil {
		t.Fatal(err)
	}
	w.ShareTables(repo.Foreign{Tables: []*db.ForeignTable{table}})
	return w
}

// register lets FastMCP register clients, of which the last one has expired where the table can
// say so.
func (w *foreignWorld) register(layout string, ids ...string) {
	w.Helper()
	name, conn := foreignTables[layout].name, dbtest.SQL(w, w.url)
	collection := fastmcp.ClientCollection
	if name.Prefix != "" {
		collection = name.Prefix + "__" + collection
	}
	var values []string
	var args []any
	for _, id := range ids {
		n := len(args)
		if name.Layout == db.LayoutKey {
			values, args = append(values, fmt.Sprintf("($%d, $%d)", n+1, n+2)), append(args, collection+":"+id, string(repotest.SharedRow(w, w.keys, id)))
			continue
		}
		values = append(values, fmt.Sprintf("($%d, $%d, $%d)", n+1, n+2, n+3))
		args = append(args, collection, id, string(repotest.SharedRow(w, w.keys, id)))
	}
	columns := "collection, key, value"
	if name.Layout == db.LayoutKey {
		columns = "key, value"
	}
	dbtest.Exec(w, conn, "INSERT INTO kv ("+columns+") VALUES "+strings.Join(values, ", "), args...)
}

// unused are the clients that only FastMCP's table has, in order.
func (w *foreignWorld) unused() []storage.ClientSummary {
	w.Helper()
	var list []storage.ClientSummary
	err := w.EachForeignClient(w.Context(), repotest.Now, func(s storage.ClientSummary) error {
		list = append(list, s)
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// TestForeignClients: clients that are in FastMCP's own table alone are listed, over pages, and
// shown and deleted. Once used they are listed with ours, and counted.
func TestForeignClients(t *testing.T) {
	t.Parallel()
	for layout := range foreignTables {
		dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
			if e.Name == "sqlite" && layout == "collections" {
				return // it has no such table
			}
			w := newForeignWorld(t, e, layout)
			const many = 1003 // rows, more than two pages
			var ids []string
			for i := range many {
				ids = append(ids, fmt.Sprintf("client-%04d", i))
			}
			w.register(layout, ids...)
			list := w.unused()
			if len(list) != many || list[0].Client.ID != ids[0] || list[many-1].Client.ID != ids[many-1] || !list[0].Foreign || len(list[0].Client.RedirectURIs) != 1 {
				t.Fatalf("%d are listed, want %d in order: %+v", len(list), many, list[0])
			}
			w.startsCount()
			for _, id := range ids[:3] {
				if _, err := w.Client(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
			if ours, err := w.ListClients(t.Context(), "", 10, repotest.Now); err != nil || len(ours) != 3 || len(w.unused()) != many-3 {
				t.Errorf("after a use: %d in oauth_clients, %v, and %d", len(ours), err, len(w.unused()))
			}
			if n := w.counted(); n != 3 {
				t.Errorf("%d clients are counted, want 3", n)
			}
			if s, err := w.ClientSummary(t.Context(), ids[5], repotest.Now); err != nil || s.Client.ID != ids[5] || !s.Foreign {
				t.Errorf("%+v, %v", s, err)
			}
			for _, id := range []string{ids[0], ids[5]} {
				if err := w.DeleteClient(t.Context(), id, repotest.Now); err != nil {
					t.Error(err)
				}
				if _, err := w.ClientSummary(t.Context(), id, repotest.Now); !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("deleted: %v", err)
				}
			}
			if n := w.counted(); n != 2 || len(w.unused()) != many-4 {
				t.Errorf("%d clients are counted and %d listed, want 2 and %d", n, len(w.unused()), many-4)
			}
			if layout == "collections" {
				dbtest.Exec(t, dbtest.SQL(t, w.url), "UPDATE kv SET expires_at = $1", repotest.Now.Add(-time.Second))
				if left := w.unused(); len(left) != 0 {
					t.Errorf("%d are listed that have expired", len(left))
				}
			}
		})
	}
}

// startsCount has the clients counted.
func (w *foreignWorld) startsCount() {
	w.Helper()
	dbtest.Exec(w, dbtest.SQL(w, w.url), "UPDATE mcpkeep_client_counts SET clients = 0, counted_at = $1", repotest.Now.Unix())
}

func (w *foreignWorld) counted() int64 {
	w.Helper()
	return dbtest.Value[int64](w, dbtest.SQL(w, w.url), "SELECT clients FROM mcpkeep_client_counts")
}
