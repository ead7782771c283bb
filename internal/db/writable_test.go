package db_test

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// wantReason checks that an error is Unavailable, for a reason.
func wantReason(t *testing.T, d *db.DB, err error, reason string) {
	t.Helper()
	wantKind(t, d, err, db.Unavailable)
	if got := d.Reason(err); !strings.Contains(got, reason) {
		t.Errorf("%v has reason %q, want %q", err, got, reason)
	}
}

// TestReadOnlyWindow: connections that were opened while the database took no writes are
// not kept.
func TestReadOnlyWindow(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	d, conn := dbtest.Open(t, admin), dbtest.SQL(t, admin)
	name := dbtest.Value[string](t, conn, "SELECT quote_ident(current_database())")
	for range 2 {
		if err := write(t.Context(), d, "k"); err != nil && d.Classify(err) != db.Unique {
			t.Fatal(err)
		}
		dbtest.Exec(t, conn, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
		dbtest.Value[int64](t, conn, terminate)
		for range 12 { // more than the pool holds
			wantReason(t, d, write(t.Context(), d, "refused"), "read-only")
			_, err := d.Read().CountClients(t.Context())
			wantReason(t, d, err, "read-only") // it may be a standby, which knows nothing of revocations
		}
		wantReason(t, d, d.Writable(t.Context()), "read-only")
		dbtest.Exec(t, conn, "SET default_transaction_read_only = off")
		dbtest.Exec(t, conn, "ALTER DATABASE "+name+" RESET default_transaction_read_only")
		if err := d.Writable(t.Context()); err != nil {
			t.Errorf("with a database that takes writes again: %v", err)
		}
	}
	if n := countClients(t, conn); n != 1 {
		t.Errorf("%d rows, want the one that was acknowledged", n)
	}
}

// TestReadOnlyUnderConnections: a connection that meets a read-only transaction ends, and
// no other one of the pool is used before it was looked at again.
func TestReadOnlyUnderConnections(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	d := dbtest.Open(t, cluster.DSN())
	up(t, d)
	conn := dbtest.SQL(t, cluster.DSN())
	occupy(t, d, d.Ping)
	dbtest.Exec(t, conn, "ALTER SYSTEM SET default_transaction_read_only = on")
	dbtest.Exec(t, conn, "SELECT pg_reload_conf()")
	for d.Writable(t.Context()) == nil { // each process reads the setting when it gets to it
		continue
	}
	for write(t.Context(), d, "refused") == nil {
		continue
	}
	wantReason(t, d, write(t.Context(), d, "refused too"), "read-only")
	for range 12 {
		_, err := d.Read().CountClients(t.Context())
		wantReason(t, d, err, "read-only")
	}
}

// TestSeveralHosts: of several hosts the one that takes writes is used, without a word
// about it in the URL, and in spite of one.
func TestSeveralHosts(t *testing.T) {
	t.Parallel()
	standby := pgtest.NewCluster(t, pgtest.Setting("default_transaction_read_only", "on"))
	primary := pgtest.NewCluster(t)
	both := dbtest.WithQuery(t, primary.DSN(), "host", hostOf(t, standby.DSN())+","+hostOf(t, primary.DSN()))
	for _, dbURL := range []string{both, dbtest.WithQuery(t, both, "target_session_attrs", "any")} {
		d := dbtest.Open(t, dbURL)
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Ping(t.Context()), d.Writable(t.Context())); err != nil {
			t.Error(err)
		}
	}
	only := dbtest.Open(t, standby.DSN())
	wantReason(t, only, only.Ping(t.Context()), "read-only")
	diagnosed, err := db.OpenToDiagnose(t.Context(), standby.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = diagnosed.Close() }()
	if found, err := diagnosed.Diagnose(t.Context()); err != nil || !found.Server.ReadOnly {
		t.Errorf("Diagnose = %+v, %v, want a read-only server", found.Server, err)
	}
}

// TestMissingRight: each right that is missing on one table is found, and named.
func TestMissingRight(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	dbURL, role := dbtest.NewRole(t, admin)
	conn := dbtest.SQL(t, admin)
	dbtest.Exec(t, conn, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	d := dbtest.Open(t, dbURL)
	for _, table := range dbtest.Tables(t, conn) {
		for _, right := range []string{"SELECT", "INSERT", "UPDATE", "DELETE"} {
			if table == "mcpkeep_schema_version" && right != "SELECT" {
				continue
			}
			if err := d.Writable(t.Context()); err != nil {
				t.Fatalf("with all rights: %v", err)
			}
			dbtest.Exec(t, conn, "REVOKE "+right+" ON "+table+" FROM "+role)
			wantReason(t, d, d.Writable(t.Context()), "may not read and write "+table+";")
			dbtest.Exec(t, conn, "GRANT "+right+" ON "+table+" TO "+role)
		}
	}
	dbtest.Exec(t, conn, "REVOKE INSERT ON oauth_clients FROM "+role)
	wantReason(t, d, write(t.Context(), d, "refused"), "lacks a right")
}

// TestFileMoved: nothing is read from or written to a file that its path does not name
// any more, and all is well when it is back.
func TestFileMoved(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(path string) error{
		"moved": func(path string) error { return os.Rename(path, path+".away") },
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".away"), os.WriteFile(path, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbURL := dbtest.SQLite().URL(t)
			path, _ := db.IsSQLite(dbURL)
			d := dbtest.Open(t, dbURL)
			if err := errors.Join(write(t.Context(), d, "before"), d.Writable(t.Context()), d.InPlace(), move(path)); err != nil {
				t.Fatal(err)
			}
			_, batch := d.InBatch(t.Context(), func(q db.Querier) error { return q.ProbeWrite(t.Context(), 1) })
			for _, err := range []error{d.InPlace(), d.Writable(t.Context()), write(t.Context(), d, "refused"), batch} {
				wantReason(t, d, err, "deleted or replaced")
			}
			if err := os.Rename(path+".away", path); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(d.InPlace(), d.Writable(t.Context()), write(t.Context(), d, "after")); err != nil {
				t.Errorf("with the file back: %v", err)
			}
		})
	}
}

// TestFileMovedInTransaction: a transaction is not acknowledged either.
func TestFileMovedInTransaction(t *testing.T) {
	t.Parallel()
	dbURL := dbtest.SQLite().URL(t)
	path, _ := db.IsSQLite(dbURL)
	d := dbtest.Open(t, dbURL)
	err := d.InTx(t.Context(), func(db.Querier) error { return os.Rename(path, path+".away") })
	wantReason(t, d, err, "deleted or replaced")
}

// TestMalformed: a file with broken pages is unavailable until it is found sound.
func TestMalformed(t *testing.T) {
	t.Parallel()
	dbURL := dbtest.SQLite().URL(t)
	path, _ := db.IsSQLite(dbURL)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := slices.Clone(sound)
	conn := dbtest.SQL(t, dbURL)
	const page = 4096
	for _, root := range dbtest.Rows(t, conn, "SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'oauth_clients'") {
		n, _ := strconv.Atoi(root[0])
		copy(broken[(n-1)*page:n*page], bytes.Repeat([]byte{0x5a}, page))
	}
	_ = conn.Close() // which leaves no write-ahead log
	if err := os.WriteFile(path, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	d := dbtest.Open(t, dbURL)
	_, err = d.Read().CountClients(t.Context())
	wantReason(t, d, err, "malformed")
	wantReason(t, d, d.Writable(t.Context()), "malformed")
	if err := os.WriteFile(path, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Writable(t.Context()); err != nil {
		t.Errorf("with a sound file: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database", 999)), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := db.Open(t.Context(), dbURL)
	if err == nil {
		_ = other.Close()
		t.Error("opened a file that is no database")
	}
}

// hostOf is the folder of a cluster's socket.
func hostOf(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}
