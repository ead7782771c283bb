//go:build cloud

package cloud_test

import (
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	keysSecret  = "projects/" + gcptest.Project + "/secrets/mcpkeep-keys"
	loginSecret = "projects/" + gcptest.Project + "/secrets/mcpkeep-password"
)

// world is a Google Cloud project with an instance of Cloud SQL and a service account.
type world struct {
	*gcptest.Cloud
	*gcptest.Instance
	authority *authority
	admin     string // URL of the database for the tests themselves
	key       string
}

func newWorld(t *testing.T, settings ...pgtest.Option) *world {
	t.Helper()
	cluster := pgtest.NewCluster(t, settings...)
	w := &world{Cloud: gcptest.New(t), authority: newAuthority(t), key: harness.NewKey(t)}
	w.Instance = gcptest.Serve(t, w.Cloud, cluster.DSN(), w.authority.issue(t, longLived))
	dsn, err := url.Parse(cluster.DSN())
	must(t, err)
	dsn.Path = "/" + gcptest.Database
	w.admin = dsn.String()
	return w
}

// doors are the database URLs of the ways to the instance.
func (w *world) doors() map[string]string {
	return map[string]string{
		"TLS":    "postgres://" + w.Addr + "/" + gcptest.Database + "?sslmode=verify-ca&sslrootcert=" + url.QueryEscape(w.authority.file),
		"socket": "host=" + w.Socket + " dbname=" + gcptest.Database,
	}
}

// options are those of a service whose secrets are all in Secret Manager. It has the
// environment that Cloud Run documents.
func (w *world) options(database string) harness.Options {
	return harness.Options{Database: database, Env: append(w.Environ(),
		"K_SERVICE=mcp", "K_REVISION=mcp-00001-abc", "K_CONFIGURATION=mcp", "HOME=/nonexistent",
		"MCPKEEP_DATABASE_AUTH=google-iam",
		"MCPKEEP_ENCRYPTION_KEYS=gcpsecret:"+w.AddVersion(keysSecret, w.key+"\n"),
		"MCPKEEP_LOCAL_PASSWORD=gcpsecret:"+w.AddVersion(loginSecret, harness.Password),
	)}
}

// connect opens a connection to the database next to the service.
func (w *world) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.admin)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}
