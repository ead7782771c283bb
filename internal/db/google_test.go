package db_test

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
)

const serviceRole = "mcpkeep@acme-prod.iam"

// cloudSQL is an instance of a project whose service account is one of its users.
type cloudSQL struct {
	*gcptest.Instance
	*gcptest.Cloud
	authority string // file
}

func newCloudSQL(t *testing.T) cloudSQL {
	t.Helper()
	cluster := pgtest.NewCluster(t)
	admin, err := pgx.Connect(t.Context(), cluster.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(t.Context()) }()
	for _, statement := range []string{`CREATE ROLE "` + serviceRole + `" LOGIN`, `CREATE DATABASE keep OWNER "` + serviceRole + `"`} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	dsn, err := url.Parse(cluster.DSN())
	if err != nil {
		t.Fatal(err)
	}
	cloud := gcptest.New(t)
	cloud.Use(t)
	certificate, _, authority := fetchtest.Authority(t)
	s := cloudSQL{Cloud: cloud, authority: authority}
	s.Instance = gcptest.NewInstance(t, cloud, filepath.Join(dsn.Query().Get("host"), ".s.PGSQL.5432"), certificate)
	s.AddUser(serviceRole)
	return s
}

// urls lead through each of the doors.
func (s cloudSQL) urls() map[string]string {
	return map[string]string{
		"TLS":    "postgres://" + s.Addr + "/keep?sslmode=verify-ca&sslrootcert=" + url.QueryEscape(s.authority),
		"socket": "host=" + s.Socket + " dbname=keep",
	}
}

// opened is a database that logs in as the service account.
func opened(t *testing.T, text string) (*db.DB, error) {
	t.Helper()
	text, ok := db.WithGoogleLogin(text)
	if !ok {
		t.Fatal("not PostgreSQL")
	}
	d, err := db.Open(t.Context(), text)
	if err == nil {
		t.Cleanup(func() { _ = d.Close() })
		err = d.Ping(t.Context())
	}
	return d, err
}

// TestGoogleLogin: no password anywhere, through either door, also for migrations and after
// all connections and tokens are gone.
func TestGoogleLogin(t *testing.T) {
	s := newCloudSQL(t)
	for door, text := range s.urls() {
		t.Run(door, func(t *testing.T) {
			d, err := opened(t, text)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			diagnosis, err := d.Diagnose(t.Context())
			if err != nil || diagnosis.Server.Role != `"`+serviceRole+`"` {
				t.Errorf("%+v, %v", diagnosis.Server, err)
			}
			s.SetLifetime(time.Second) // of the tokens that follow
			defer s.SetLifetime(time.Hour)
			for range 3 {
				s.Disconnect()
				if err := d.Ping(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	t.Run("refused", s.refuses)
}

// refuses: what the instance refuses is said with the role or command that fixes it.
func (s cloudSQL) refuses(t *testing.T) {
	for what, tt := range map[string]struct {
		spoil, restore func()
		want           string
	}{
		"role":    {func() { s.SetRole(gcptest.RoleInstanceUser, false) }, func() { s.SetRole(gcptest.RoleInstanceUser, true) }, "roles/cloudsql.instanceUser"},
		"IAM":     {func() { s.SetIAM(false) }, func() { s.SetIAM(true) }, "cloudsql.iam_authentication=on"},
		"no user": {func() { s.RemoveUser(serviceRole) }, func() { s.AddUser(serviceRole) }, "gcloud sql users create " + serviceRole + " --instance INSTANCE --type cloud_iam_service_account"},
	} {
		tt.spoil()
		for door, text := range s.urls() {
			_, err := opened(t, text)
			var refused *db.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "ya29.") {
				t.Errorf("%s, %s: %v; want %s", what, door, err, tt.want)
			}
		}
		tt.restore()
	}
}

// TestGoogleLoginUnsafe: a token goes to no server that may be another's, and a password has
// no place.
func TestGoogleLoginUnsafe(t *testing.T) {
	gcptest.New(t).Use(t)
	for name, tt := range map[string]struct{ url, want string }{
		"password":       {"postgres://u:sesame@127.0.0.1/d?sslmode=verify-full", "has a password"},
		"no TLS":         {"postgres://127.0.0.1/d?sslmode=disable", "sslmode=verify-ca"},
		"default":        {"postgres://127.0.0.1/d", "sslmode=verify-ca"},
		"prefer":         {"postgres://127.0.0.1/d?sslmode=prefer", "sslmode=verify-ca"},
		"require":        {"postgres://127.0.0.1/d?sslmode=require", "sslmode=verify-ca"},
		"second host":    {"host=/cloudsql/p:r:i,127.0.0.1 dbname=d sslmode=disable", "sslmode=verify-ca"},
		"long socket":    {"host=/cloudsql/" + strings.Repeat("p", 100) + ":europe-west1:i dbname=d", "and Linux takes 107"},
		"missing socket": {"host=/cloudsql/acme:europe-west1:db dbname=d", "--set-cloudsql-instances acme:europe-west1:db"},
	} {
		_, err := opened(t, tt.url)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v; want %s", name, err, tt.want)
		}
	}
}
