package fetch_test

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
)

// TestE1: E1, CIMD-04, B11. The table of server-side request forgery: whatever a stranger
// names, nothing behind this server is connected to.
func TestE1(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ url, addresses string }{
		"loopback":                          {"https://127.0.0.1/x", ""},
		"loopback of version 6":             {"https://[::1]/x", ""},
		"unspecified":                       {"https://0.0.0.0/x", ""},
		"unspecified of version 6":          {"https://[::]/x", ""},
		"private":                           {"https://10.0.0.1/x", ""},
		"unique local":                      {"https://[fd00::1]/x", ""},
		"IPv4-mapped loopback":              {"https://[::ffff:127.0.0.1]/x", ""},
		"IPv4-mapped public":                {"https://[::ffff:8.8.8.8]/x", ""},
		"zone":                              {"https://[fe80::1%25lo]/x", ""},
		"metadata service":                  {"https://169.254.169.254/latest/meta-data/", ""},
		"name to private":                   {"https://evil.example/x", "10.1.2.3"},
		"name to loopback":                  {"https://evil.example/x", "127.0.0.1"},
		"name to loopback of version 6":     {"https://evil.example/x", "::1"},
		"name to metadata service":          {"https://evil.example/x", "169.254.169.254"},
		"name to metadata service, 6":       {"https://evil.example/x", "fd00:ec2::254"},
		"name to carriers' NAT":             {"https://evil.example/x", "100.64.0.1"},
		"name to this network":              {"https://evil.example/x", "0.0.0.0"},
		"name to link-local":                {"https://evil.example/x", "fe80::1"},
		"name to multicast":                 {"https://evil.example/x", "224.0.0.1"},
		"name to broadcast":                 {"https://evil.example/x", "255.255.255.255"},
		"name to IPv4-mapped":               {"https://evil.example/x", "::ffff:10.0.0.1"},
		"name to NAT64":                     {"https://evil.example/x", "64:ff9b::a00:1"},
		"name to 6to4":                      {"https://evil.example/x", "2002:a00:1::"},
		"name to Teredo":                    {"https://evil.example/x", "2001:0:a00:1::"},
		"name to IPv4-compatible":           {"https://evil.example/x", "::10.0.0.1"},
		"public first, private behind":      {"https://evil.example/x", "8.8.8.8 10.0.0.1"},
		"private first, public behind":      {"https://evil.example/x", "10.0.0.1 8.8.8.8"},
		"name with upper case":              {"https://EVIL.example/x", "10.0.0.1"},
		"localhost":                         {"https://localhost/x", "127.0.0.1"},
		"octal, as some resolvers read it":  {"https://0177.0.0.1/x", "127.0.0.1"},
		"number, as some resolvers read it": {"https://2130706433/x", "127.0.0.1"},
		"port 22":                           {"https://evil.example:22/x", "8.8.8.8"},
		"port 25":                           {"https://evil.example:25/x", "8.8.8.8"},
		"port 8443":                         {"https://evil.example:8443/x", "8.8.8.8"},
		"http":                              {"http://evil.example/x", "8.8.8.8"},
		"http on port 443":                  {"http://evil.example:443/x", "8.8.8.8"},
		"file":                              {"file:///etc/passwd", ""},
		"gopher":                            {"gopher://evil.example/x", "8.8.8.8"},
		"user information":                  {"https://evil.example@10.0.0.1/x", ""},
		"no host":                           {"https:///x", ""},
		"no name":                           {"https://evil.example/x", "-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fetch.New(fetch.Config{Resolver: answers(tt.addresses)})
			_, err := f.Get(t.Context(), tt.url, "")
			wantError(t, err)
			e := new(fetch.Error)
			if !errors.As(err, &e) || e.Reason == "its URL is not allowed" {
				return
			}
			// Strangers do not learn which names there are behind us; the operator does.
			if e.Reason != "its site cannot be reached" || tt.addresses != "-" && !strings.Contains(err.Error(), "not a public address") {
				t.Errorf("got %v with the reason %q, want it refused before anything is connected to", err, e.Reason)
			}
		})
	}
}

// wantError checks that an error is for anyone to read.
func wantError(t testing.TB, err error) {
	t.Helper()
	var e *fetch.Error
	if !errors.As(err, &e) || e.Reason == "" {
		t.Errorf("got %v, want an *Error with a reason", err)
	}
}

// TestE1AllowedNetworks: what the operator allows is allowed, and nothing next to
// it.
func TestE1AllowedNetworks(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, "{}") })
	if _, err := s.fetcher().Get(t.Context(), s.url+"/x", ""); err != nil {
		t.Fatal(err)
	}
	if s.requests.Load() != 1 {
		t.Fatal("the server was not asked")
	}
	for name, change := range map[string]func(*fetch.Config){
		"no network":                func(cfg *fetch.Config) { cfg.Networks = nil },
		"another network":           func(cfg *fetch.Config) { cfg.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} },
		"one address is not in it":  func(cfg *fetch.Config) { cfg.Resolver = answers("127.0.0.1 10.0.0.1") },
		"public, but not port 443":  func(cfg *fetch.Config) { cfg.Resolver = answers("8.8.8.8") },
		"not a certificate's name":  func(cfg *fetch.Config) { cfg.RootCAs = x509.NewCertPool() },
		"a narrower network":        func(cfg *fetch.Config) { cfg.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")} },
		"version 6 of the loopback": func(cfg *fetch.Config) { cfg.Resolver = answers("::1") },
	} {
		_, err := s.fetcher(change).Get(t.Context(), s.url+"/x", "")
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := s.fetcher().Get(t.Context(), "https://"+host+":22/x", ""); err == nil {
		t.Error("port 22 in an allowed network: no error")
	}
	if n := s.requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestE1Rebinding: a name is looked up once, and the answer that was looked at is
// what is connected to; the next fetch looks again.
func TestE1Rebinding(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, "{}") })
	canary, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.2:"+s.port)
	if err != nil {
		t.Skip("needs 127.0.0.2:", err)
	}
	hit := make(chan struct{}, 10)
	go func() {
		for {
			conn, err := canary.Accept()
			if err != nil {
				return
			}
			hit <- struct{}{}
			_ = conn.Close()
		}
	}()
	defer func() { _ = canary.Close() }()
	resolver := answers("127.0.0.1", "10.0.0.1", "127.0.0.2")
	f := s.fetcher(func(cfg *fetch.Config) { cfg.Resolver = resolver })
	if _, err := f.Get(t.Context(), s.url+"/x", ""); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(resolver.asked, []string{host + "."}) {
		t.Errorf("asked for %q, want one look-up of the complete name", resolver.asked)
	}
	_, err = f.Get(t.Context(), s.url+"/x", "")
	if err == nil || !strings.Contains(err.Error(), "not a public address") {
		t.Errorf("second answer, private: %v", err)
	}
	if len(hit) > 0 || s.connections.Load() != 1 {
		t.Errorf("%d connections, canary %d", s.connections.Load(), len(hit))
	}
}

// TestE1Redirect: E1, CIMD-03. No redirect is followed, wherever it leads.
func TestE1Redirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308, 300, 305} {
		for _, target := range []string{"/ok", "https://10.0.0.1/x", "http://169.254.169.254/", "https://[::1]/", "//127.0.0.1/x"} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/ok" {
					writeJSON(w, "{}")
					return
				}
				w.Header().Set("Location", target)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
			})
			_, err := s.fetcher().Get(t.Context(), s.url+"/x", "")
			wantError(t, err)
			if n := s.connections.Load(); n != 1 {
				t.Errorf("%d to %s: %d connections", status, target, n)
			}
		}
	}
}

// TestProxyIgnored: CIMD-04. A proxy would look the name up again.
func TestProxyIgnored(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, "{}") })
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:"+proxy.port)
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, "{}") })
	if _, err := s.fetcher().Get(t.Context(), s.url+"/x", ""); err != nil {
		t.Fatal(err)
	}
	if proxy.connections.Load() != 0 {
		t.Error("the proxy was asked")
	}
}
