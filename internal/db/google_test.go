package db_test

import (
	"errors"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
)

// cloudSQL is an instance of a project whose service account is one of its users.
type cloudSQL struct {
	*gcptest.Instance
	*gcptest.Cloud
	authority string // file
}

func newCloudSQL(t *testing.T) cloudSQL {
	t.Helper()
	cloud := gcptest.New(t)
	cloud.Use(t)
	certificate, _, authority := fetchtest.Authority(t)
	return cloudSQL{gcptest.Serve(t, cloud, pgtest.NewCluster(t).DSN(), certificate), cloud, authority}
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
			if err != nil || diagnosis.Server.Role != `"`+gcptest.Role+`"` {
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
		"token":   {func() { s.SetAccount(false) }, func() { s.SetAccount(true) }, "gcloud iam service-accounts enable"},
		"no user": {func() { s.RemoveUser(gcptest.Role) }, func() { s.AddUser(gcptest.Role) }, "gcloud sql users create " + gcptest.Role + " --type cloud_iam_service_account --instance "},
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
		"missing socket": {"host=/cloudsql/acme:europe-west1:db dbname=d", "--add-cloudsql-instances acme:europe-west1:db"},
	} {
		_, err := opened(t, tt.url)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v; want %s", name, err, tt.want)
		}
	}
}

// TestGoogleTokenExchanged: the instance's clock decides when a token ends. One that it does
// not take any more is exchanged without an error.
func TestGoogleTokenExchanged(t *testing.T) {
	s := newCloudSQL(t)
	s.SetEarly(time.Hour - time.Second)
	d, err := opened(t, s.urls()["socket"])
	if err != nil {
		t.Fatal(err)
	}
	before := len(s.Issued())
	time.Sleep(1100 * time.Millisecond) // until the token has ended
	s.SetEarly(0)
	s.Disconnect()
	if err := d.Ping(t.Context()); err != nil || len(s.Issued()) != before+1 {
		t.Errorf("%v, with %d new tokens", err, len(s.Issued())-before)
	}
}

// TestAuthorityRotates: a server's certificate of a new authority is taken when the file or the
// secret has the new authority, without a start, and not before.
func TestAuthorityRotates(t *testing.T) {
	s := newCloudSQL(t)
	const secret = "projects/" + gcptest.Project + "/secrets/server-ca"
	first, err := os.ReadFile(s.authority)
	if err != nil {
		t.Fatal(err)
	}
	s.AddVersion(secret, string(first))
	databases := map[string]*db.DB{}
	for name, root := range map[string]string{"file": s.authority, "secret": "gcpsecret:" + secret + "/versions/latest"} {
		if databases[name], err = opened(t, "postgres://"+s.Addr+"/keep?sslmode=verify-ca&sslrootcert="+root); err != nil {
			t.Fatal(err)
		}
	}
	certificate, _, file := fetchtest.Authority(t)
	s.SetCertificate(certificate)
	s.Disconnect()
	for name, d := range databases {
		if err := d.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "gcloud sql ssl server-ca-certs list --instance INSTANCE --project acme-prod") {
			t.Errorf("%s: %v before the new authority is known", name, err)
		}
	}
	second, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.AddVersion(secret, string(first)+string(second))
	if err := os.WriteFile(s.authority, append(first, second...), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, d := range databases {
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			if err = d.Ping(t.Context()); err == nil || time.Since(began) > 5*time.Second {
				break
			}
		}
		if err != nil {
			t.Errorf("%s: %v with the new authority", name, err)
		}
	}
}

// TestAuthorityRefused: an authority that cannot be read, or is not used, stops the start.
func TestAuthorityRefused(t *testing.T) {
	cloud := gcptest.New(t)
	cloud.Use(t)
	version := cloud.AddVersion("projects/"+gcptest.Project+"/secrets/ca", "sesame")
	for name, tt := range map[string]struct{ url, want string }{
		"no such version": {"postgres://127.0.0.1/d?sslmode=verify-ca&sslrootcert=gcpsecret:projects/p/secrets/none/versions/1", "sslrootcert of the database URL: gcpsecret:projects/p/secrets/none/versions/1: there is no such"},
		"malformed":       {"postgres://127.0.0.1/d?sslmode=verify-ca&sslrootcert=gcpsecret:none", "has no version"},
		"no such file":    {"postgres://127.0.0.1/d?sslmode=verify-ca&sslrootcert=/nonexistent/sesame", "cannot be read: no such file"},
		"a folder":        {"postgres://127.0.0.1/d?sslmode=verify-ca&sslrootcert=/", "cannot be read: is a directory"},
		"not PEM in file": {"postgres://127.0.0.1/d?sslmode=verify-ca&sslrootcert=/etc/passwd", "no certificate in PEM"},
		"not PEM":         {"postgres://127.0.0.1/d?sslmode=verify-ca&sslrootcert=gcpsecret:" + version, "no certificate in PEM"},
	} {
		if _, err := opened(t, tt.url); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v; want %s", name, err, tt.want)
		}
	}
	_, _, file := fetchtest.Authority(t)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	version = cloud.AddVersion("projects/"+gcptest.Project+"/secrets/ca", string(content))
	_, err = db.Open(t.Context(), "postgres://u@127.0.0.1/d?sslmode=require&sslrootcert=gcpsecret:"+version)
	if !errors.Is(err, db.ErrBadURL) || !strings.Contains(err.Error(), "sslmode=verify-ca") {
		t.Errorf("sslmode=require: %v", err)
	}
}

// TestAuthorityNeedsTheHost: with verify-full, a certificate for another host is not taken.
func TestAuthorityNeedsTheHost(t *testing.T) {
	s := newCloudSQL(t)
	const other = "127.0.0.2"
	if err := s.Move(other); err != nil {
		t.Skipf("no second address of this machine: %v", err)
	}
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	address := "postgres://" + net.JoinHostPort(other, port) + "/keep?sslrootcert=" + s.authority
	if _, err := opened(t, address+"&sslmode=verify-full"); err == nil || !strings.Contains(err.Error(), "for another host name") {
		t.Errorf("verify-full: %v", err)
	}
	if _, err := opened(t, address+"&sslmode=verify-ca"); err != nil {
		t.Errorf("verify-ca: %v", err)
	}
}
