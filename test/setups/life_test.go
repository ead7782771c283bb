package setups_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestLifeBehindProxy signs a client in through a proxy that ends TLS, and has it call,
// refresh, survive a crash and be revoked.
func TestLifeBehindProxy(t *testing.T) {
	for name := range proxies {
		t.Run(name, func(t *testing.T) {
			p, f := behind(t, name)
			c := harness.NewClient(f.url, f.through)
			must := func(what string, err error) {
				t.Helper()
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			call := func() error { _, err := c.Call(t.Context(), "whoami"); return err }
			must("sign in", c.SignIn(t.Context(), harness.NewBrowser(f.through)))
			must("call", call())
			must("refresh", c.Refresh(t.Context()))
			p.Kill9()
			must("restart", p.Restart())
			must("call after the crash", call())
			must("refresh after the crash", c.Refresh(t.Context()))
			must("revoke", c.Revoke(t.Context(), c.RefreshToken))
			if err := call(); err == nil || !strings.Contains(err.Error(), "401") {
				t.Errorf("after the revocation a call ended with %v, want 401", err)
			}
		})
	}
}

// TestStreamBehindProxy: an event arrives before the next one is sent, and the Host
// header is the one that the client sent.
func TestStreamBehindProxy(t *testing.T) {
	for name := range proxies {
		for framing, open := range map[string]func(*testing.T, http.ResponseWriter) io.Writer{"chunked": chunked, "until it ends": untilEnd} {
			t.Run(name+", "+framing, func(t *testing.T) { streams(t, name, open) })
		}
	}
}

// chunked opens a stream as mcpkeep does, in HTTP/1.1.
func chunked(_ *testing.T, w http.ResponseWriter) io.Writer {
	w.Header().Set("Content-Type", "text/event-stream")
	return w
}

// untilEnd opens a stream that the end of the connection ends, which nginx passes on in whole
// buffers unless it is told otherwise.
func untilEnd(t *testing.T, w http.ResponseWriter) io.Writer {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return w
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
	return conn
}

// streams has an upstream send three events, each when the one before has arrived.
func streams(t *testing.T, name string, open func(*testing.T, http.ResponseWriter) io.Writer) {
	find(t, name)
	next, hosts := make(chan struct{}), make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mcp" {
			return
		}
		hosts <- r.Host
		stream := open(t, w)
		for i := range 3 {
			_, _ = fmt.Fprintf(stream, "data: %d\n\n", i)
			if f, ok := stream.(http.Flusher); ok {
				f.Flush()
			}
			select {
			case <-next:
			case <-t.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(upstream.Close)
	f := inFront(t, name, harness.FreeAddress(t), upstream.Listener.Addr().String())
	client := &http.Client{Transport: f.through, Timeout: patience}
	began := time.Now()
	res, err := client.Get(f.url + "/mcp")
	if err != nil {
		t.Fatalf("no stream after %s: %v", time.Since(began), err)
	}
	defer func() { _ = res.Body.Close() }()
	if got, want := <-hosts, strings.TrimPrefix(f.url, "https://"); got != want {
		t.Errorf("the server got the host %q, want %q", got, want)
	}
	if res.ProtoMajor != 2 {
		t.Errorf("the proxy speaks %s", res.Proto)
	}
	lines := bufio.NewScanner(res.Body)
	for i := range 3 {
		if !lines.Scan() || lines.Text() != fmt.Sprint("data: ", i) || !lines.Scan() {
			t.Fatalf("event %d: %q, %v", i, lines.Text(), lines.Err())
		}
		next <- struct{}{}
	}
}
