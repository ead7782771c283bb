package setups_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const patience = 30 * time.Second

// requireVariable with any value makes a missing proxy fail the tests.
const requireVariable = "MCPKEEP_REQUIRE_PROXIES"

// certificate is a folder for one proxy, with a certificate for localhost in it.
type certificate struct{ folder, cert, key string }

// find returns the path of a program. Debian has nginx outside of a user's PATH, and Envoy comes in
// a Python package.
func find(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, filepath.Join(harness.Root(t), ".cache", name, name)} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	if os.Getenv(requireVariable) != "" {
		t.Fatalf("%s is missing, and %s is set", name, requireVariable)
	}
	t.Skipf("%s is missing: scripts/proxies.sh installs it", name)
	return ""
}

// front is a proxy that runs.
type front struct {
	url     string
	through *http.Transport
}

// inFront starts a proxy at a free address, in front of an upstream, and waits until it
// takes connections.
func inFront(t *testing.T, name, at, upstream string) front {
	t.Helper()
	return run(t, name, at, func(c certificate) []string { return proxies[name](t, at, upstream, c) })
}

// run starts a proxy by a command that is made with a certificate.
func run(t *testing.T, name, at string, command func(certificate) []string) front {
	t.Helper()
	folder := t.TempDir()
	c := newCertificate(t, folder)
	args := command(c)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.WaitDelay = patience
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, log.String())
		}
	})
	_, port, _ := net.SplitHostPort(at)
	f := front{url: "https://localhost:" + port, through: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: c.roots(t, name), MinVersion: tls.VersionTLS12},
	}}
	t.Cleanup(f.through.CloseIdleConnections)
	f.wait(t)
	return f
}

// wait returns when the proxy answers over TLS.
func (f front) wait(t *testing.T) {
	t.Helper()
	client := &http.Client{Transport: f.through, Timeout: patience}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		res, err := client.Get(f.url + "/healthz")
		if err == nil {
			_ = res.Body.Close()
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("the proxy does not answer: %v", err)
		}
	}
}

// newCertificate writes a certificate for localhost that is its own authority.
func newCertificate(t *testing.T, folder string) certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	c := certificate{folder: folder, cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem")}
	write(t, c.cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, c.key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return c
}

// roots waits for the certificate of the authority that a proxy uses, which Caddy makes
// itself, and returns it.
func (c certificate) roots(t *testing.T, name string) *x509.CertPool {
	t.Helper()
	path := c.cert
	if name == "caddy" {
		path = filepath.Join(c.folder, "caddy", "pki", "authorities", "local", "root.crt")
	}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if pool := x509.NewCertPool(); err == nil && pool.AppendCertsFromPEM(text) {
			return pool
		}
		if time.Since(began) > patience {
			t.Fatalf("%s has no authority: %v", name, err)
		}
	}
}

// behind starts mcpkeep behind a proxy and returns both.
func behind(t *testing.T, name string) (*harness.Process, front) {
	t.Helper()
	find(t, name)
	at := harness.FreeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	p := harness.Start(t, harness.Options{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "mcpkeep.db"),
		Env:      []string{"MCPKEEP_BASE_URL=https://localhost:" + port},
	})
	return p, inFront(t, name, at, p.Address())
}
