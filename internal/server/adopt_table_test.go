package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// The tables of FastMCP's own that deployments have: py-key-value's, one with a prefix before
// its collections, one that was made by hand without most columns, and one of the layout of
// oauth_clients.
var ownTables = map[string]struct {
	name db.ForeignName
	ddl  string
}{
	"kv_store": {db.ForeignName{Table: "kv_store", Layout: db.LayoutCollection}, `CREATE TABLE kv_store (
		collection TEXT NOT NULL, key TEXT NOT NULL, value JSONB NOT NULL, ttl DOUBLE PRECISION,
		created_at TIMESTAMPTZ, expires_at TIMESTAMPTZ, PRIMARY KEY (collection, key))`},
	"prefix": {db.ForeignName{Table: "Hub_oauth_kv", Layout: db.LayoutCollection, Prefix: "hub"}, `CREATE TABLE Hub_oauth_kv (
		collection TEXT NOT NULL, key TEXT NOT NULL, value JSONB NOT NULL, ttl DOUBLE PRECISION,
		created_at TIMESTAMPTZ, expires_at TIMESTAMPTZ, PRIMARY KEY (collection, key))`},
	"by hand": {db.ForeignName{Table: "public.order", Layout: db.LayoutCollection}, `CREATE TABLE "order" (
		collection VARCHAR(255), key VARCHAR(255), value TEXT, expires_at TIMESTAMP, PRIMARY KEY (collection, key))`},
	"keys": {db.ForeignName{Table: "tokens", Layout: db.LayoutKey}, `CREATE TABLE tokens (
		key TEXT PRIMARY KEY, value JSONB NOT NULL, updated_at TIMESTAMP)`},
}

// own is the kind of table that a takeover has.
func (w *takeover) own() (t struct {
	name db.ForeignName
	ddl  string
},
) {
	return ownTables[w.table]
}

// takeOverTable is takeOver from a FastMCP server with a table of its own on PostgreSQL, whose
// store has the keys of python, nil for those of the site.
func takeOverTable(t *testing.T, kind string, keys *keyring.Keyring, plain bool) *takeover {
	t.Helper()
	w := takeOver(t, on(dbtest.Postgres()))
	w.drop(fastmcp.ClientCollection, w.client.id)
	w.table = kind
	dbtest.Exec(w, w.sql, w.own().ddl)
	table, err := dbtest.Open(t, w.url).FindForeignTable(t.Context(), w.own().name)
	if err != nil || table == nil {
		t.Fatalf("%s: %v, %v", kind, table, err)
	}
	store, ok := w.store.sound.(*repo.Repo)
	if !ok {
		t.Fatal("another store")
	}
	store.ShareTables(repo.Foreign{Tables: []*db.ForeignTable{table}, Keys: keys, Plain: plain})
	if w.python.Cipher = w.keys; keys != nil {
		w.python.Cipher = keys
	}
	if plain {
		w.python.Cipher = nil
	}
	w.row(fastmcp.ClientCollection, w.client.id, pythonClient(w.client.id, w.client.redirect))
	return w
}

// pythonClient is a client as FastMCP 3 and later register it.
func pythonClient(id, redirect string) map[string]any {
	return map[string]any{
		"client_id": id, "redirect_uris": []string{redirect}, "grant_types": []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"}, "token_endpoint_auth_method": "none", "scope": "user", "client_name": "Written by FastMCP",
		"client_secret": nil, "cimd_document": nil, "cimd_fetched_at": nil,
	}
}

// where names a row in FastMCP's table.
func (w *takeover) where(collection, key string) (from string, args []any) {
	if w.table == "" {
		return "oauth_clients WHERE key = $1", []any{fastmcp.RowKey(collection, key)}
	}
	name := w.own().name
	if name.Prefix != "" {
		collection = name.Prefix + "__" + collection
	}
	if name.Layout == db.LayoutKey {
		return "tokens WHERE key = $1", []any{fastmcp.RowKey(collection, key)}
	}
	return map[string]string{"kv_store": "kv_store", "prefix": "hub_oauth_kv", "by hand": `"order"`}[w.table] +
		" WHERE collection = $1 AND key = $2", []any{collection, key}
}

// putOwn writes a row as the store of the table does.
func (w *takeover) putOwn(key string, value json.RawMessage) {
	w.Helper()
	collection, key, _ := strings.Cut(key, ":")
	from, args := w.where(collection, key)
	table, _, _ := strings.Cut(from, " ")
	columns, values := "collection, key", "$1, $2, $3"
	if len(args) == 1 {
		columns, values = "key", "$1, $2"
	}
	dbtest.Exec(w, w.sql, "INSERT INTO "+table+" ("+columns+", value) VALUES ("+values+") ON CONFLICT ("+columns+") DO UPDATE SET value = excluded.value",
		append(args, string(value))...)
}

// TestAdoptionFromTable: a session in a table of FastMCP's own continues, and what ends or is
// renewed here is so there.
func TestAdoptionFromTable(t *testing.T) {
	t.Parallel()
	for kind := range ownTables {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := takeOverTable(t, kind, nil, false)
			w.gh.SetTokenLifetime(30 * time.Second) // to be renewed
			s := w.signIn("octocat")
			before := w.session(s.ID).AccessToken
			w.wantAccess(t, s.Access, true)
			if w.session(s.ID).AccessToken == before {
				t.Error("the renewed token was not written back")
			}
			tokens := tokensOf(t, w.client.refresh(s.Refresh))
			w.wantAccess(t, tokens.access, true)
			if w.has(fastmcp.RefreshCollection, fastmcptest.HashKey(s.Refresh)) || w.has(fastmcp.MappingCollection, s.RefreshID) {
				t.Error("the rotated refresh token is good at FastMCP")
			}
			if !w.has(fastmcp.SessionCollection, s.ID) || !w.has(fastmcp.MappingCollection, s.AccessID) {
				t.Error("the session is gone at FastMCP")
			}
			if err := w.config.Store.RevokeGrant(t.Context(), w.grants()[0].Grant.ID, w.clock.Now()); err != nil {
				t.Error(err)
			}
			if w.has(fastmcp.SessionCollection, s.ID) || w.has(fastmcp.MappingCollection, s.AccessID) {
				t.Error("it continues at FastMCP")
			}
		})
	}
}

// TestTableExpires: what the column says is over is refused although its row is there, with
// each row of a session.
func TestTableExpires(t *testing.T) {
	t.Parallel()
	for collection, access := range map[string]bool{
		fastmcp.MappingCollection: false, fastmcp.RefreshCollection: true, fastmcp.SessionCollection: false, fastmcp.ClientCollection: false,
	} {
		for _, kind := range []string{"kv_store", "by hand"} {
			w := takeOverTable(t, kind, nil, false)
			w.gh.SetTokenLifetime(8 * time.Hour)
			s := w.signIn("octocat")
			table, _, _ := strings.Cut(first(w.where(collection, "")), " ")
			expire := "UPDATE " + table + " SET expires_at = $1 WHERE collection = $2"
			dbtest.Exec(t, w.sql, expire, w.clock.Now().Add(time.Hour).UTC(), collection)
			dbtest.Exec(t, w.sql, expire, w.clock.Now().Add(-time.Second).UTC(), collection)
			w.wantAccess(t, s.Access, access)
			w.present(t, "refresh", s, true)
			dbtest.Exec(t, w.sql, expire, w.clock.Now().Add(time.Hour).UTC(), collection)
			w.wantAccess(t, s.Access, true)
			w.present(t, "refresh", s, false)
		}
	}
}

func first(text string, _ []any) string { return text }

// TestTableKeys: rows are under keys of their own, or in the clear where that is allowed, and
// stay so when they are written back. Under keys that are not known, nothing is taken over.
func TestTableKeys(t *testing.T) {
	t.Parallel()
	theirs, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys    *keyring.Keyring
		plain   bool
		forgets bool // the site is not told of either
	}{
		"own keys": {keys: theirs}, "plain": {plain: true}, "unknown keys": {keys: theirs, forgets: true}, "plain is not allowed": {plain: true, forgets: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := takeOverTable(t, "kv_store", c.keys, c.plain)
			w.gh.SetTokenLifetime(30 * time.Second)
			s := w.signIn("octocat")
			if c.forgets {
				if store, ok := w.store.sound.(*repo.Repo); ok {
					table, _ := dbtest.Open(t, w.url).FindForeignTable(t.Context(), w.own().name)
					store.ShareTables(repo.Foreign{Tables: []*db.ForeignTable{table}})
				}
			}
			w.wantAccess(t, s.Access, !c.forgets)
			w.present(t, "refresh", s, c.forgets)
			if c.forgets {
				return
			}
			value := json.RawMessage(dbtest.Value[string](t, w.sql, "SELECT value FROM kv_store WHERE collection = $1", fastmcp.SessionCollection))
			if sealed := strings.Contains(string(value), "__encrypted_data__"); sealed == c.plain {
				t.Errorf("the session was written back sealed: %t", sealed)
			}
			if _, err := fastmcp.Open(theirs, value); err != nil {
				t.Errorf("FastMCP cannot read the session: %v", err)
			}
			w.register(nil)
			clients := dbtest.Rows(t, w.sql, "SELECT value FROM kv_store WHERE collection = $1 ORDER BY created_at NULLS LAST", fastmcp.ClientCollection)
			for _, row := range clients {
				if _, err := fastmcp.Open(theirs, json.RawMessage(row[0])); err != nil {
					t.Errorf("FastMCP cannot read a client: %v", err)
				}
			}
		})
	}
}

// TestClientsInTable: a client of FastMCP's table signs in here, and one that registers here
// is in the table as FastMCP writes it until it is gone here.
func TestClientsInTable(t *testing.T) {
	t.Parallel()
	for kind := range ownTables {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := takeOverTable(t, kind, nil, false)
			w.store.sound.(*repo.Repo).ShareScope("user")
			code := w.browser().approveAt(w.client, url.Values{"scope": {"user"}}).target(t, w.client.redirect).Get("code")
			tokensOf(t, w.client.exchange(code))
			c := w.register(map[string]any{"client_name": "New here"})
			theirs := w.clientRow(c.id)
			if scope := theirs.Scope; scope == nil || *scope != "user" {
				t.Errorf("the scope is %v", scope)
			}
			if theirs.TokenEndpointAuthMethod != "none" || theirs.ClientSecret != nil || len(theirs.Extra) > 0 {
				t.Errorf("the row is %+v", theirs)
			}
			for _, id := range []string{c.id, w.client.id} {
				if err := w.config.Store.DeleteClient(t.Context(), id, w.clock.Now()); err != nil {
					t.Error(err)
				}
				if w.has(fastmcp.ClientCollection, id) {
					t.Errorf("%s is known to FastMCP", id)
				}
			}
			w.browser().visit(w.client.authorizePath(nil)).shows(t, http.StatusBadRequest, "")
		})
	}
}

// clientRow reads a client as FastMCP does.
func (w *takeover) clientRow(id string) fastmcp.Client {
	w.Helper()
	from, args := w.where(fastmcp.ClientCollection, id)
	c, _, err := fastmcp.OpenClient(w.keys, json.RawMessage(dbtest.Value[string](w, w.sql, "SELECT value FROM "+from, args...)))
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// TestUnusedClientsLeaveTable: registrations that go because no one used them, and those that
// a ceiling evicts, go from FastMCP's table as well; its own clients stay.
func TestUnusedClientsLeaveTable(t *testing.T) {
	t.Parallel()
	w := takeOverTable(t, "kv_store", nil, false)
	w.wantKnown(t, w.client.id)
	unused := []string{w.register(nil).id, w.register(nil).id}
	gone, err := w.store.ReclaimClients(t.Context(), w.clock.Now().Add(time.Hour), 10, w.clock.Now())
	if err != nil || len(gone) != len(unused) {
		t.Errorf("%d clients were reclaimed, %v", len(gone), err)
	}
	pruned, err := w.store.DeleteUnusedClients(t.Context(), []string{w.register(nil).id}, w.clock.Now().Add(time.Hour), w.clock.Now())
	if err != nil || pruned != 1 {
		t.Errorf("%d clients were pruned, %v", pruned, err)
	}
	if n := dbtest.Value[int64](t, w.sql, "SELECT COUNT(*) FROM kv_store WHERE collection = $1", fastmcp.ClientCollection); n != 1 || !w.has(fastmcp.ClientCollection, w.client.id) {
		t.Errorf("%d clients are left in FastMCP's table, want its own", n)
	}
}

func (w *takeover) wantKnown(t *testing.T, id string) {
	t.Helper()
	if _, err := w.config.Store.Client(t.Context(), id); err != nil {
		t.Errorf("%s: %v", id, err)
	}
}
