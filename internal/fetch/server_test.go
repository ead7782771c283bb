package fetch_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// host is a name that httptest's certificate is for.
const host = "example.com"

// site is a TLS server on loopback that counts what reaches it.
type site struct {
	url   string // https://example.com:PORT
	roots *x509.CertPool
	port  string

	connections, requests atomic.Int64
}

func serve(t testing.TB, h http.HandlerFunc) *site {
	t.Helper()
	s := &site{roots: x509.NewCertPool()}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		h(w, r)
	}))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	s.roots.AddCert(srv.Certificate())
	_, s.port, _ = strings.Cut(srv.Listener.Addr().String(), ":")
	s.url = "https://" + host + ":" + s.port
	return s
}

// fetcher may connect to loopback, where the name leads.
func (s *site) fetcher(changes ...func(*fetch.Config)) *fetch.Fetcher {
	cfg := fetch.Config{Networks: loopback, RootCAs: s.roots, Resolver: answers("127.0.0.1")}
	for _, change := range changes {
		change(&cfg)
	}
	return fetch.New(cfg)
}

// names is a resolver with one answer for each question in turn; the last one is
// repeated.
type names struct {
	mu    sync.Mutex
	turns [][]netip.Addr
	asked []string
}

// answers makes a resolver of answers, each a list of addresses.
func answers(turns ...string) *names {
	n := &names{}
	for _, turn := range turns {
		var list []netip.Addr
		for _, a := range strings.Fields(strings.Trim(turn, "-")) {
			list = append(list, netip.MustParseAddr(a))
		}
		n.turns = append(n.turns, list)
	}
	return n
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	turn := n.turns[min(len(n.asked), len(n.turns)-1)]
	n.asked = append(n.asked, host)
	if turn == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return append([]netip.Addr(nil), turn...), nil
}

func writeJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body))
}
