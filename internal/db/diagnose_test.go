package db_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestDiagnoseServer: a sound server, directly.
func TestDiagnoseServer(t *testing.T) {
	t.Parallel()
	got, err := dbtest.Postgres().Open(t).Diagnose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := got.Server
	if s == nil || got.File != nil || s.VersionNum < 140000 || s.Standby || s.ReadOnly || !s.MayCreate ||
		s.Schema != "public" || s.Isolation != "read committed" || len(s.Unwritable) > 0 || s.Pooled || s.Clock.Abs() > time.Second+s.RoundTrip {
		t.Errorf("%+v", s)
	}
}

// TestDiagnoseTables: the tables whose rights are looked at are all that there are.
func TestDiagnoseTables(t *testing.T) {
	t.Parallel()
	dsn := dbtest.Postgres().URL(t)
	conn := dbtest.SQL(t, dsn)
	all := append(dbtest.Tables(t, conn), "mcpkeep_schema_version")
	slices.Sort(all)
	role := "diagnose_" + dbtest.Value[string](t, conn, "SELECT substr(md5(random()::text), 1, 12)")
	dbtest.Exec(t, conn, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() { dropRole(t, conn, role) })
	got, err := dbtest.Open(t, withUser(t, dsn, role)).Diagnose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Server.Unwritable, all) {
		t.Errorf("looked at %v, want %v", got.Server.Unwritable, all)
	}
}

// dropRole removes a role and its rights here.
func dropRole(t *testing.T, conn *sql.DB, role string) {
	t.Helper()
	if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
		t.Errorf("drop the role of this test: %v", err)
	}
}

// withUser is a database's URL for another user.
func withUser(t *testing.T, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	if q := u.Query(); q.Has("user") {
		q.Set("user", role)
		u.RawQuery = q.Encode()
	}
	return u.String()
}

func TestDiagnoseFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	got, err := db.DiagnoseFile(path)
	if err != nil || got.File.Mode != 0 || !got.File.FolderWritable {
		t.Errorf("missing: %+v, %v", got.File, err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file was made")
	}
	d := dbtest.Open(t, "sqlite:"+path)
	got, err = d.Diagnose(t.Context())
	if err != nil || got.File.Mode.Perm() != 0o600 {
		t.Errorf("made: %+v, %v", got.File, err)
	}
	if _, err := db.DiagnoseFile(filepath.Join(path, "below a file", "x.db")); err == nil {
		t.Error("a folder that is none")
	}
}
