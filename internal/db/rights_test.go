package db_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestRights: a role that lacks a right gets the statements that give it, with all
// names as SQL wants them; run by an administrator they are enough. @role and @owner
// stand for two roles.
func TestRights(t *testing.T) {
	t.Parallel()
	owned := "SET ROLE @owner; " + clientsOf(keyField, valueField, timeFields) + "; RESET ROLE; "
	const closed, open = "REVOKE CREATE ON SCHEMA public FROM PUBLIC; ", "GRANT CREATE ON SCHEMA public TO PUBLIC; "
	for name, tt := range map[string]struct {
		setup, path string // path is "" for the default search_path
		found, sql  string
	}{
		"no CREATE":           {closed, "", "role @role may not create tables in schema public", "GRANT CREATE ON SCHEMA public TO @role"},
		"no CREATE elsewhere": {`CREATE SCHEMA "Own"; GRANT USAGE ON SCHEMA "Own" TO @role`, `"Own"`, `may not create tables in schema "Own"`, `GRANT CREATE ON SCHEMA "Own" TO @role`},
		"not the owner":       {open + owned, "", "public.oauth_clients belongs to role @owner, and role @role may not alter it", "GRANT @owner TO @role"},
		"neither":             {open + owned + closed, "", "may not create tables in schema public; public.oauth_clients belongs to role @owner", "GRANT CREATE ON SCHEMA public TO @role; GRANT @owner TO @role"},
		"does not inherit":    {open + owned + "ALTER ROLE @role NOINHERIT; GRANT @owner TO @role", "", "belongs to role @owner", "GRANT @owner TO @role"},
		"a superuser's table": {open + clientsOf(keyField, valueField, timeFields), "", "belongs to role postgres", "ALTER TABLE public.oauth_clients OWNER TO @role"},
		"no such schema":      {open, "keep", "role @role has no schema to create tables in: search_path is keep", "CREATE SCHEMA keep AUTHORIZATION @role"},
		"a locked schema":     {open + `CREATE SCHEMA "Own"`, `"Own"`, "has no schema to create tables in", `GRANT USAGE, CREATE ON SCHEMA "Own" TO @role`},
		"no schema at all":    {open, `""`, "search_path is empty", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin := dbtest.Postgres().EmptyURL(t)
			_, owner := dbtest.NewRole(t, admin)
			url, role := dbtest.NewRole(t, admin)
			named := strings.NewReplacer("@owner", owner, "@role", role)
			conn := dbtest.SQL(t, admin)
			dbtest.Exec(t, conn, open) // for the owner to make the table
			dbtest.Exec(t, conn, named.Replace(tt.setup))
			if tt.path != "" {
				url = dbtest.WithQuery(t, url, "search_path", tt.path)
			}
			refused := wantRefusal(t, admin, url, named.Replace(tt.found))
			if want := named.Replace(tt.sql); !strings.Contains(refused.SQL, want) || want == "" && refused.SQL != "" {
				t.Errorf("SQL = %s, want %s", refused.SQL, want)
			}
			if refused.SQL != "" {
				dbtest.Exec(t, conn, refused.SQL)
				up(t, dbtest.Open(t, url))
			}
		})
	}
}

// TestOthersDatabase: mcpkeep works in a database, and next to a table, of another role
// that has given it the rights.
func TestOthersDatabase(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().EmptyURL(t)
	conn := dbtest.SQL(t, admin)
	_, owner := dbtest.NewRole(t, admin)
	url, role := dbtest.NewRole(t, admin)
	name := dbtest.Value[string](t, conn, "SELECT quote_ident(current_database())")
	dbtest.Exec(t, conn, "ALTER DATABASE "+name+" OWNER TO "+owner)
	dbtest.Exec(t, conn, "SET ROLE "+owner+"; GRANT CREATE ON SCHEMA public TO "+role+"; RESET ROLE")
	makeOthers(t, conn)
	before := othersRows(t, conn)
	d := dbtest.Open(t, url)
	up(t, d)
	own := dbtest.SQL(t, url)
	for _, f := range fixture {
		dbtest.Exec(t, own, f.insert, f.args...)
	}
	if after := othersRows(t, conn); after != before {
		t.Errorf("rows of others:\n%s\nbefore:\n%s", after, before)
	}
}

// TestUndoNeedsTheOwner: a role that may only use the tables undoes nothing.
func TestUndoNeedsTheOwner(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	url, role := dbtest.NewRole(t, admin)
	dbtest.Exec(t, dbtest.SQL(t, admin), "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	before := dbtest.Snapshot(t, admin)
	d := dbtest.Open(t, url)
	_, err := d.MigrateDown(t.Context(), db.NeededVersion())
	if err == nil || !strings.Contains(err.Error(), "belongs to role postgres") {
		t.Errorf("MigrateDown: %v", err)
	}
	if after := dbtest.Snapshot(t, admin); after != before {
		t.Error("something was undone")
	}
}
