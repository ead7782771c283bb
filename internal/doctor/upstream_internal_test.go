package doctor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// examine returns the findings about an upstream by check.
func examine(t *testing.T, url string, change func(*upstreams.Upstream)) map[string]Finding {
	t.Helper()
	target, err := gateway.ParseTarget(url)
	if err != nil {
		t.Fatal(err)
	}
	u := upstreams.At(target)
	if change != nil {
		change(&u)
	}
	d := &Doctor{Upstreams: []upstreams.Upstream{u}}
	d.upstreams(t.Context())
	found := make(map[string]Finding)
	for _, f := range d.findings {
		if f.Area != areaUpstream || (f.Status == Failed || f.Status == Warning) == (f.Fix == "") {
			t.Errorf("%+v", f)
		}
		found[f.Check] = f
	}
	return found
}

// TestUpstreamWorks: which revisions it speaks; every session that it gave has ended.
func TestUpstreamWorks(t *testing.T) {
	t.Parallel()
	mcp := server.NewStreamableHTTPServer(server.NewMCPServer("test", "1"))
	var open atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" {
			t.Error("the configured headers are missing")
		}
		mcp.ServeHTTP(w, r)
		switch {
		case r.Method == http.MethodDelete:
			open.Add(-1)
		case w.Header().Get("Mcp-Session-Id") != "":
			open.Add(1)
		}
	}))
	t.Cleanup(s.Close)
	found := examine(t, s.URL+"/mcp", func(u *upstreams.Upstream) { u.Headers = http.Header{"Authorization": {"Bearer key"}} })
	for check, want := range map[string]string{
		"upstream_reachable": "takes MCP requests", "upstream_private": "on this machine",
		"upstream_revisions": "speaks MCP 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28",
	} {
		if f := found[check]; f.Status != OK || !strings.Contains(f.What, want) {
			t.Errorf("%s: %+v, want %s", check, f, want)
		}
	}
	if open.Load() != 0 {
		t.Errorf("%d sessions are left", open.Load())
	}
}

// TestUpstreamFindings: what is wrong with an upstream.
func TestUpstreamFindings(t *testing.T) {
	t.Parallel()
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for want, h := range map[string]http.HandlerFunc{
		"wants a sign-in of its own: it answers 401": status(401, ""),
		"wants a sign-in of its own: it answers 403": status(403, "no"),
		"refuses the Host header 127.0.0.1":          status(421, ""),
		"refuses the Host header 127.0.0.1:":         status(403, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Invalid Host header"}}`),
		"redirects (307)":                            status(307, ""),
		"is no MCP endpoint: it answers 404":         status(404, "not found"),
		"is no MCP endpoint: it answers 200":         status(200, "<html>"),
		"speaks only the old HTTP+SSE transport": func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: endpoint\ndata: /messages?id=1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		s := httptest.NewServer(h)
		found := examine(t, s.URL+"/mcp", nil)
		s.CloseClientConnections()
		s.Close()
		if f := found["upstream_reachable"]; f.Status != Failed || !strings.Contains(f.What, want) {
			t.Errorf("%+v, want %s", f, want)
		}
		if _, ok := found["upstream_revisions"]; ok {
			t.Errorf("%s: it speaks a revision", want)
		}
	}
}

// TestUpstreamAway: one that cannot be reached, and one at a public address.
func TestUpstreamAway(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	url := s.URL
	s.Close()
	if f := examine(t, url, nil)["upstream_reachable"]; f.Status != Failed || !strings.Contains(f.What, "cannot be reached") {
		t.Errorf("%+v", f)
	}
	if f := examine(t, "unix:/nowhere/mcp.sock:/mcp", nil); f["upstream_reachable"].Status != Failed || f["upstream_private"].Status != OK {
		t.Errorf("%+v", f)
	}
	for url, want := range map[string]Status{"http://192.0.2.1:9/mcp": Warning, "http://10.1.2.3/mcp": OK, "http://[::1]/mcp": OK, "http://[2001:db8::1]/mcp": Warning} {
		target, err := gateway.ParseTarget(url)
		if err != nil {
			t.Fatal(err)
		}
		d := &Doctor{Addresses: func() []netip.Addr { return nil }}
		d.exposure(t.Context(), upstreams.At(target))
		if len(d.findings) != 1 || d.findings[0].Status != want {
			t.Errorf("%s: %+v, want %s", url, d.findings, want)
		}
	}
}

// TestUpstreamCommand: whether a server that speaks stdio is installed, and where its sessions live.
func TestUpstreamCommand(t *testing.T) {
	t.Parallel()
	about := func(path, mode string) Finding {
		d := &Doctor{Upstreams: []upstreams.Upstream{{Name: "a", Command: &upstreams.Command{Path: path, Process: mode}}}}
		d.upstreams(t.Context())
		if len(d.findings) != 1 || d.findings[0].Check != "upstream_startable" {
			t.Fatalf("%+v", d.findings)
		}
		return d.findings[0]
	}
	if f := about("sh", upstreams.ProcessSession); f.Status != OK || !strings.Contains(f.What, "Mcp-Session-Id") {
		t.Errorf("%+v", f)
	}
	if f := about("sh", upstreams.ProcessShared); f.Status != OK || strings.Contains(f.What, "Mcp-Session-Id") {
		t.Errorf("%+v", f)
	}
	if f := about("no-such-program-here", upstreams.ProcessSession); f.Status != Failed || f.Fix == "" || !strings.Contains(f.What, "not found in PATH") {
		t.Errorf("%+v", f)
	}
}
