package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// Serving makes a role with the rights of deploy/grants.sql and no others, and returns
// the URL of the same database for it. The database is a migrated one, at an
// administrator's URL.
func Serving(t testing.TB, databaseURL string) (roleURL string) {
	t.Helper()
	roleURL, role := NewRole(t, databaseURL)
	Exec(t, SQL(t, databaseURL), "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	Grant(t, databaseURL, strings.Trim(role, `"`), "public")
	return roleURL
}

// Grant runs deploy/grants.sql: with psql, or where that is not installed with its two
// variables replaced.
func Grant(t testing.TB, databaseURL, role, schema string) {
	t.Helper()
	file := filepath.Join(root(t), "deploy", "grants.sql")
	program, err := Program("psql")
	if err != nil {
		Exec(t, SQL(t, databaseURL), grants(t, role, schema))
		return
	}
	cmd := exec.CommandContext(t.Context(), program, databaseURL, "-X", "-v", "ON_ERROR_STOP=1", "-v", "role="+role, "-v", "schema="+schema, "-f", file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql -f %s: %v\n%s", file, err, out)
	}
}

// grants is deploy/grants.sql with its two variables replaced.
func grants(t testing.TB, role, schema string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "deploy", "grants.sql"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`:"role"`, `"`+role+`"`, `:"schema"`, `"`+schema+`"`).Replace(string(text))
}

// servingRole is the role of PostgresServing, one for all databases of a server.
const servingRole = "mcpkeep serving"

// PostgresServing makes databases like Postgres, migrated by an administrator, at the
// URL of a role that has the rights of deploy/grants.sql and no others.
func PostgresServing() Engine {
	return Engine{Name: "postgres", empty: pgtest.New, migrated: func(t testing.TB) string {
		t.Helper()
		name, err := templateName()
		if err != nil {
			t.Fatal(err)
		}
		rights := grants(t, servingRole, "public")
		url := pgtest.NewFromTemplate(t, name+rights, func(url string) error {
			if err := migrate(url); err != nil {
				return err
			}
			return executeAll(url, `DO $$ BEGIN CREATE ROLE "`+servingRole+`" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
				"REVOKE CREATE ON SCHEMA public FROM PUBLIC", rights)
		})
		return WithUser(t, url, servingRole)
	}}
}

func executeAll(url string, statements ...string) (err error) {
	conn, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, statement := range statements {
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			return err
		}
	}
	return nil
}

// root is the nearest folder upwards that has deploy/grants.sql.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "deploy", "grants.sql")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no deploy/grants.sql above the test's folder")
		}
	}
}
