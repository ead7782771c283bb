package fetchtest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// Site publishes documents. Its methods are safe for concurrent use.
type Site struct {
	URL  string // https://127.0.0.1:PORT
	Port string
	// Roots and CAFile hold the certificate authority, for a fetcher in this
	// process and for SSL_CERT_FILE of another one.
	Roots  *x509.CertPool
	CAFile string

	mu       sync.Mutex
	pages    map[string]http.HandlerFunc
	requests map[string]int
	fault    http.HandlerFunc
}

// New starts a site that ends with the test.
func New(t testing.TB) *Site {
	t.Helper()
	s := &Site{pages: map[string]http.HandlerFunc{}, requests: map[string]int{}}
	var cert tls.Certificate
	cert, s.Roots, s.CAFile = Authority(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are part of the tests
	srv.StartTLS()
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	_, s.Port, _ = strings.Cut(srv.Listener.Addr().String(), ":")
	return s
}

// Network is what a fetcher must be allowed to connect to.
func Network() netip.Prefix { return netip.MustParsePrefix("127.0.0.0/8") }

// Env are the variables with which a process of mcpkeep fetches from the site.
func (s *Site) Env() []string {
	return []string{"SSL_CERT_FILE=" + s.CAFile, "MCPKEEP_CIMD_ALLOWED_NETWORKS=" + Network().String()}
}

// Publish publishes a client ID metadata document under a path such as
// "/client.json" and returns its client ID. The document says that the client is
// public, has the redirect URI http://127.0.0.1/callback, and what the changes say
// (a nil value removes a member).
func (s *Site) Publish(path string, changes ...map[string]any) (clientID string) {
	document := map[string]any{
		"client_id": s.URL + path, "client_name": "Client of " + path,
		"redirect_uris": []string{"http://127.0.0.1/callback"}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
	}
	for _, change := range changes {
		for name, value := range change {
			if value == nil {
				delete(document, name)
				continue
			}
			document[name] = value
		}
	}
	s.PublishJSON(path, document, nil)
	return s.URL + path
}

// PublishJSON publishes any value with further headers.
func (s *Site) PublishJSON(path string, value any, header http.Header) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // the test's own value
	}
	s.Handle(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		maps.Copy(w.Header(), header)
		_, _ = w.Write(body)
	})
}

// Handle answers a path; nil takes it away. The path "*" is any other.
func (s *Site) Handle(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = h
}

// Fail answers everything with h from now on; nil ends that.
func (s *Site) Fail(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = h
}

// Down is a fault: the connection ends without an answer.
func Down(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Blocked is a fault: what a filter in front of a site tells programs.
func Blocked(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, "<html>Are you a robot?</html>")
}

// Requests is how often a path was asked for, "" for all together.
func (s *Site) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if path != "" {
		return s.requests[path]
	}
	total := 0
	for _, n := range s.requests {
		total += n
	}
	return total
}

func (s *Site) serve(w http.ResponseWriter, r *http.Request) {
	s.handler(r.URL.Path)(w, r)
}

// handler counts a request and finds who answers it.
func (s *Site) handler(path string) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[path]++
	for _, h := range []http.HandlerFunc{s.fault, s.pages[path], s.pages["*"]} {
		if h != nil {
			return h
		}
	}
	return http.NotFound
}
