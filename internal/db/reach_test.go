package db_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// TestRefusedForGood: what the server says is told with its fix, and is not that it
// does not answer.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	conn := dbtest.SQL(t, admin)
	roleURL, role := dbtest.NewRole(t, admin)
	locked, lockedRole := dbtest.NewRole(t, admin)
	dbtest.Exec(t, conn, "ALTER ROLE "+lockedRole+" NOLOGIN")
	name := dbtest.Value[string](t, conn, "SELECT quote_ident(current_database())")
	dbtest.Exec(t, conn, "REVOKE CONNECT ON DATABASE "+name+" FROM PUBLIC")
	for test, tt := range map[string]struct{ url, found, fix string }{
		"role":          {dbtest.WithUser(t, admin, "not_there"), "the server has no role not_there", "CREATE ROLE not_there LOGIN"},
		"database":      {dbtest.WithQuery(t, admin, "dbname", "not there"), `the server has no database "not there"`, `CREATE DATABASE "not there" OWNER postgres`},
		"no login":      {locked, "may not log in", "ALTER ROLE " + lockedRole + " LOGIN"},
		"no CONNECT":    {roleURL, "may not connect to database " + name, "GRANT CONNECT ON DATABASE " + name + " TO " + role},
		"a bad value":   {dbtest.WithQuery(t, admin, "statement_timeout", "soon"), "does not accept the parameter statement_timeout of the URL", "remove it"},
		"a bad setting": {dbtest.WithQuery(t, admin, "options", "-c nonsense=1"), "does not accept a parameter of the URL", "remove it"},
	} {
		t.Run(test, func(t *testing.T) { wantRefused(t, tt.url, tt.found, tt.fix) })
	}
}

func wantRefused(t *testing.T, url, found, fix string) {
	t.Helper()
	d := dbtest.Open(t, url)
	err := d.Ping(t.Context())
	var refused *db.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Found, found) || !strings.Contains(refused.Fix, fix) {
		t.Errorf("%v\nwant %s … %s", err, found, fix)
	}
	if d.Classify(err) != db.Unavailable {
		t.Errorf("%v has kind %d, want Unavailable", err, d.Classify(err))
	}
}

// TestRefusedPassword: wrong, or no line in pg_hba.conf that lets it in.
func TestRefusedPassword(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	conn := dbtest.SQL(t, cluster.DSN())
	dbtest.Exec(t, conn, "CREATE ROLE app LOGIN PASSWORD 'right'")
	dbtest.Exec(t, conn, "CREATE ROLE other LOGIN PASSWORD 'right'")
	hba := dbtest.Value[string](t, conn, "SELECT current_setting('hba_file')")
	if err := os.WriteFile(hba, []byte("local all postgres trust\nlocal all app scram-sha-256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dbtest.Exec(t, conn, "SELECT pg_reload_conf()")
	app := dbtest.WithQuery(t, dbtest.WithUser(t, cluster.DSN(), "app"), "password", "hunter2")
	for range 100 { // the server reads the file when it gets to it
		if err := dbtest.Open(t, app).Ping(t.Context()); err != nil {
			break
		}
	}
	wantRefused(t, app, "does not accept the password of role app", "percent-encoded")
	wantRefused(t, dbtest.WithUser(t, cluster.DSN(), "other"), "no entry in pg_hba.conf", "add a line such as `host postgres other ADDRESS")
	if err := dbtest.Open(t, dbtest.WithQuery(t, app, "password", "right")).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestFolders: what keeps SQLite from making its files is said with what to do.
func TestFolders(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "not here")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(missing, "x.db"): "mkdir -p '" + missing + "'",
		filepath.Join(file, "x.db"):    "is not a folder",
	} {
		d, err := db.Open(t.Context(), "sqlite:"+path)
		var refused *db.RefusedError
		if d != nil || !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, %v, want %s", d, err, want)
		}
	}
}

// TestUnreachableOnce: the error of a server that is away names each address once, on one
// line, and stays an error of the driver.
func TestUnreachableOnce(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:sesame@127.0.0.1:1/d":                 "the database is not responding: failed to connect to `user=u database=d`: 127.0.0.1:1: connect: connection refused",
		"postgres://u:sesame@127.0.0.1:1/d?sslmode=disable": "the database is not responding: failed to connect to `user=u database=d`: 127.0.0.1:1: connect: connection refused",
		"postgres://u:sesame@[::1]:1,127.0.0.1:1/d":         "the database is not responding: failed to connect to `user=u database=d`: [::1]:1: connect: connection refused; 127.0.0.1:1: connect: connection refused",
	} {
		d := dbtest.Open(t, url)
		err := d.Ping(t.Context())
		if err == nil {
			t.Fatalf("%s answers", url)
		}
		if strings.Contains(err.Error(), "cannot assign") { // no IPv6 here
			continue
		}
		if got := err.Error(); got != want || d.Classify(err) != db.Unavailable || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s:\n got %s\nwant %s", url, got, want)
		}
	}
}
