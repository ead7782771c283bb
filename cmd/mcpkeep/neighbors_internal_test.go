package main

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// refusedSetups are databases that mcpkeep may not enter. The URL's role owns nothing.
var refusedSetups = map[string]struct{ setup, path, found string }{
	"foreign oauth_clients": {"CREATE TABLE oauth_clients (client_id TEXT, value BYTEA)", "", "it has no column key"},
	"foreign table of ours": {"CREATE TABLE mcpkeep_events (id INTEGER)", "", "already has mcpkeep_events"},
	"foreign version table": {"CREATE TABLE mcpkeep_schema_version (v TEXT)", "", "mcpkeep_schema_version belongs to another program"},
	"another owner": {`CREATE TABLE oauth_clients (key TEXT PRIMARY KEY, value JSONB NOT NULL, created_at TIMESTAMP, updated_at TIMESTAMP)`,
		"", "public.oauth_clients belongs to role postgres"},
	"no CREATE": {"REVOKE CREATE ON SCHEMA public FROM PUBLIC", "", "may not create tables in schema public"},
	"no schema": {"SELECT 1", "keep", "has no schema to create tables in"},
}

// TestRefusedDatabases: `migrate up` and `serve` stop with the same line and change
// nothing, and the doctor says what they say.
func TestRefusedDatabases(t *testing.T) {
	for name, tt := range refusedSetups {
		t.Run(name, func(t *testing.T) {
			admin := dbtest.Postgres().EmptyURL(t)
			conn := dbtest.SQL(t, admin)
			dbtest.Exec(t, conn, "GRANT CREATE ON SCHEMA public TO PUBLIC")
			dbtest.Exec(t, conn, tt.setup)
			url, _ := dbtest.NewRole(t, admin)
			if tt.path != "" {
				url = dbtest.WithQuery(t, url, "search_path", tt.path)
			}
			wantRefused(t, admin, url, tt.found)
		})
	}
	t.Run("sqlite", func(t *testing.T) {
		url := dbtest.SQLite().EmptyURL(t)
		dbtest.Exec(t, dbtest.SQL(t, url), "CREATE TABLE oauth_clients (id INTEGER, secret TEXT)")
		wantRefused(t, url, url, "it has no column key")
	})
}

func wantRefused(t *testing.T, admin, url, found string) {
	t.Helper()
	env := map[string]string{"DATABASE_URL": url, "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	before := dbtest.Snapshot(t, admin)
	migrated := command(t, env, "migrate", "up")
	line := strings.TrimPrefix(migrated.err, "mcpkeep: ")
	if migrated.status != exitFailed || migrated.out != "" || strings.Count(migrated.err, "\n") != 1 || !strings.Contains(line, found) {
		t.Errorf("migrate up: status %d\n%s%s\nwant %q", migrated.status, migrated.out, migrated.err, found)
	}
	served := command(t, env, "serve", "--listen", "127.0.0.1:0")
	if served.status != exitFailed || !strings.HasSuffix(served.err, line) {
		t.Errorf("serve: status %d\n%swant\n%s", served.status, served.err, line)
	}
	findings, status := examined(t, env)
	f := findings["schema_migration"]
	if f.Check == "" {
		f = findings["schema_version"] // which cannot be read
	}
	if status != exitFailed || f.Status != doctor.Failed || f.What+": "+f.Fix != strings.TrimSpace(line) {
		t.Errorf("doctor: status %d, %+v, want\n%s", status, f, line)
	}
	if after := dbtest.Snapshot(t, admin); after != before {
		t.Errorf("the database was\n%sand is\n%s", before, after)
	}
}

// TestMigrateGrants: statements for tables that do not exist yet are announced, and a
// mistyped role is not sought in the database URL.
func TestMigrateGrants(t *testing.T) {
	admin := dbtest.Postgres().EmptyURL(t)
	_, role := dbtest.NewRole(t, admin)
	env := map[string]string{"DATABASE_URL": admin}
	command(t, env, "migrate", "grants", strings.Trim(role, `"`)).wants(t, exitOK, "GRANT USAGE ON SCHEMA public TO "+role, "run `mcpkeep migrate up`, then this command again")
	command(t, env, "migrate", "up").wants(t, exitOK)
	got := command(t, env, "migrate", "grants", strings.Trim(role, `"`))
	if got.wants(t, exitOK, "public.mcpkeep_grants"); got.err != "" {
		t.Errorf("a word too many: %s", got.err)
	}
	command(t, env, "migrate", "grants", "not_there").wants(t, exitFailed, "no role not_there: correct its name")
}

// TestServingRole: a server runs with the rights of deploy/grants.sql alone. The doctor is
// content once it knows that another role migrates.
func TestServingRole(t *testing.T) {
	admin := dbtest.Postgres().EmptyURL(t)
	keys := keyring.Generate()
	command(t, map[string]string{"DATABASE_URL": admin}, "migrate", "up").wants(t, exitOK, "")
	env := map[string]string{"DATABASE_URL": dbtest.Serving(t, admin), "MCPKEEP_ENCRYPTION_KEYS": keys}
	for _, migrate := range []string{"true", "false"} {
		served(t, env, "--auto-migrate="+migrate)
		command(t, env, "clients", "create", "--name", "App", "--redirect-uri", "https://app.example/callback").wants(t, exitOK, "")
		env["MCPKEEP_AUTO_MIGRATE"] = migrate
		findings, _ := examined(t, env)
		diagnosed(t, findings, "schema_version", doctor.OK, "is up to date", "")
		diagnosed(t, findings, "keys_on_record", doctor.OK, "", "")
		if migrate == "true" {
			diagnosed(t, findings, "database_writable", doctor.Failed, "may not create tables", "MCPKEEP_AUTO_MIGRATE=false")
		} else {
			diagnosed(t, findings, "database_writable", doctor.OK, "another user migrates", "")
		}
	}
}
