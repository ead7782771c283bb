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
	server.Share([]*db.ForeignTable{table}, nil)
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

// TestRotationWithTheirKeys: rows under keys of FastMCP's own are left alone, and keep no key
// of ours from retirement.
func TestRotationWithTheirKeys(t *testing.T) {
	t.Parallel()
	w, next, theirs := newWorld(t, dbtest.Postgres()), keyring.Generate(), keyring.Generate()
	table, _ := w.foreignTable(t, theirs)
	w.insertShared(t, "mcp-upstream-tokens:1", repotest.SharedRow(t, repotest.Ring(t, theirs), "1"), &w.KeyID)
	before := dbtest.Rows(t, w.Conn, "SELECT * FROM kv_store ORDER BY collection, key")
	repotest.Open(t, dbtest.Open(t, w.URL), next, w.Key)
	server := w.with(t, next, w.Key)
	server.Share([]*db.ForeignTable{table}, repotest.Ring(t, theirs))
	done, err := server.Rotate(t.Context(), rotationOf(nil))
	if err != nil || !cmp.Equal(done.Retired, []string{w.KeyID}) {
		t.Errorf("rotate: %+v, %v, want the key retired", done, err)
	}
	if after := dbtest.Rows(t, w.Conn, "SELECT * FROM kv_store ORDER BY collection, key"); !cmp.Equal(after, before) {
		t.Error("rows under FastMCP's own keys were changed")
	}
}
