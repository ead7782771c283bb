package rekey_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
)

// foreignTable makes a table of FastMCP's own with rows of several collections, more than a
// page of them, sealed with a key.
func (w world) foreignTable(t *testing.T, key string) (table *db.ForeignTable, plaintexts map[string][]byte) {
	t.Helper()
	dbtest.Exec(t, w.Conn, "CREATE TABLE kv_store (collection TEXT, key TEXT, value JSONB, PRIMARY KEY (collection, key))")
	table, err := dbtest.Open(t, w.URL).FindForeignTable(t.Context(), db.ForeignName{Table: "kv_store", Layout: db.LayoutCollection})
	if err != nil {
		t.Fatal(err)
	}
	plaintexts = map[string][]byte{}
	for i, collection := range fastmcp.Collections() {
		for n := range i + 1 {
			id := fmt.Sprint("row:", n)
			row := repotest.SharedRow(t, repotest.Ring(t, key), id)
			dbtest.Exec(t, w.Conn, "INSERT INTO kv_store VALUES ($1, $2, $3)", collection, id, string(row))
			if plaintexts[collection+" "+id], err = fastmcp.Open(repotest.Ring(t, key), row); err != nil {
				t.Fatal(err)
			}
		}
	}
	return table, plaintexts
}

// TestRotationOfForeignTable: the rows of a table of FastMCP's own are re-encrypted with the
// rest, and only then the old key is retired.
func TestRotationOfForeignTable(t *testing.T) {
	t.Parallel()
	w, next := newWorld(t, dbtest.Postgres()), keyring.Generate()
	table, plaintexts := w.foreignTable(t, w.Key)
	repotest.Open(t, dbtest.Open(t, w.URL), next, w.Key)
	server := w.with(t, next, w.Key)
	keys := repotest.Ring(t, next, w.Key)
	server.Share(rekey.Shared{Tables: []*db.ForeignTable{table}, Opening: keys, Sealing: keys, Clients: keys})
	report, err := server.Report(t.Context(), rekey.VerifyClients, nil)
	if err != nil || report.Foreign != int64(len(plaintexts)) {
		t.Errorf("%d foreign rows, %v, want %d", report.Foreign, err, len(plaintexts))
	}
	o := rotationOf(nil)
	o.Foreign, o.Rows = true, 3
	done, err := server.Rotate(t.Context(), o)
	if err != nil || !cmp.Equal(done.Retired, []string{w.KeyID}) {
		t.Errorf("rotate: %+v, %v, want the key retired", done, err)
	}
	rows := dbtest.Rows(t, w.Conn, "SELECT collection, key, value FROM kv_store")
	for _, row := range rows {
		is, err := fastmcp.Open(repotest.Ring(t, next), []byte(row[2]))
		if err != nil || !bytes.Equal(is, plaintexts[row[0]+" "+row[1]]) {
			t.Errorf("%s %s: %v, want what it was", row[0], row[1], err)
		}
	}
	if len(rows) != len(plaintexts) {
		t.Errorf("%d rows, want %d", len(rows), len(plaintexts))
	}
}

// shareTheirs shares a table, and keys of FastMCP's own.
func (w world) shareTheirs(t *testing.T, table *db.ForeignTable, ours []string, theirs ...string) {
	t.Helper()
	ring := repotest.Ring(t, theirs...)
	w.Share(rekey.Shared{
		Tables: []*db.ForeignTable{table}, Opening: repotest.Ring(t, ours...).With(ring), Sealing: ring, Clients: ring,
	})
}

// TestRotationWithTheirKeys: rows that FastMCP reads stay with the first of its own keys, or come
// to it from others and from ours. They keep no key of ours from retirement.
func TestRotationWithTheirKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next, theirs, before := newWorld(t, e), keyring.Generate(), keyring.Generate(), keyring.Generate()
		dbtest.Exec(t, w.Conn, "CREATE TABLE tokens (key TEXT PRIMARY KEY, value JSONB)")
		table, err := dbtest.Open(t, w.URL).FindForeignTable(t.Context(), db.ForeignName{Table: "tokens", Layout: db.LayoutKey})
		if err != nil {
			t.Fatal(err)
		}
		for id, key := range map[string]string{"ours": w.Key, "theirs": theirs, "before": before} {
			row := repotest.SharedRow(t, repotest.Ring(t, key), id)
			w.insertShared(t, "mcp-upstream-tokens:"+id, row, &w.KeyID) // which is not always true
			w.insertShared(t, fastmcp.ClientKey(id), row, nil)
			dbtest.Exec(t, w.Conn, "INSERT INTO tokens VALUES ($1, $2)", "mcp-jti-mappings:"+id, string(row))
		}
		stays := dbtest.Value[string](t, w.Conn, "SELECT value FROM tokens WHERE key = 'mcp-jti-mappings:theirs'")
		repotest.Open(t, dbtest.Open(t, w.URL), next, w.Key)
		server := w.with(t, next, w.Key)
		server.shareTheirs(t, table, []string{next, w.Key}, theirs, before)
		report, err := server.Report(t.Context(), rekey.VerifyClients, nil)
		if err != nil || report.Foreign != 5 || report.Unreadable.Total != 0 { // the client and the mapping of "ours" and of "before", and the latter's session
			t.Errorf("%d rows of FastMCP under old keys, %v, want 5", report.Foreign, err)
		}
		o := rotationOf(nil)
		o.Foreign = true
		done, err := server.Rotate(t.Context(), o)
		if err != nil || !cmp.Equal(done.Retired, []string{w.KeyID}) {
			t.Errorf("rotate: %+v, %v, want the key retired", done, err)
		}
		python := repotest.Ring(t, theirs)
		rows := dbtest.Rows(t, w.Conn, "SELECT key, value, COALESCE(value_key_id, '') FROM oauth_clients UNION ALL SELECT key, value, '' FROM tokens")
		for _, row := range rows {
			if _, err := fastmcp.Open(python, []byte(row[1])); err != nil || row[2] != "" {
				t.Errorf("FastMCP reads %s: %v; the row names key %q", row[0], err, row[2])
			}
		}
		if is := dbtest.Value[string](t, w.Conn, "SELECT value FROM tokens WHERE key = 'mcp-jti-mappings:theirs'"); is != stays || len(rows) != 12 {
			t.Errorf("%d rows, want 12; one under the right key was changed: %t", len(rows), is != stays)
		}
		if again, err := server.Rotate(t.Context(), o); err != nil || again.Rekeyed != 0 {
			t.Errorf("again: %+v, %v", again, err)
		}
		w.comesHome(t, next, theirs)
	})
}

// comesHome rotates keys after FastMCP has ended: what was sealed for it needs its key no more.
func (w world) comesHome(t *testing.T, next, theirs string) {
	t.Helper()
	over, o := w.with(t, next), rotationOf(nil)
	ours := repotest.Ring(t, next)
	over.Share(rekey.Shared{Opening: ours.With(repotest.Ring(t, theirs)), Sealing: ours, Clients: ours})
	o.Foreign = true
	if done, err := over.Rotate(t.Context(), o); err != nil || done.Rekeyed != 9 {
		t.Errorf("after the end: %+v, %v, want 9 rows", done, err)
	}
	w.with(t, next).readable(t)
}

// TestRotationInTheClear: of a client that FastMCP reads in the clear, the member of ours is
// sealed with the new key, and all others stay.
func TestRotationInTheClear(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		w.ShareTables(repo.Foreign{Plain: true})
		c, err := w.Client(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		c.ID = "clear"
		if err := w.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		repotest.Open(t, dbtest.Open(t, w.URL), next, w.Key)
		if done, err := w.with(t, next, w.Key).Rotate(t.Context(), rotationOf(nil)); err != nil || !cmp.Equal(done.Retired, []string{w.KeyID}) {
			t.Errorf("rotate: %+v, %v, want the key retired", done, err)
		}
		server := w.with(t, next)
		if is, err := server.Client(t.Context(), "clear"); err != nil || !cmp.Equal(is, c) {
			t.Errorf("%v: %s", err, cmp.Diff(c, is))
		}
		row := dbtest.Rows(t, w.Conn, "SELECT value, value_key_id FROM oauth_clients WHERE key = $1", fastmcp.ClientKey("clear"))[0]
		theirs, sealed, err := fastmcp.OpenClient(new(keyring.Keyring), []byte(row[0]))
		if err != nil || sealed || theirs.ClientID != "clear" || row[1] != repotest.KeyID(t, next) {
			t.Errorf("FastMCP reads %v, sealed %t, %v; key %s", theirs, sealed, err, row[1])
		}
	})
}
