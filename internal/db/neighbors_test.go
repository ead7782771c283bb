package db_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// others are tables of other programs, with names that frameworks use, and the table
// of an application that uses goose too and is at version 20.
const others = `
CREATE TABLE events (id INTEGER PRIMARY KEY, what TEXT);
CREATE TABLE encryption_keys (id INTEGER PRIMARY KEY, secret TEXT);
CREATE TABLE oauth_access_tokens (id INTEGER PRIMARY KEY, token TEXT);
CREATE TABLE oauth_refresh_tokens (id INTEGER PRIMARY KEY, token TEXT);
CREATE TABLE oauth_users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id BIGINT NOT NULL, is_applied BOOLEAN NOT NULL);
CREATE INDEX events_created_at_idx ON events (what);
INSERT INTO events VALUES (1, 'theirs');
INSERT INTO encryption_keys VALUES (1, 'theirs');
INSERT INTO oauth_access_tokens VALUES (1, 'theirs');
INSERT INTO oauth_refresh_tokens VALUES (1, 'theirs');
INSERT INTO oauth_users VALUES (1, 'theirs');
`

func makeOthers(t *testing.T, conn *sql.DB) {
	t.Helper()
	dbtest.Exec(t, conn, others)
	for version := range 21 {
		dbtest.Exec(t, conn, fmt.Sprintf("INSERT INTO goose_db_version VALUES (%[1]d, %[1]d, TRUE)", version))
	}
}

// othersRows are all rows of the other programs.
func othersRows(t *testing.T, conn *sql.DB) string {
	t.Helper()
	var b strings.Builder
	for _, table := range []string{"events", "encryption_keys", "oauth_access_tokens", "oauth_refresh_tokens", "oauth_users", "goose_db_version"} {
		_, _ = fmt.Fprintln(&b, table, dbtest.Rows(t, conn, "SELECT * FROM "+table+" ORDER BY 1"))
	}
	return b.String()
}

// TestBesideOthers: neither a table of another program nor its goose is in the way,
// and undoing everything leaves the database as it was, but for the clients.
func TestBesideOthers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.EmptyURL(t)
		conn := dbtest.SQL(t, url)
		makeOthers(t, conn)
		before, snapshot := othersRows(t, conn), dbtest.Snapshot(t, url)
		d := dbtest.Open(t, url)
		applied, err := d.Migrate(t.Context())
		if err != nil || len(applied) != int(db.NeededVersion()) {
			t.Fatalf("Migrate = %v, %v", applied, err)
		}
		wantVersion(t, d, db.NeededVersion())
		if diff := cmp.Diff(before, othersRows(t, conn)); diff != "" {
			t.Errorf("rows of others (-before +after):\n%s", diff)
		}
		down(t, d)
		dbtest.Exec(t, conn, "DROP TABLE oauth_clients")
		dbtest.Exec(t, conn, "DROP TABLE mcpkeep_schema_version")
		if diff := cmp.Diff(snapshot, dbtest.Snapshot(t, url)); e.Name == "postgres" && diff != "" {
			t.Errorf("the database after up and down (-before +after):\n%s", diff)
		}
	})
}

// TestNames: each table, index, constraint, sequence and type of ours has a name of
// ours, but for those that the deployed oauth_clients has.
func TestNames(t *testing.T) {
	t.Parallel()
	deployed := map[string]bool{
		"oauth_clients": true, "oauth_clients_pkey": true, "oauth_clients_updated_at_idx": true, "_oauth_clients": true,
		"sqlite_autoindex_oauth_clients_1": true, "sqlite_sequence": true,
	}
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		query := `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
			UNION SELECT conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace
			UNION SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace`
		if e.Name == "sqlite" {
			query = "SELECT name FROM sqlite_master"
		}
		found := dbtest.Rows(t, dbtest.SQL(t, e.URL(t)), query)
		for _, row := range found {
			name := strings.TrimPrefix(strings.TrimPrefix(row[0], "_"), "sqlite_autoindex_")
			if !strings.HasPrefix(name, "mcpkeep_") && !deployed[row[0]] {
				t.Errorf("%s is a name that others may use", row[0])
			}
		}
		if len(found) < 40 {
			t.Errorf("only %d names were looked at", len(found))
		}
	})
}

// TestSearchPath: mcpkeep lives in the schema that the URL names, next to another
// mcpkeep in public or a program that has its names there.
func TestSearchPath(t *testing.T) {
	t.Parallel()
	foreign := others + "CREATE TABLE oauth_clients (id INTEGER, secret TEXT); CREATE TABLE mcpkeep_events (id INTEGER); CREATE TABLE mcpkeep_schema_version (v TEXT)"
	for name, parameter := range map[string][2]string{
		"parameter":  {"search_path", "keep"},
		"option":     {"options", "-csearch_path=keep"},
		"and public": {"search_path", "keep,public"},
	} {
		for _, public := range []string{"foreign", "ours"} {
			t.Run(name+" "+public, func(t *testing.T) {
				t.Parallel()
				admin := dbtest.Postgres().EmptyURL(t)
				if public == "ours" {
					admin = dbtest.Postgres().URL(t)
				}
				conn := dbtest.SQL(t, admin)
				if public == "foreign" {
					dbtest.Exec(t, conn, foreign)
				}
				dbtest.Exec(t, conn, "CREATE SCHEMA keep")
				before := tablesIn(t, conn, "public")
				d := dbtest.Open(t, dbtest.WithQuery(t, admin, parameter[0], parameter[1]))
				up(t, d)
				fill(t, dbtest.SQL(t, dbtest.WithQuery(t, admin, "search_path", "keep")))
				if diff := cmp.Diff(before, tablesIn(t, conn, "public")); diff != "" {
					t.Errorf("tables in public (-before +after):\n%s", diff)
				}
				want := append(dbtest.Tables(t, dbtest.SQL(t, dbtest.Postgres().URL(t))), "mcpkeep_schema_version")
				if got := tablesIn(t, conn, "keep"); len(got) != len(want) {
					t.Errorf("tables in keep: %v, want %v", got, want)
				}
				if got, err := d.Diagnose(t.Context()); err != nil || got.Server.Schema != "keep" || len(got.Server.Unwritable) > 0 {
					t.Errorf("%+v, %v", got.Server, err)
				}
				down(t, d)
				if got := tablesIn(t, conn, "keep"); len(got) != 2 { // oauth_clients, mcpkeep_schema_version
					t.Errorf("tables in keep after all was undone: %v", got)
				}
				if diff := cmp.Diff(before, tablesIn(t, conn, "public")); diff != "" {
					t.Errorf("tables in public after that (-before +after):\n%s", diff)
				}
			})
		}
	}
}

// tablesIn lists a schema's tables and how many rows each has.
func tablesIn(t *testing.T, conn *sql.DB, schema string) []string {
	t.Helper()
	var tables []string
	for _, row := range dbtest.Rows(t, conn, "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", schema) {
		n := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM "+schema+"."+row[0])
		tables = append(tables, fmt.Sprint(row[0], " ", n))
	}
	return tables
}
