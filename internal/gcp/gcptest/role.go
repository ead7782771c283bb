package gcptest

import (
	"crypto/tls"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
)

// What Serve makes in a server.
const (
	Role     = "mcpkeep@acme-prod.iam" // of Account
	Database = "keep"
)

// Serve is NewInstance for a PostgreSQL server by the URL of its superuser. It makes Account a
// user of the instance, with a database of its own.
func Serve(t testing.TB, cloud *Cloud, admin string, cert tls.Certificate) *Instance {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range []string{`CREATE ROLE "` + Role + `" LOGIN`, "CREATE DATABASE " + Database + ` OWNER "` + Role + `"`} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	dsn, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	i := NewInstance(t, cloud, filepath.Join(dsn.Query().Get("host"), ".s.PGSQL.5432"), cert)
	i.AddUser(Role)
	return i
}
