package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
)

// pairFor writes a certificate for names, and its key.
func pairFor(t *testing.T, expires time.Time, names ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: expires.Add(-90 * 24 * time.Hour), NotAfter: expires, DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	err = errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// tlsEnv is a deployment that is to obtain certificates from an authority that is away.
func tlsEnv(t *testing.T, changes ...map[string]string) map[string]string {
	t.Helper()
	env := map[string]string{
		"DATABASE_URL": dbtest.SQLite().URL(t), "MCPKEEP_TLS": "auto", "MCPKEEP_BASE_URL": "https://mcp.internal", "MCPKEEP_PROVIDER": "local", "MCPKEEP_LOCAL_PASSWORD": "correct-horse-battery-staple",
		"MCPKEEP_TLS_DIRECTORY": "https://127.0.0.1:1/directory", "MCPKEEP_LISTEN": "127.0.0.1:0", "MCPKEEP_LISTEN_HTTP": "127.0.0.1:0",
	}
	for _, change := range changes {
		maps.Copy(env, change)
	}
	return env
}

// TestTLSSettings: settings of HTTPS that do not go together, or name what cannot be used,
// end the start with the setting and what it takes. doctor says the same.
func TestTLSSettings(t *testing.T) {
	now := time.Now()
	cert, key := pairFor(t, now.Add(24*time.Hour), "mcp.internal")
	_, otherKey := pairFor(t, now.Add(24*time.Hour), "mcp.internal")
	old, oldKey := pairFor(t, now.Add(-time.Hour), "mcp.internal")
	text := filepath.Join(t.TempDir(), "text.pem")
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, written := pairFor(t, now.Add(24*time.Hour), "mcp.internal")
	if err := os.Chmod(written, 0o606); err != nil {
		t.Fatal(err)
	}
	files := func(cert, key string) map[string]string {
		return map[string]string{"MCPKEEP_TLS": "", "MCPKEEP_TLS_DIRECTORY": "", "MCPKEEP_LISTEN_HTTP": "", "MCPKEEP_TLS_CERT": cert, "MCPKEEP_TLS_KEY": key}
	}
	off := map[string]string{"MCPKEEP_TLS": "off", "MCPKEEP_TLS_DIRECTORY": "", "MCPKEEP_LISTEN_HTTP": ""}
	with := func(base map[string]string, name, value string) map[string]string {
		changed := maps.Clone(base)
		changed[name] = value
		return changed
	}
	for name, tt := range map[string]struct {
		change map[string]string
		want   string
	}{
		"both":                    {map[string]string{"MCPKEEP_TLS_CERT": cert}, "MCPKEEP_TLS (--tls): auto obtains a certificate"},
		"no key":                  {files(cert, ""), "MCPKEEP_TLS_KEY (--tls-key): required with MCPKEEP_TLS_CERT"},
		"no certificate":          {files("", key), "MCPKEEP_TLS_CERT (--tls-cert): required with MCPKEEP_TLS_KEY"},
		"missing file":            {files(cert+"x", key), "MCPKEEP_TLS_CERT (--tls-cert): " + cert + "x and " + key},
		"missing key file":        {files(cert, key+"x"), "MCPKEEP_TLS_KEY (--tls-key): " + key + "x: no such file"},
		"key that others write":   {files(cert, written), "MCPKEEP_TLS_KEY (--tls-key): " + written + ": mode 0606 lets other users write it; fix it with `chmod "},
		"no certificate in it":    {files(text, key), "failed to find any PEM data"},
		"another key":             {files(cert, otherKey), "private key does not match"},
		"expired":                 {files(old, oldKey), "expired on "},
		"bad address":             {map[string]string{"MCPKEEP_LISTEN_HTTP": "80"}, "MCPKEEP_LISTEN_HTTP (--listen-http): \"80\" is not an address"},
		"directory without https": {map[string]string{"MCPKEEP_TLS_DIRECTORY": "http://127.0.0.1:1/directory"}, "MCPKEEP_TLS_DIRECTORY (--tls-directory): not usable"},
		"roots missing":           {map[string]string{"MCPKEEP_TLS_CA": text + "x"}, "MCPKEEP_TLS_CA (--tls-ca): "},
		"no roots":                {map[string]string{"MCPKEEP_TLS_CA": text}, "MCPKEEP_TLS_CA (--tls-ca): " + text + " has none"},
		"no base URL":             {map[string]string{"MCPKEEP_BASE_URL": ""}, "MCPKEEP_BASE_URL (--base-url): required for HTTPS"},
		"http among the names":    {map[string]string{"MCPKEEP_BASE_URL": "https://mcp.internal,http://mcp.internal:8080", "MCPKEEP_ALLOW_HTTP": "true"}, "names an address without HTTPS"},
		"email of no form":        {map[string]string{"MCPKEEP_TLS_EMAIL": "mailto:ops@example.com"}, "MCPKEEP_TLS_EMAIL (--tls-email): \"mailto:ops@example.com\" is not one"},
		"email with files":        {with(files(cert, key), "MCPKEEP_TLS_EMAIL", "ops@example.com"), "MCPKEEP_TLS_EMAIL (--tls-email): has no effect with a certificate in files"},
		"directory with files":    {with(files(cert, key), "MCPKEEP_TLS_DIRECTORY", "https://127.0.0.1:1/directory"), "MCPKEEP_TLS_DIRECTORY (--tls-directory): has no effect with"},
		"no dot in the name":      {map[string]string{"MCPKEEP_TLS_DIRECTORY": "", "MCPKEEP_BASE_URL": "https://keep"}, "keep is no public name"},
		"no public name":          {map[string]string{"MCPKEEP_TLS_DIRECTORY": ""}, "mcp.internal is no public name"},
		"an address":              {map[string]string{"MCPKEEP_TLS_DIRECTORY": "", "MCPKEEP_BASE_URL": "https://192.168.1.2"}, "192.168.1.2 is no public name"},
		"directory without HTTPS": {with(off, "MCPKEEP_TLS_DIRECTORY", "https://127.0.0.1:1/directory"), "MCPKEEP_TLS_DIRECTORY (--tls-directory): has no effect without HTTPS"},
		"roots without HTTPS":     {with(off, "MCPKEEP_TLS_CA", text), "MCPKEEP_TLS_CA (--tls-ca): has no effect without HTTPS"},
		"email without HTTPS":     {with(off, "MCPKEEP_TLS_EMAIL", "a@example.com"), "MCPKEEP_TLS_EMAIL (--tls-email): has no effect without HTTPS"},
		"http without HTTPS":      {with(off, "MCPKEEP_LISTEN_HTTP", ":80"), "MCPKEEP_LISTEN_HTTP (--listen-http): has no effect without HTTPS"},
		"unknown":                 {map[string]string{"MCPKEEP_TLS": "on"}, "off"},
	} {
		t.Run(name, func(t *testing.T) {
			env := tlsEnv(t, tt.change)
			got := command(t, env, "serve")
			if got.status == exitOK || !strings.Contains(got.err, tt.want) || strings.Count(strings.TrimSpace(got.err), "\n") > 0 {
				t.Errorf("status %d, printed %s, want one line with %q", got.status, got.err, tt.want)
			}
			if name == "unknown" {
				return // no command takes it
			}
			_, what, found := strings.Cut(tt.want, "): ")
			if !found {
				what = tt.want
			}
			findings, _ := examined(t, env)
			diagnosed(t, findings, "settings", doctor.Failed, what, "")
		})
	}
}

// TestTLSNames: the names are read as without HTTPS, an international one and a comma too
// many included.
func TestTLSNames(t *testing.T) {
	t.Parallel()
	for _, names := range []string{"https://mcp.example.com,", "HTTPS://MCP.example.com/, https://b.example.com", "https://bücher.example", "https://192.0.2.1:8443"} {
		f := serveFlags{BaseURL: names, tlsFlags: tlsFlags{TLS: "auto", TLSEmail: "ops@example.com"}}
		if err := f.checkTLS(); err != nil {
			t.Errorf("%s: %v", names, err)
		}
	}
}

// TestTLSPorts: a port that another program has, and one that this user may not have, are
// said with the setting and the way out.
func TestTLSPorts(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	busy := taken.Addr().String()
	for _, name := range []string{"MCPKEEP_LISTEN", "MCPKEEP_LISTEN_HTTP"} {
		command(t, tlsEnv(t, map[string]string{name: busy}), "serve").wants(t, exitFailed, name+" (--", "another program listens at "+busy)
	}
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if first, _ := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || first <= 1 {
		t.Skip("every user may have every port here")
	}
	folder := foreignFolder(t, 0o755)
	if err := os.Chown(folder, imageUser, imageUser); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"MCPKEEP_LISTEN", "MCPKEEP_LISTEN_HTTP"} {
		env := tlsEnv(t, map[string]string{name: "127.0.0.1:1", "DATABASE_URL": "sqlite:" + filepath.Join(folder, "x.db")})
		asUser(t, imageUser, env, "serve").wants(t, exitFailed, name+" (--", "this user may not listen at 127.0.0.1:1", "setcap cap_net_bind_service")
	}
}

// TestDoctorCertificateFile: the certificate that serve reads is checked before clients see
// it.
func TestDoctorCertificateFile(t *testing.T) {
	for name, tt := range map[string]struct {
		left   time.Duration
		status doctor.Status
		what   string
	}{
		"mcp.internal":   {60 * 24 * time.Hour, doctor.OK, "is for this server and valid until"},
		"MCP.internal":   {24 * time.Hour, doctor.Warning, "expires on"},
		"other.internal": {60 * 24 * time.Hour, doctor.Failed, "is not for mcp.internal"},
	} {
		cert, key := pairFor(t, time.Now().Add(tt.left), name)
		env := tlsEnv(t, map[string]string{"MCPKEEP_TLS": "", "MCPKEEP_TLS_DIRECTORY": "", "MCPKEEP_TLS_CERT": cert, "MCPKEEP_TLS_KEY": key})
		findings, _ := examined(t, env)
		diagnosed(t, findings, "certificate", tt.status, tt.what, "")
	}
}
