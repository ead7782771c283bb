package db_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

const kvStore = `CREATE TABLE kv_store (collection TEXT NOT NULL, key TEXT NOT NULL, value JSONB NOT NULL,
	ttl DOUBLE PRECISION, created_at TIMESTAMPTZ, expires_at TIMESTAMPTZ, PRIMARY KEY (collection, key))`

func byCollection(name string) db.ForeignName {
	return db.ForeignName{Table: name, Layout: db.LayoutCollection}
}

// TestFindForeignTable: a table is found by its name as SQL reads it, and one that is not there
// is no error.
func TestFindForeignTable(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	conn, d := dbtest.SQL(t, url), dbtest.Open(t, url)
	dbtest.Exec(t, conn, strings.ReplaceAll(kvStore, "kv_store", `"select"`))
	dbtest.Exec(t, conn, "CREATE SCHEMA hub")
	dbtest.Exec(t, conn, strings.ReplaceAll(kvStore, "kv_store", "hub.OAuth_KV"))
	for name, want := range map[string]bool{
		"select": true, "SELECT": true, "public.select": true, "hub.OAuth_KV": true, "hub.oauth_kv": true, "OAuth_KV": false, "hub.select": false, "none": false,
	} {
		table, err := d.FindForeignTable(t.Context(), byCollection(name))
		if err != nil || (table != nil) != want {
			t.Errorf("%s: %v, %v, want one: %t", name, table, err, want)
		}
	}
}

// TestForeignTableRefused: a name that is none, a table of other columns and one that this role
// may not use are refused, with the statement that helps.
func TestForeignTableRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ddl, table, want string }{
		"injection":         {"", `kv_store" WHERE true; --`, "is not the name of a table"},
		"empty":             {"", "", "is not the name of a table"},
		"three parts":       {"", "a.b.c", "is not the name of a table"},
		"no collection":     {"CREATE TABLE kv (key TEXT, value JSONB)", "kv", "it has no column collection"},
		"another value":     {"CREATE TABLE kv (collection TEXT, key TEXT, value BYTEA)", "kv", "its column value is bytea, not jsonb"},
		"an expiry in text": {"CREATE TABLE kv (collection TEXT, key TEXT, value JSONB, expires_at TEXT)", "kv", "its column expires_at is text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.Postgres().URL(t)
			if c.ddl != "" {
				dbtest.Exec(t, dbtest.SQL(t, url), c.ddl)
			}
			_, err := dbtest.Open(t, url).FindForeignTable(t.Context(), byCollection(c.table))
			var refused *db.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestForeignTableWithoutRights(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	conn := dbtest.SQL(t, url)
	dbtest.Exec(t, conn, kvStore)
	roleURL, role := dbtest.NewRole(t, url)
	_, err := dbtest.Open(t, roleURL).FindForeignTable(t.Context(), byCollection("kv_store"))
	var refused *db.RefusedError
	if want := "GRANT SELECT, INSERT, UPDATE, DELETE ON public.kv_store TO " + role; !errors.As(err, &refused) || refused.SQL != want {
		t.Fatalf("got %v, want %q", err, want)
	}
	dbtest.Exec(t, conn, refused.SQL)
	if _, err := dbtest.Open(t, roleURL).FindForeignTable(t.Context(), byCollection("kv_store")); err != nil {
		t.Errorf("after the statement: %v", err)
	}
}

// TestForeignRows: rows of one collection are put, read, replaced and deleted, and those of
// others stay. A replaced row keeps its times, a put one loses its expiry.
func TestForeignRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		e    dbtest.Engine
		ddl  string
		name db.ForeignName
	}{
		"collections":   {dbtest.Postgres(), kvStore, byCollection("kv_store")},
		"keys":          {dbtest.Postgres(), "CREATE TABLE kv (key TEXT PRIMARY KEY, value JSON, created_at TIMESTAMP, updated_at TIMESTAMP)", db.ForeignName{Table: "kv", Layout: db.LayoutKey, Prefix: "p"}},
		"keys (SQLite)": {dbtest.SQLite(), "CREATE TABLE kv (key TEXT PRIMARY KEY, value JSONB, created_at TIMESTAMP, updated_at TIMESTAMP)", db.ForeignName{Table: "KV", Layout: db.LayoutKey}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := c.e.URL(t)
			dbtest.Exec(t, dbtest.SQL(t, url), c.ddl)
			d := dbtest.Open(t, url)
			table, err := d.FindForeignTable(t.Context(), c.name)
			if err != nil || table == nil {
				t.Fatal(table, err)
			}
			w := keyValues{t, d, table}
			w.does()
			if c.name.Layout == db.LayoutCollection {
				w.expires(url)
			}
		})
	}
}

// keyValues is a table under test.
type keyValues struct {
	*testing.T
	d     *db.DB
	table *db.ForeignTable
}

func (w keyValues) tx(f func(q db.Querier) error) {
	w.Helper()
	if err := w.d.InTx(w.Context(), f); err != nil {
		w.Error(err)
	}
}

// has compares the rows of the collection a, read page by page.
func (w keyValues) has(want ...string) {
	w.Helper()
	var got []string
	for after := ""; ; {
		page, err := w.table.List(w.Context(), w.d.Read(), "a", after, 2)
		if err != nil {
			w.Fatal(err)
		}
		for _, row := range page {
			got = append(got, row.Key+strings.ReplaceAll(row.Value, " ", ""))
			after = row.Key
		}
		if len(page) < 2 {
			break
		}
	}
	if !cmp.Equal(got, want) {
		w.Errorf("the rows are %q, want %q", got, want)
	}
}

func (w keyValues) does() {
	w.Helper()
	ctx, now := w.Context(), time.Now()
	w.tx(func(q db.Querier) error {
		for _, key := range []string{"1", "2:x", "3"} {
			if err := errors.Join(w.table.Put(ctx, q, "a", key, `{}`, now), w.table.Put(ctx, q, "b", key, `{}`, now)); err != nil {
				return err
			}
		}
		return w.table.Put(ctx, q, "a", "3", `{"n":1}`, now)
	})
	w.has("1{}", "2:x{}", `3{"n":1}`)
	w.tx(func(q db.Querier) error {
		replaced, err := w.table.Replace(ctx, q, "a", "1", "", `{"n":2}`, now)
		other, err2 := w.table.Replace(ctx, q, "a", "3", `{}`, `{"n":3}`, now)
		locked, err3 := w.table.Lock(ctx, q, "a", "1")
		none, err4 := w.table.Lock(ctx, q, "a", "4")
		deleted, err5 := w.table.Delete(ctx, q, "a", "2:x", "4")
		if replaced != 1 || other != 0 || locked != 1 || none != 0 || deleted != 1 {
			w.Errorf("replaced %d, %d of another value, locked %d and %d, deleted %d", replaced, other, locked, none, deleted)
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
	w.has(`1{"n":2}`, `3{"n":1}`)
	row, err := w.table.Get(ctx, w.d.Read(), "a", "4")
	if n, err2 := w.table.Count(ctx, w.d.Read()); row != nil || n != 5 || errors.Join(err, err2) != nil {
		w.Errorf("%v, %d rows, %v, %v", row, n, err, err2)
	}
	_, err = w.d.InBatch(ctx, func(q db.Querier) error { return w.table.Put(ctx, q, "a", "5", `{}`, now) })
	if err != nil {
		w.Error(err)
	}
	w.has(`1{"n":2}`, `3{"n":1}`, "5{}")
}

func (w keyValues) expires(url string) {
	w.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	dbtest.Exec(w, dbtest.SQL(w, url), "UPDATE kv_store SET created_at = $1, expires_at = $1, ttl = 7", at)
	w.tx(func(q db.Querier) error {
		_, err := w.table.Replace(w.Context(), q, "a", "1", "", `{}`, time.Now())
		return errors.Join(err, w.table.Put(w.Context(), q, "a", "3", `{}`, time.Now()))
	})
	replaced, err := w.table.Get(w.Context(), w.d.Read(), "a", "1")
	if err != nil || replaced.ExpiresAt == nil || !replaced.ExpiresAt.Equal(at) || !replaced.CreatedAt.Equal(at) {
		w.Errorf("replaced: %+v, %v", replaced, err)
	}
	put, err := w.table.Get(w.Context(), w.d.Read(), "a", "3")
	if err != nil || put.ExpiresAt != nil || !put.CreatedAt.Equal(at) {
		w.Errorf("put: %+v, %v", put, err)
	}
}
