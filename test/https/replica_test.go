//go:build https

package https_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// host is the public name of every server here.
const host = "mcp.test"

// replica is one mcpkeep with HTTPS by itself.
type replica struct {
	*harness.Process
	http, https string // addresses
}

// start starts a replica behind the front of an authority.
func (a *authority) start(t *testing.T, database harness.Options, env ...string) *replica {
	t.Helper()
	r, err := a.tryStart(t, database, env...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (a *authority) tryStart(t *testing.T, database harness.Options, env ...string) (*replica, error) {
	r := &replica{http: harness.FreeAddress(t), https: harness.FreeAddress(t)}
	database.Listen = r.https
	database.Env = append(append(append([]string{}, database.Env...),
		"MCPKEEP_TLS=auto", "MCPKEEP_BASE_URL=https://"+host, "MCPKEEP_LISTEN_HTTP="+r.http, "MCPKEEP_PROVIDER=local", "MCPKEEP_LOCAL_PASSWORD="+harness.Password,
		"MCPKEEP_TLS_DIRECTORY="+a.directory, "MCPKEEP_TLS_CA="+a.rootFile, "MCPKEEP_TLS_EMAIL=operator@mcp.test"), env...)
	for {
		old := a.front.replicas.Load()
		list := append(append([]*replica{}, *old...), r)
		if a.front.replicas.CompareAndSwap(old, &list) {
			break
		}
	}
	var err error
	r.Process, err = harness.TryStart(t, database)
	return r, err
}

// client sends each request on a connection of its own.
func (a *authority) client(address string) *http.Client {
	return clientOf(a.roots, address)
}

func clientOf(roots *x509.CertPool, address string) *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, address)
			},
		},
	}
}

// get sends a request and returns its answer with the certificate's serial number.
func get(ctx context.Context, c *http.Client, url string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, "", err
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	_ = res.Body.Close()
	if res.TLS == nil {
		return res, "", nil
	}
	return res, res.TLS.PeerCertificates[0].SerialNumber.String(), nil
}

// served waits until HTTPS works at an address and returns the certificate's serial
// number; other than is one that it must not be.
func (a *authority) served(t *testing.T, address, otherThan string, atMost time.Duration) string {
	t.Helper()
	serial, last := "", errors.New("not asked")
	if !eventually(atMost, func() bool {
		var res *http.Response
		res, serial, last = get(t.Context(), a.client(address), "https://"+host+"/healthz")
		return last == nil && res.StatusCode == http.StatusOK && serial != otherThan
	}) {
		t.Fatalf("no new certificate at %s: serial %s, %v", address, serial, last)
	}
	return serial
}

func eventually(atMost time.Duration, done func() bool) bool {
	for end := time.Now().Add(atMost); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}

// says waits for a line of the log with these words.
func (r *replica) says(t *testing.T, words string) {
	t.Helper()
	if !eventually(time.Minute, func() bool { return strings.Contains(r.Logs.String(), words) }) {
		t.Errorf("the log does not say %q", words)
	}
}

func requireStatus(t *testing.T, res *http.Response, err error, want int) {
	t.Helper()
	if err != nil || res.StatusCode != want {
		t.Fatal(fmt.Sprint("status ", res, ", ", err, ", want ", want))
	}
}
