package doctor

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// TestUpstreamExposed: an upstream on loopback that answers at another address of this machine,
// or at the base URL's host, without mcpkeep's credential, can be reached past mcpkeep.
func TestUpstreamExposed(t *testing.T) {
	t.Parallel()
	open := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		status, body := http.StatusOK, `{"jsonrpc":"2.0","id":1,"result":{}}`
		if !strings.HasPrefix(r.Host, "127.0.0.1:") {
			status, body = http.StatusForbidden, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"Invalid Host"}}`
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
	locked := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		open(w, r)
	}
	for name, tt := range map[string]struct {
		listen  string
		h       http.HandlerFunc
		other   string // address of this machine
		baseURL string
		want    Status
	}{
		"on every address":          {"0.0.0.0:0", open, "127.0.0.2", "", Warning},
		"on loopback alone":         {"127.0.0.1:0", open, "127.0.0.2", "https://127.0.0.2", OK},
		"with a credential":         {"0.0.0.0:0", locked, "127.0.0.2", "", OK},
		"on every address, unknown": {"0.0.0.0:0", open, "", "http://localhost:1", OK},
	} {
		listener, err := net.Listen("tcp", tt.listen)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(tt.h)
		_ = s.Listener.Close()
		s.Listener = listener
		s.Start()
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		target, err := gateway.ParseTarget("http://127.0.0.1:" + port + "/mcp")
		if err != nil {
			t.Fatal(err)
		}
		u := upstreams.At(target)
		u.Headers = http.Header{"X-Key": {"secret"}}
		d := &Doctor{BaseURL: tt.baseURL, Addresses: func() []netip.Addr {
			if tt.other == "" {
				return nil
			}
			return []netip.Addr{netip.MustParseAddr(tt.other)}
		}}
		d.exposure(t.Context(), u)
		if len(d.findings) != 1 || d.findings[0].Status != tt.want || tt.want == Warning && !strings.Contains(d.findings[0].What, "without a credential at "+tt.other) {
			t.Errorf("%s: %+v, want %s", name, d.findings, tt.want)
		}
		s.Close()
	}
}

// TestUpstreamElsewhere: where an upstream is looked for.
func TestUpstreamElsewhere(t *testing.T) {
	t.Parallel()
	d := &Doctor{BaseURL: "https://mcp.example.com", Addresses: func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("10.0.0.5")} }}
	for addr, want := range map[string]string{
		"127.0.0.1": "10.0.0.5 mcp.example.com", "::1": "10.0.0.5 mcp.example.com", "10.0.0.9": "", "192.0.2.1": "192.0.2.1",
	} {
		if got := strings.Join(d.elsewhere([]netip.Addr{netip.MustParseAddr(addr)}), " "); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	for _, addr := range machineAddresses() {
		if addr.IsLoopback() {
			t.Errorf("%s is an address for others", addr)
		}
	}
}
