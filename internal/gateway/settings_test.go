package gateway_test

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
)

// changed is a gateway with another configuration in front of a handler.
func changed(t *testing.T, h http.HandlerFunc, change func(*gateway.Config)) (*gateway.Upstream, *httptest.Server) {
	t.Helper()
	cfg := config(t, serve(t, h)+"/mcp")
	change(&cfg)
	u := open(t, cfg)
	return u, front(t, u)
}

// TestConfiguredHeaders: the operator's headers are sent in place of what a client says, and
// listed headers of clients cross unless the client's own Connection header names them.
func TestConfiguredHeaders(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	_, s := changed(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		w.WriteHeader(http.StatusAccepted)
	}, func(cfg *gateway.Config) {
		cfg.Headers = http.Header{"Authorization": {"Bearer ours"}, "X-Region": {"eu"}}
		cfg.ForwardHeaders = []string{"X-Tenant", "X-Other"}
	})
	send(t, http.MethodPost, s.URL, ping, "X-Tenant", "t1", "X-Region", "us", "X-Other", "no", "X-Unlisted", "no", "Connection", "X-Other, Authorization")
	h := <-seen
	if h.Get("Authorization") != "Bearer ours" || len(h["X-Region"]) != 1 || h.Get("X-Region") != "eu" || h.Get("X-Tenant") != "t1" {
		t.Errorf("the upstream got %v", h)
	}
	if h.Get("X-Other")+h.Get("X-Unlisted") != "" {
		t.Errorf("headers crossed that must not: %v", h)
	}
}

// TestMaxConcurrent: a user at the limit gets 429 and others are unharmed; a call that ends
// makes room. Streams of GET do not count.
func TestMaxConcurrent(t *testing.T) {
	t.Parallel()
	running, finish := make(chan bool, 10), make(chan bool)
	_, s := changed(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			running <- true
			<-finish
		}
		w.WriteHeader(http.StatusAccepted)
	}, func(cfg *gateway.Config) { cfg.MaxConcurrent = 2 })
	status := make(chan int, 10)
	call := func(caller string) {
		response, _ := send(t, http.MethodPost, s.URL, ping, "Test-Caller", caller)
		status <- response.StatusCode
	}
	for _, caller := range []string{"u_1 c_1", "u_1 c_2"} {
		go call(caller)
		eventually(t, running, "the call")
	}
	response, body := send(t, http.MethodPost, s.URL, ping, "Test-Caller", "u_1 c_3")
	if response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") == "" || !strings.Contains(body, `"id":"q-1"`) {
		t.Errorf("one call too many got %d %s", response.StatusCode, body)
	}
	if response, _ = send(t, http.MethodGet, s.URL, "", "Test-Caller", "u_1 c_1"); response.StatusCode != http.StatusAccepted {
		t.Errorf("GET counts: %d", response.StatusCode)
	}
	go call("u_2 c_1")
	eventually(t, running, "another user's call")
	close(finish)
	for range 3 {
		if got := eventually(t, status, "the end of a call"); got != http.StatusAccepted {
			t.Errorf("a call got %d", got)
		}
	}
	if response, _ = send(t, http.MethodPost, s.URL, ping, "Test-Caller", "u_1 c_3"); response.StatusCode != http.StatusAccepted {
		t.Errorf("after the others ended: %d", response.StatusCode)
	}
}

// TestIdle: a response that falls silent ends, and not as if it were whole.
func TestIdle(t *testing.T) {
	t.Parallel()
	_, s := changed(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"jsonrpc":`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(cfg *gateway.Config) { cfg.Idle = 50 * time.Millisecond })
	if response, body := send(t, http.MethodPost, s.URL, ping); response.StatusCode != http.StatusOK || !strings.HasPrefix(body, `{"jsonrpc": <`) {
		t.Errorf("got %d %q, want a response that broke off", response.StatusCode, body)
	}
}

// TestEnd: what is open at an upstream that goes ends, and what comes later gets 404.
func TestEnd(t *testing.T) {
	t.Parallel()
	running := make(chan bool, 2)
	u, s := changed(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http notices a hang-up behind the body only
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
		}
		running <- true
		<-r.Context().Done()
	}, func(*gateway.Config) {})
	lines, _ := listen(t, context.WithoutCancel(t.Context()), s.URL)
	eventually(t, running, "the stream")
	status := make(chan int, 1)
	go func() {
		response, _ := send(t, http.MethodPost, s.URL, ping)
		status <- response.StatusCode
	}()
	eventually(t, running, "the call")
	u.End()
	if got := eventually(t, status, "the end of the call"); got != http.StatusNotFound {
		t.Errorf("a call without response got %d", got)
	}
	select {
	case <-lines:
	case <-time.After(waitFor):
		t.Error("the stream stays open")
	}
	if response, _ := send(t, http.MethodPost, s.URL, ping); response.StatusCode != http.StatusNotFound {
		t.Errorf("a later call got %d", response.StatusCode)
	}
}

// TestCA: a server whose certificate the system does not know is reached with its CA alone.
func TestCA(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(upstream.Close)
	upstream.Config.ErrorLog = nil
	cfg := config(t, upstream.URL)
	without := front(t, open(t, cfg))
	cfg.Target.CA = x509.NewCertPool()
	cfg.Target.CA.AddCert(upstream.Certificate())
	with := front(t, open(t, cfg))
	if response, _ := send(t, http.MethodPost, without.URL, ping); response.StatusCode != http.StatusBadGateway {
		t.Errorf("without its CA: %d", response.StatusCode)
	}
	if response, _ := send(t, http.MethodPost, with.URL, ping); response.StatusCode != http.StatusAccepted {
		t.Errorf("with its CA: %d", response.StatusCode)
	}
}
