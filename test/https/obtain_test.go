//go:build https

package https_test

import (
	"crypto/tls"
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // reads the file

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const long = 90 * 24 * time.Hour

// TestCertificateByItself: one command, and HTTPS works, with HTTP/2 and without old
// versions of TLS; plain HTTP redirects. A restart and a new machine have the certificate
// immediately, and in the database nothing of it can be read.
func TestCertificateByItself(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, long)
	file := filepath.Join(t.TempDir(), "mcpkeep.db")
	options := harness.Options{Database: "sqlite:" + file, Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}
	r := a.start(t, options)
	serial := a.served(t, r.https, "", 30*time.Second)
	if !strings.HasPrefix(r.Ready, "listening on https://") {
		t.Error(r.Ready)
	}
	res, _, err := get(t.Context(), a.client(r.https), "https://"+host+"/.well-known/oauth-authorization-server")
	requireStatus(t, res, err, http.StatusOK)
	if res.ProtoMajor != 2 || res.TLS.Version != tls.VersionTLS13 {
		t.Errorf("%s over TLS %x", res.Proto, res.TLS.Version)
	}
	old := &tls.Dialer{Config: &tls.Config{RootCAs: a.roots, ServerName: host, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}}
	if c, err := old.DialContext(t.Context(), "tcp", r.https); err == nil {
		_ = c.Close()
		t.Error("TLS 1.1 is accepted")
	}
	res, _, err = get(t.Context(), a.client(r.http), "http://"+host+"/mcp?x=1")
	requireStatus(t, res, err, http.StatusPermanentRedirect)
	if got := res.Header.Get("Location"); got != "https://"+host+"/mcp?x=1" {
		t.Errorf("redirected to %s", got)
	}

	if status := r.Term(); status != 0 {
		t.Errorf("status %d", status)
	}
	if err := r.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := a.served(t, r.https, "", 5*time.Second); got != serial {
		t.Errorf("certificate %s after a restart, %s before", got, serial)
	}
	second := a.start(t, options)
	if got := a.served(t, second.https, "", 5*time.Second); got != serial {
		t.Errorf("certificate %s on another machine, %s before", got, serial)
	}
	if n := a.orders.Load(); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
	sealedIn(t, file)
}

// sealedIn looks for a key in the rows of a database.
func sealedIn(t *testing.T, file string) {
	t.Helper()
	conn, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var keys, open int
	err = conn.QueryRowContext(t.Context(), `SELECT COUNT(*), COALESCE(SUM(value LIKE '%PRIVATE KEY%' OR value NOT LIKE 'gAAAAA%'), 0)
		FROM mcpkeep_tls WHERE name LIKE '%.key'`).Scan(&keys, &open)
	if err != nil || keys != 2 || open != 0 {
		t.Errorf("%d keys, %d of them readable, %v; want those of certificate and account, sealed", keys, open, err)
	}
}

// TestTwoReplicas: two that start at the same moment make one order, answer each other's
// challenges and serve the same certificate.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	for _, e := range harness.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, long)
			options := e.Options(t)
			var replicas [2]*replica
			var all sync.WaitGroup
			for i := range replicas {
				all.Go(func() {
					var err error
					if replicas[i], err = a.tryStart(t, options); err != nil {
						t.Error(err)
					}
				})
			}
			if all.Wait(); t.Failed() {
				return
			}
			first := a.served(t, replicas[0].https, "", 30*time.Second)
			if second := a.served(t, replicas[1].https, "", 30*time.Second); second != first {
				t.Errorf("certificates %s and %s", first, second)
			}
			if n := a.orders.Load(); n != 1 {
				t.Errorf("%d orders, want 1", n)
			}
		})
	}
}

// TestKilledInAnOrder: a process that is killed in the middle of an order leaves a lock
// behind, which the next one takes over.
func TestKilledInAnOrder(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, long)
	ordered, once := make(chan struct{}), sync.Once{}
	a.answer(func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/finalize-order/") {
			return false
		}
		once.Do(func() { close(ordered) })
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the client is gone
		<-r.Context().Done()
		return true
	})
	r := a.start(t, harness.Options{Database: harness.SQLite(t), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}})
	<-ordered
	r.Kill9()
	a.answer(nil)
	if err := r.Restart(); err != nil {
		t.Fatal(err)
	}
	a.served(t, r.https, "", 45*time.Second)
}
