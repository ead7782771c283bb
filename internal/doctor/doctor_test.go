package doctor_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// localDoctor is a local server without a base URL.
func localDoctor(t *testing.T) *doctor.Doctor {
	t.Helper()
	return &doctor.Doctor{
		DatabaseURL: dbtest.SQLite().URL(t), AutoMigrate: true, Provider: identity.Local{}, Loopback: true, Private: true,
		Keys: func() (*keyring.Keyring, error) { return keyring.Parse(keyring.Generate()) },
	}
}

// wants checks one finding.
func wants(t *testing.T, findings []doctor.Finding, check string, status doctor.Status, what string) {
	t.Helper()
	for _, f := range findings {
		if f.Check == check {
			if f.Status != status || !strings.Contains(f.What, what) {
				t.Errorf("%+v\nwant %s, %q", f, status, what)
			}
			return
		}
	}
	t.Errorf("no finding %s in %+v", check, findings)
}

// certificate makes a certificate of an authority of its own.
func certificate(t *testing.T, from, to time.Time, ips ...net.IP) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, IPAddresses: ips, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestCertificates: of a known authority, but old or of another name.
func TestCertificates(t *testing.T) {
	t.Parallel()
	now, loopback := time.Now(), net.IPv4(127, 0, 0, 1)
	for name, tt := range map[string]struct {
		from, to time.Time
		ip       net.IP
		what     string
	}{
		"expired":      {now.Add(-48 * time.Hour), now.Add(-24 * time.Hour), loopback, "has expired or is not valid yet"},
		"not yet":      {now.Add(24 * time.Hour), now.Add(48 * time.Hour), loopback, "has expired or is not valid yet"},
		"another name": {now.Add(-time.Hour), now.Add(time.Hour), net.IPv4(192, 0, 2, 1), "is not for 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, pool := certificate(t, tt.from, tt.to, tt.ip)
			front := httptest.NewUnstartedServer(http.NotFoundHandler())
			front.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			front.Config.ErrorLog = nil
			front.StartTLS()
			t.Cleanup(front.Close)
			d := localDoctor(t)
			d.BaseURL = front.URL
			d.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
			wants(t, d.Run(t.Context()), "certificate", doctor.Failed, tt.what)
		})
	}
}

// TestCertificateExpires: one that should have been renewed is said before clients refuse
// it, by its lifetime; one from a file also if it is for another name.
func TestCertificateExpires(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now, loopback, other := time.Now(), net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 1)
	for name, tt := range map[string]struct {
		age, left time.Duration
		status    doctor.Status
		what      string
	}{
		"a year, 15 days left":    {350 * day, 15 * day, doctor.OK, "valid until " + now.Add(15*day).UTC().Format(time.DateOnly)},
		"a year, 13 days left":    {352 * day, 13 * day, doctor.Warning, "expires on " + now.Add(13*day).UTC().Format(time.DateOnly)},
		"six days, two days left": {4 * day, 2 * day, doctor.OK, "valid until"},
		"six days, hours left":    {6*day - 20*time.Hour, 20 * time.Hour, doctor.Warning, "expires on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, pool := certificate(t, now.Add(-tt.age), now.Add(tt.left), loopback)
			front := httptest.NewUnstartedServer(challenging())
			front.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			front.StartTLS()
			t.Cleanup(front.Close)
			d := localDoctor(t)
			d.BaseURL = front.URL
			d.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
			findings := d.Run(t.Context())
			wants(t, findings, "base_url_reachable", doctor.OK, "requires a token")
			wants(t, findings, "certificate", tt.status, tt.what)

			d = localDoctor(t) // which is not reachable
			d.BaseURL, d.Certificate = "https://127.0.0.1:1", leaf(t, cert)
			wants(t, d.Run(t.Context()), "certificate", tt.status, tt.what)
		})
	}
	cert, _ := certificate(t, now, now.Add(90*day), other)
	d := localDoctor(t)
	d.BaseURL, d.Names, d.Certificate = "https://192.0.2.1:1", []string{"https://127.0.0.1:1"}, leaf(t, cert)
	d.HTTP = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("away") }}}
	wants(t, d.Run(t.Context()), "certificate", doctor.Failed, "MCPKEEP_TLS_CERT is not for 127.0.0.1")
}

// challenging is a server whose first answer is right, at any name.
func challenging() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="https://`+r.Host+`/.well-known/oauth-protected-resource/mcp"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
}

func leaf(t *testing.T, cert tls.Certificate) *x509.Certificate {
	t.Helper()
	parsed, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestClocks: the database's and the provider's, against a machine whose clock is off.
func TestClocks(t *testing.T) {
	t.Parallel()
	op := oidctest.New(t, oidctest.Plain())
	provider, err := identity.NewOIDC(identity.OIDCConfig{Issuer: op.Issuer, ClientID: op.ClientID, ClientSecret: op.ClientSecret})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		off    time.Duration
		status doctor.Status
		what   string
	}{
		{0, doctor.OK, "agrees"}, {2 * time.Second, doctor.OK, "agrees"},
		{30 * time.Second, doctor.Warning, "behind this machine's"}, {-30 * time.Second, doctor.Warning, "ahead of this machine's"},
		{5 * time.Minute, doctor.Failed, "5m0s behind"},
	} {
		d := localDoctor(t)
		d.Provider, d.Policy = provider, identity.Policy{Domains: []string{"example.com"}}
		d.Now = func() time.Time { return time.Now().Add(tt.off) }
		findings := d.Run(t.Context())
		wants(t, findings, "clock_provider", tt.status, tt.what)
		wants(t, findings, "provider_usable", doctor.OK, "accepts")
	}
	postgres := localDoctor(t)
	postgres.DatabaseURL = dbtest.Postgres().URL(t)
	wants(t, postgres.Run(t.Context()), "clock_database", doctor.OK, "agrees")
}

// TestAccessPolicy: a password on a public address is a warning.
func TestAccessPolicy(t *testing.T) {
	t.Parallel()
	d := localDoctor(t)
	d.Private = false
	wants(t, d.Run(t.Context()), "access_policy", doctor.Warning, "anyone may try")
	d = localDoctor(t)
	d.Policy.Users = []string{"alice"}
	wants(t, d.Run(t.Context()), "access_policy", doctor.Warning, "ignored")
}

// TestHostileAnswers: what someone else's server says cannot move the cursor.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://x\u202e.example/\u009b2J")
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(front.Close)
	d := localDoctor(t)
	d.BaseURL = front.URL
	findings := d.Run(t.Context())
	var text, json bytes.Buffer
	if doctor.Print(&text, findings) != nil || doctor.PrintJSON(&json, findings) != nil {
		t.Fatal("not printed")
	}
	for _, out := range []string{text.String(), json.String()} {
		if strings.ContainsAny(out, "\u202e\u009b\x1b") || !strings.Contains(out, "redirects to") {
			t.Error(out)
		}
	}
}

// TestProgress: each check is announced before it runs.
func TestProgress(t *testing.T) {
	t.Parallel()
	d := localDoctor(t)
	var seen []string
	d.Progress = func(area string) { seen = append(seen, area) }
	d.Run(t.Context())
	if want := []string{"database", "schema", "keys", "fastmcp", "provider", "documents", "base_url"}; !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
}

// TestCanceled: an interrupt ends it soon, with what was found until then.
func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := localDoctor(t)
	d.DatabaseURL, d.BaseURL = "postgres://u@192.0.2.1/d", "https://192.0.2.1"
	began := time.Now()
	if findings := d.Run(ctx); doctor.Failures(findings) == 0 || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", findings, time.Since(began))
	}
}

// TestDocuments: one document is tried; that none is available is a warning, because apps
// register instead.
func TestDocuments(t *testing.T) {
	t.Parallel()
	const url = "https://client.example/oauth/client.json"
	for name, tt := range map[string]struct {
		url    string
		err    error
		status doctor.Status
		what   string
	}{
		"reachable":  {url, nil, doctor.OK, "can be fetched, such as " + url},
		"not needed": {"", nil, doctor.OK, "no client's metadata document from the internet is needed"},
		"away":       {url, errors.New("its site cannot be reached"), doctor.Warning, url + " and others cannot be fetched: its site cannot be reached"},
	} {
		d := localDoctor(t)
		d.TryDocument = func(context.Context) (string, error) { return tt.url, tt.err }
		findings := d.Run(t.Context())
		t.Log(name)
		wants(t, findings, "documents_reachable", tt.status, tt.what)
	}
	wants(t, localDoctor(t).Run(t.Context()), "documents_reachable", doctor.Skipped, "unknown until the settings are valid")
}

// TestServerClock: what the running server says of its clock and its database's.
func TestServerClock(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]struct {
		status doctor.Status
		what   string
	}{
		`{"status":"ready","clock_offset_seconds":0.002}`:      {doctor.OK, "agrees with its database's"},
		`{"status":"ready","clock_offset_seconds":-300.5}`:     {doctor.Warning, "the running server's clock is 5m1s ahead of its database's"},
		`{"status":"not ready","clock_offset_seconds":30.125}`: {doctor.Warning, "30s behind its database's"},
	} {
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="http://`+r.Host+`/.well-known/oauth-protected-resource/mcp"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = w.Write([]byte(answer))
		}))
		t.Cleanup(front.Close)
		d := localDoctor(t)
		d.BaseURL = front.URL
		wants(t, d.Run(t.Context()), "clock_server", want.status, want.what)
	}
}
