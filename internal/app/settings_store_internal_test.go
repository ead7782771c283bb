package app

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestStoreKeys: the vectors are those of py-key-value.
func TestStoreKeys(t *testing.T) {
	t.Parallel()
	const derived, other = "znx7rVYt4roVgu3ymt5sIYFmfMNGEPbm8AShXQv6CY4=", "ShZNsV87_h3lPyryK6kQC2UPzsXDmc52zVYcFVn30JA="
	for text, want := range map[string]struct {
		keys  string
		plain bool
	}{
		"": {}, "plain": {"", true}, derived: {derived, false}, derived + "," + other: {derived + "," + other, false},
		derived + ",plain": {derived, true}, "passphrase:test-source-material:test-salt": {derived, false},
		"passphrase:test-source-material:test-salt,plain": {derived, true},
	} {
		keys, plain, err := parseStoreKeys(text)
		if err != nil || plain != want.plain || (keys == nil) != (want.keys == "") {
			t.Errorf("%.20q: %v, plain %t, %v", text, keys, plain, err)
			continue
		}
		if keys == nil {
			continue
		}
		if is, err := keyring.Parse(want.keys); err != nil || is.String() != keys.String() {
			t.Errorf("%.20q: %v, want %v", text, keys, is)
		}
	}
	for _, text := range []string{"sesame", "plain,plain,", "passphrase:", "passphrase:text", "passphrase:text:", "passphrase::salt", derived + "," + derived} {
		if _, _, err := parseStoreKeys(text); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestForeignStore: kv_store is used if it is there and has py-key-value's columns, and a table
// that is named must be there and have them.
func TestForeignStore(t *testing.T) {
	t.Parallel()
	const table = "CREATE TABLE kv_store (collection TEXT, key TEXT, value JSONB, PRIMARY KEY (collection, key))"
	const others = "CREATE TABLE kv_store (k TEXT, v TEXT)"
	for name, c := range map[string]struct {
		engine    dbtest.Engine
		ddl, name string
		tables    int
		problem   string
	}{
		"none":                {dbtest.Postgres(), "SELECT 1", "", 0, ""},
		"default":             {dbtest.Postgres(), table, "", 1, ""},
		"another's":           {dbtest.Postgres(), others, "", 0, ""},
		"SQLite":              {dbtest.SQLite(), table, "", 0, ""},
		"named":               {dbtest.Postgres(), strings.Replace(table, "kv_store", "hub", 1), "hub:kv_store:prod", 1, ""},
		"named oauth":         {dbtest.Postgres(), table, "oauth_clients", 0, ""},
		"ours, by its schema": {dbtest.Postgres(), table, "public.oauth_clients:oauth_clients", 0, ""},
		"ours, in capitals":   {dbtest.SQLite(), table, "OAuth_Clients:oauth_clients", 0, ""},
		"ours, a prefix":      {dbtest.SQLite(), table, "oauth_clients:oauth_clients:prod", 1, ""},
		"not there":           {dbtest.Postgres(), table, "hub", 0, "there is no table hub"},
		"named another's":     {dbtest.Postgres(), others, "kv_store", 0, "it has no column collection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := c.engine.URL(t)
			dbtest.Exec(t, dbtest.SQL(t, url), c.ddl)
			f, err := FastMCP{Table: c.name}.Foreign(t.Context(), dbtest.Open(t, url), slog.New(slog.DiscardHandler))
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Fatalf("got %v, want %q", err, c.problem)
			}
			if len(f.Tables) != c.tables {
				t.Errorf("%d tables, want %d", len(f.Tables), c.tables)
			}
			if named := c.name != "" && c.tables > 0; f.Named != named || f.Reads() == named {
				t.Errorf("named: %t, oauth_clients is read: %t", f.Named, f.Reads())
			}
			if len(f.Tables) > 0 && c.name != "" && (f.Tables[0].Prefix != "prod" || (f.Tables[0].Layout == db.LayoutCollection) == strings.Contains(c.name, "oauth")) {
				t.Errorf("the table is %+v", f.Tables[0].ForeignName)
			}
		})
	}
}

// TestForeignStoreOver: without a server to take over from, its keys only open rows.
func TestForeignStoreOver(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	dbtest.Exec(t, dbtest.SQL(t, url), "CREATE TABLE kv_store (collection TEXT, key TEXT, value JSONB, PRIMARY KEY (collection, key))")
	ours, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []bool{false, true} {
		f, err := FastMCP{Off: off, Keys: keyring.Generate()}.Foreign(t.Context(), dbtest.Open(t, url), slog.New(slog.DiscardHandler))
		if err != nil || f.Over != off || f.Reads() == off || (len(f.Tables) == 0) != off || (f.SealingClients(ours) == ours) != off || len(f.Opening(ours).IDs()) != 2 {
			t.Errorf("off: %t: %+v, %v", off, f, err)
		}
	}
}
