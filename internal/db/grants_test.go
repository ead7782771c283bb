package db_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestServingRole: the role of deploy/grants.sql may read and write each table, is
// content with a current schema, and may change none.
func TestServingRole(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	url := dbtest.Serving(t, admin)
	d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
	if got, err := d.Diagnose(t.Context()); err != nil || len(got.Server.Unwritable) > 0 || got.Server.MayCreate {
		t.Errorf("%+v, %v", got.Server, err)
	}
	fill(t, conn)
	if applied, err := d.Migrate(t.Context()); len(applied) > 0 || err != nil {
		t.Errorf("Migrate = %v, %v, want nothing to do", applied, err)
	}
	if err := d.CheckMigration(t.Context()); err != nil {
		t.Errorf("CheckMigration: %v", err)
	}
	wantVersion(t, d, db.NeededVersion())
	for statement, want := range map[string]string{
		"CREATE TABLE x (id INTEGER)":                 "permission denied for schema public",
		"ALTER TABLE mcpkeep_events ADD COLUMN x INT": "must be owner of table mcpkeep_events",
		"DROP TABLE oauth_clients":                    "must be owner of table oauth_clients",
		"TRUNCATE mcpkeep_events":                     "permission denied for table mcpkeep_events",
		"DELETE FROM mcpkeep_schema_version":          "permission denied for table mcpkeep_schema_version",
	} {
		if _, err := conn.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
}

// TestGrantsInAnotherSchema: the file takes the schema's name, and one more grant is
// all that a role lacks which may not read the version.
func TestGrantsInAnotherSchema(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().EmptyURL(t)
	conn := dbtest.SQL(t, admin)
	dbtest.Exec(t, conn, `CREATE SCHEMA "Own"`)
	up(t, dbtest.Open(t, dbtest.WithQuery(t, admin, "search_path", `"Own"`)))
	url, role := dbtest.NewRole(t, admin)
	url = dbtest.WithQuery(t, url, "search_path", `"Own"`)
	dbtest.Grant(t, admin, strings.Trim(role, `"`), "Own")
	d := dbtest.Open(t, url)
	wantVersion(t, d, db.NeededVersion())

	dbtest.Exec(t, conn, `REVOKE SELECT ON "Own".mcpkeep_schema_version FROM `+role)
	refused := wantRefusal(t, admin, url, "may not read \"Own\".mcpkeep_schema_version")
	dbtest.Exec(t, conn, refused.SQL)
	wantVersion(t, d, db.NeededVersion())
}

// TestGrantsFile: deploy/grants.sql has the statements that the program prints.
func TestGrantsFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/grants.sql")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for statement := range strings.SplitSeq(regexp.MustCompile(`(?m)^--.*$`).ReplaceAllString(string(text), ""), ";") {
		if words := strings.Fields(statement); len(words) > 0 {
			got = append(got, strings.Join(words, " "))
		}
	}
	if diff := cmp.Diff(db.ServingGrants(`:"schema"`, `:"role"`), got); diff != "" {
		t.Errorf("deploy/grants.sql (-want +got):\n%s", diff)
	}
}

// TestGrantsBeforeMigration: FastMCP's table is there and mcpkeep has never started. The statements
// name no table that is not there, so that they can be run together.
func TestGrantsBeforeMigration(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().EmptyURL(t)
	conn := dbtest.SQL(t, admin)
	dbtest.Exec(t, conn, clientsOf(keyField, valueField, timeFields))
	url, role := dbtest.NewRole(t, admin)
	for _, migrate := range []bool{true, false} {
		statements, err := dbtest.Open(t, admin).Grants(t.Context(), strings.Trim(role, `"`), migrate)
		if err != nil {
			t.Fatal(err)
		}
		dbtest.Exec(t, conn, strings.Join(statements, "; "))
	}
	up(t, dbtest.Open(t, url))
}

// TestGrantsAreEnough: a role without any right serves, or migrates, after the printed
// statements, and nothing is missing then.
func TestGrantsAreEnough(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().EmptyURL(t)
	conn := dbtest.SQL(t, admin)
	_, owner := dbtest.NewRole(t, admin)
	dbtest.Exec(t, conn, `CREATE SCHEMA "Own"`)
	dbtest.Exec(t, conn, `GRANT USAGE, CREATE ON SCHEMA "Own" TO `+owner)
	dbtest.Exec(t, conn, `SET ROLE `+owner+`; CREATE TABLE "Own".oauth_clients (`+strings.TrimPrefix(clientsOf(keyField, valueField, timeFields), "CREATE TABLE oauth_clients (")+`; RESET ROLE`)
	own := func(url string) string { return dbtest.WithQuery(t, url, "search_path", `"Own"`) }
	up(t, dbtest.Open(t, own(admin)))
	run := func(url string, migrate bool) {
		role := strings.Trim(dbtest.Value[string](t, dbtest.SQL(t, url), "SELECT current_user::text"), `"`)
		statements, err := dbtest.Open(t, own(admin)).Grants(t.Context(), role, migrate)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range statements {
			dbtest.Exec(t, conn, statement)
		}
	}
	for name, migrate := range map[string]bool{"serves": false, "migrates": true} {
		url, _ := dbtest.NewRole(t, admin)
		url = own(url)
		before, err := dbtest.Open(t, url).Diagnose(t.Context())
		if err != nil || len(before.Server.Unwritable) == 0 || len(before.Server.Foreign) == 0 {
			t.Errorf("%s: before: %+v, %v", name, before.Server, err)
		}
		run(url, false)
		if migrate {
			run(url, true)
		}
		after, err := dbtest.Open(t, url).Diagnose(t.Context())
		if err != nil || len(after.Server.Unwritable) > 0 || migrate && (len(after.Server.Foreign) > 0 || !after.Server.MayCreate) {
			t.Errorf("%s: after: %+v, %v", name, after.Server, err)
		}
	}
	if _, err := dbtest.Open(t, own(admin)).Grants(t.Context(), "not there", false); err == nil || !strings.Contains(err.Error(), `no role "not there"`) {
		t.Errorf("Grants of a role that is not there: %v", err)
	}
}
