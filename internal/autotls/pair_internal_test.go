package autotls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// writePair writes a new certificate of that serial number and its key.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"mcp.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPair: a new pair is served, one that does not fit together is not, and the log says so
// without the key.
func TestPair(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key, 1)
	var logged bytes.Buffer
	p, err := NewPair(cert, key, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	p.every = 0
	listener, err := tls.Listen("tcp", "127.0.0.1:0", p.TLSConfig())
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	serves := func(serial int64) {
		t.Helper()
		d := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
		c, err := d.DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if got := c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != serial {
			t.Errorf("certificate %d, want %d", got, serial)
		}
	}
	serves(1)
	writePair(t, cert, key, 2)
	serves(2)
	writePair(t, cert, filepath.Join(dir, "other.pem"), 3)
	serves(2)
	if text := logged.String(); !strings.Contains(text, "the new certificate cannot be used") || strings.Contains(text, "PRIVATE") {
		t.Errorf("the log: %s", text)
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	serves(2)
	writePair(t, cert, key, 4)
	serves(4)
	if _, err := NewPair(cert, filepath.Join(dir, "other.pem"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a start with a key that does not fit succeeds")
	}
}

// TestPairKeyOfOthers: a key that another user could have written is refused at the start, and
// later the pair before is served. As root, the test changes the owner, or else the mode.
func TestPairKeyOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key, 1)
	var logged bytes.Buffer
	p, err := NewPair(cert, key, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	p.every = 0
	writePair(t, cert, key, 2)
	want := "lets other users write it"
	err = os.Chmod(key, 0o606)
	if os.Geteuid() == 0 {
		want = "belongs to user 4711"
		err = errors.Join(os.Chmod(key, 0o600), os.Chown(key, 4711, -1))
	}
	if err != nil {
		t.Fatal(err)
	}
	served, err := p.certificate(&tls.ClientHelloInfo{})
	if err != nil || served.Leaf.SerialNumber.Int64() != 1 || !strings.Contains(logged.String(), want) {
		t.Errorf("certificate %v, %v; the log: %s", served, err, &logged)
	}
	var refused *setting.FileError
	if _, err := NewPair(cert, key, slog.New(slog.DiscardHandler)); !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestRedirect: only to our own addresses, and never with a body.
func TestRedirect(t *testing.T) {
	t.Parallel()
	h := Redirect([]string{"https://mcp.test", "https://other.test:8443"})
	for _, tt := range []struct {
		method, host, want string
		status             int
	}{
		{"GET", "mcp.test", "https://mcp.test/a?b=c", http.StatusPermanentRedirect},
		{"HEAD", "other.test:80", "https://other.test:8443/a?b=c", http.StatusPermanentRedirect},
		{"GET", "evil.test", "https://mcp.test/a?b=c", http.StatusPermanentRedirect},
		{"POST", "mcp.test", "", http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "/a?b=c", http.NoBody)
		r.Host = tt.host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); w.Code != tt.status || got != tt.want {
			t.Errorf("%s %s: %d to %q", tt.method, tt.host, w.Code, got)
		}
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{"0.0.0.0": "", "::": "", "127.0.0.1": "127.0.0.1"} {
		if got := host(&net.TCPAddr{IP: net.ParseIP(ip)}); got != want {
			t.Errorf("%s: %q", ip, got)
		}
	}
}
