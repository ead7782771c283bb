package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// clientRow reads a client's row with keys.
func (w *pythonWorld) clientRow(keys *keyring.Keyring, id string) (fastmcp.Client, error) {
	w.t.Helper()
	value := dbtest.Value[string](w.t, dbtest.SQL(w.t, w.url), "SELECT value FROM oauth_clients WHERE key = $1", fastmcp.ClientKey(id))
	c, sealed, err := fastmcp.OpenClient(keys, json.RawMessage(value))
	if err == nil && !sealed {
		w.t.Errorf("%s is not sealed", id)
	}
	return c, err
}

// TestClientsForFastMCP: FastMCP reads a client that an operator registers, with the keys that
// it has, and lets it ask for its scopes. When it has ended, a rotation makes its keys needless.
func TestClientsForFastMCP(t *testing.T) {
	onEach(t, func(t *testing.T, e dbtest.Engine) {
		w, key := newPythonWorld(t, e), keyring.Generate()
		ours := parsed(t, key)
		w.env["MCPKEEP_FASTMCP_KEYS"], w.env["OAUTH_STORAGE_ENCRYPTION_KEY"] = w.env["OAUTH_STORAGE_ENCRYPTION_KEY"], key
		command(t, w.env, "migrate", "up").wants(t, exitOK)
		create := func(id string) {
			command(t, w.env, "clients", "create", "--id", id, "--name", "Desk", "--redirect-uri", "https://desk.example/cb").wants(t, exitOK)
		}
		create("desk")
		if c, err := w.clientRow(w.keys, "desk"); err != nil || db.Text(c.Scope) != "user" {
			t.Errorf("FastMCP reads %v with scope %q, %v", c, db.Text(c.Scope), err)
		}
		command(t, w.env, "clients", "show", "desk", "--json").wants(t, exitOK, `"scope":"mcp offline_access"`)
		w.env["MCPKEEP_FASTMCP_SCOPES"] = "read,write"
		create("scoped")
		if c, err := w.clientRow(w.keys, "scoped"); err != nil || db.Text(c.Scope) != "read write" {
			t.Errorf("FastMCP reads the scope %q, %v", db.Text(c.Scope), err)
		}
		w.env["MCPKEEP_FASTMCP"] = "off"
		create("lone")
		if c, err := w.clientRow(ours, "lone"); err != nil || db.Text(c.Scope) != "mcp offline_access" {
			t.Errorf("the scope is %q, %v; want ours", db.Text(c.Scope), err)
		}
		command(t, w.env, "clients", "show", "desk").wants(t, exitOK, "Desk")
		command(t, w.env, "keys", "rotate", "--yes").wants(t, exitOK)
		delete(w.env, "MCPKEEP_FASTMCP_KEYS")
		for _, id := range []string{"desk", "scoped", "lone", "app"} {
			if _, err := w.clientRow(ours, id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		command(t, w.env, "clients", "show", "desk").wants(t, exitOK, "Desk")
	})
}

// TestClientsInFastMCPsTable: commands see the clients of a table that is named, and sessions
// are looked for there alone.
func TestClientsInFastMCPsTable(t *testing.T) {
	onEach(t, func(t *testing.T, e dbtest.Engine) {
		w := newPythonWorld(t, e)
		conn := dbtest.SQL(t, w.url)
		w.signIn("app", time.Hour)
		dbtest.Exec(t, conn, "CREATE TABLE tokens (key TEXT PRIMARY KEY, value JSONB)")
		dbtest.Exec(t, conn, "INSERT INTO tokens SELECT key, value FROM oauth_clients")
		dbtest.Exec(t, conn, "DELETE FROM oauth_clients")
		if r := w.report(exitOK); r.Sessions.Total != 0 || r.Source != "the table oauth_clients ("+e.Name+")" {
			t.Errorf("without the table: %s, %+v", r.Source, r.Sessions)
		}
		w.env["MCPKEEP_FASTMCP_TABLE"] = "tokens:oauth_clients"
		if r := w.report(exitOK); r.Sessions.Live != 1 || r.Clients.Total != 1 || r.Source != "the table tokens ("+e.Name+")" {
			t.Errorf("%s, %+v", r.Source, r.Sessions)
		}
		command(t, w.env, "migrate", "up").wants(t, exitOK)
		if got := w.adopt("", "--from", t.TempDir()); got.status != exitUsage || !strings.Contains(got.err, "MCPKEEP_FASTMCP_TABLE") {
			t.Errorf("--from: %+v", got)
		}
		command(t, w.env, "clients", "list", "--json").wants(t, exitOK, `"client_id":"app"`)
		command(t, w.env, "clients", "show", "app").wants(t, exitOK, "by another program")
		command(t, w.env, "clients", "prune", "--unused-for", "1h", "--all", "--yes").wants(t, exitOK)
		if got := w.adopted(exitOK); got.Adopted != 1 {
			t.Errorf("%+v", got)
		}
		command(t, w.env, "clients", "list", "--json").wants(t, exitOK, `"grants":1`)
		command(t, w.env, "clients", "delete", "app", "--yes").wants(t, exitOK, "1 connection")
		command(t, w.env, "clients", "show", "app").wants(t, exitFailed)
		if n := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM tokens WHERE key NOT LIKE 'mcp-jti%' AND key NOT LIKE 'mcp-refresh%'"); n != 0 {
			t.Errorf("%d rows are left of the client and its session", n)
		}
	})
}

// TestAdoptPrefix: a store whose collections have a prefix is read with --prefix.
func TestAdoptPrefix(t *testing.T) {
	w := newPythonWorld(t, dbtest.SQLite())
	sign := fastmcp.KeyOfClientSecret(fastmcptest.Secret)
	w.python = fastmcptest.New(pythonURL, parsed(t, sign.StorageKey()))
	home, rows := t.TempDir(), map[string]json.RawMessage{}
	all := w.python.SignIn(t, "other", w.upstream(time.Hour), time.Now()).Rows
	for key, value := range w.client("other") {
		all[key] = value
	}
	for key, value := range all {
		rows["hub__"+key] = value
	}
	writeTree(t, home, sign, rows)
	for prefix, live := range map[string]int64{"hub": 1, "other": 0} {
		if r := w.report(exitOK, "--from", home, "--prefix", prefix); r.Sessions.Live != live || r.Clients.Total != live {
			t.Errorf("%s: %+v", prefix, r.Sessions)
		}
	}
	if got := w.adopt("", "--check", "--prefix", "hub"); got.status != exitUsage || !strings.Contains(got.err, "--prefix") {
		t.Errorf("without --from: %+v", got)
	}
}
