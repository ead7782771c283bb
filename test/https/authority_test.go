//go:build https

package https_test

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) {
	// Pebble reads its environment when it is made. Every order is to be validated,
	// and a request that is sent again for a nonce is no second order.
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	harness.Main(m)
}

// absent is a name that DNS does not answer for.
const absent = "absent.test"

var dns struct {
	once    sync.Once
	address string
}

// nameServer returns the address of a DNS server for all tests: challtestsrv has one set of
// records for the whole process.
func nameServer(t *testing.T) string {
	t.Helper()
	dns.once.Do(func() {
		address := harness.FreeAddress(t)
		server, err := challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{address}, Log: log.New(io.Discard, "", 0)})
		if err != nil {
			t.Fatal(err)
		}
		server.SetDefaultDNSIPv4("127.0.0.1")
		server.SetDefaultDNSIPv6("")
		server.AddDNSServFailRecord(absent)
		go server.Run()
		dns.address = address
	})
	return dns.address
}

// authority is a certificate authority. Its DNS says that every name is on this machine,
// and it comes to the ports of front.
type authority struct {
	directory, rootFile string
	roots               *x509.CertPool // of the certificates that it gives out
	front               *front
	orders              atomic.Int64

	pebble http.Handler
	// instead, if it is set, answers requests: true for those that it did answer.
	instead atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

// newAuthority starts one whose certificates are good for so long.
func newAuthority(t *testing.T, validity time.Duration) *authority {
	t.Helper()
	a := &authority{front: newFront(t), roots: x509.NewCertPool()}
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuing := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(validity / time.Second)}})
	validating := va.New(quiet, port(t, a.front.http.Addr()), port(t, a.front.https.Addr()), false, nameServer(t), store)
	web := wfe.New(quiet, store, validating, issuing, []string{"ca.example"}, false, false, 1, 1)
	a.pebble = web.Handler()
	a.roots.AppendCertsFromPEM(issuing.GetRootCert(0).PEM())

	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	a.directory = server.URL + wfe.DirectoryPath
	a.rootFile = filepath.Join(t.TempDir(), "root.pem")
	write(t, a.rootFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return a
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if instead := a.instead.Load(); instead != nil && (*instead)(w, r) {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/order-plz") {
		a.orders.Add(1)
	}
	a.pebble.ServeHTTP(w, r)
}

// answer makes the authority answer requests in another way, or as always with nil.
func (a *authority) answer(f func(http.ResponseWriter, *http.Request) bool) {
	if f == nil {
		a.instead.Store(nil)
		return
	}
	a.instead.Store(&f)
}

// away is an authority that is out of order.
func away(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(`{"type":"urn:ietf:params:acme:error:serverInternal","status":503,"detail":"down for maintenance"}`))
	return true
}

// front is what a load balancer is: connections go to each replica in turn.
type front struct {
	http, https net.Listener
	next        atomic.Int64
	replicas    atomic.Pointer[[]*replica]
	only        atomic.Pointer[replica] // takes every connection, if it is set
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{}
	f.replicas.Store(&[]*replica{})
	listen := func(address func(*replica) string) net.Listener {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go f.accept(l, address)
		return l
	}
	f.http = listen(func(r *replica) string { return r.http })
	f.https = listen(func(r *replica) string { return r.https })
	return f
}

func (f *front) accept(l net.Listener, address func(*replica) string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go f.forward(c, address)
	}
}

// forward connects to a replica; one that is down is passed over.
func (f *front) forward(client net.Conn, address func(*replica) string) {
	defer func() { _ = client.Close() }()
	replicas := *f.replicas.Load()
	if only := f.only.Load(); only != nil {
		replicas = []*replica{only}
	}
	for range replicas {
		server, err := net.DialTimeout("tcp", address(replicas[int(f.next.Add(1))%len(replicas)]), time.Second)
		if err != nil {
			continue
		}
		go func() {
			_, _ = io.Copy(server, client)
			if c, ok := server.(*net.TCPConn); ok {
				_ = c.CloseWrite()
			}
		}()
		_, _ = io.Copy(client, server)
		_ = server.Close()
		return
	}
}

func port(t *testing.T, a net.Addr) int {
	t.Helper()
	_, text, _ := net.SplitHostPort(a.String())
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
