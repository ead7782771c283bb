package doctor_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
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

// patient is a local server without a base URL.
func patient(t *testing.T) *doctor.Doctor {
	t.Helper()
	return &doctor.Doctor{
		DatabaseURL: dbtest.SQLite().URL(t), AutoMigrate: true, Local: true, Loopback: true,
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
			d := patient(t)
			d.BaseURL = front.URL
			d.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
			wants(t, d.Run(t.Context()), "certificate", doctor.Failed, tt.what)
		})
	}
}

// TestClocks: the database's and the provider's, against a machine whose clock is off.
func TestClocks(t *testing.T) {
	t.Parallel()
	op := oidctest.New(t, oidctest.Plain())
	upstream, err := identity.NewOIDC(identity.OIDCConfig{Issuer: op.Issuer, ClientID: op.ClientID, ClientSecret: op.ClientSecret})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		off    time.Duration
		status doctor.Status
		what   string
	}{
		{0, doctor.OK, "agree"}, {2 * time.Second, doctor.OK, "agree"},
		{30 * time.Second, doctor.Warning, "behind this machine's"}, {-30 * time.Second, doctor.Warning, "ahead of this machine's"},
		{5 * time.Minute, doctor.Failed, "5m0s behind"},
	} {
		d := patient(t)
		d.Local, d.Upstream, d.Policy = false, upstream, identity.Policy{Domains: []string{"example.com"}}
		d.Now = func() time.Time { return time.Now().Add(tt.off) }
		findings := d.Run(t.Context())
		wants(t, findings, "clock_provider", tt.status, tt.what)
		wants(t, findings, "provider_usable", doctor.OK, "accepts")
	}
	postgres := patient(t)
	postgres.DatabaseURL = dbtest.Postgres().URL(t)
	wants(t, postgres.Run(t.Context()), "clock_database", doctor.OK, "agree")
}

// TestWhoMayEnter: a password on a public address is worth a word.
func TestWhoMayEnter(t *testing.T) {
	t.Parallel()
	d := patient(t)
	d.Loopback = false
	wants(t, d.Run(t.Context()), "who_may_enter", doctor.Warning, "anybody may try it")
	d = patient(t)
	d.Policy.Users = []string{"alice"}
	wants(t, d.Run(t.Context()), "who_may_enter", doctor.Warning, "not looked at")
}

// TestHostileAnswers: what somebody else's server says cannot move the cursor.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://x\u202e.example/\u009b2J")
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(front.Close)
	d := patient(t)
	d.BaseURL = front.URL
	findings := d.Run(t.Context())
	var text, json bytes.Buffer
	if doctor.Print(&text, findings) != nil || doctor.PrintJSON(&json, findings) != nil {
		t.Fatal("not printed")
	}
	for _, out := range []string{text.String(), json.String()} {
		if strings.ContainsAny(out, "\u202e\u009b\x1b") || !strings.Contains(out, "is redirected to") {
			t.Error(out)
		}
	}
}

// TestTells: whoever waits can see what is looked at, before it is.
func TestTells(t *testing.T) {
	t.Parallel()
	d := patient(t)
	var told []string
	d.Tell = func(area string) { told = append(told, area) }
	d.Run(t.Context())
	if want := []string{"database", "schema", "keys", "provider", "base_url"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// TestCanceled: an interrupt ends it soon, with what was found until then.
func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := patient(t)
	d.DatabaseURL, d.BaseURL = "postgres://u@192.0.2.1/d", "https://192.0.2.1"
	began := time.Now()
	if findings := d.Run(ctx); doctor.Failures(findings) == 0 || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", findings, time.Since(began))
	}
}
