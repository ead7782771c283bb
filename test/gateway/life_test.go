package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// proceeds calls a tool and demands that notifications of its progress come.
func proceeds(t *testing.T, m *client.Client) {
	t.Helper()
	var progress atomic.Int32
	m.OnNotification(func(n mcp.JSONRPCNotification) {
		if n.Method == "notifications/progress" {
			progress.Add(1)
		}
	})
	if err := harness.CallIn(t.Context(), m, "test_tool_with_progress", &mcp.Meta{ProgressToken: "p"}); err != nil || progress.Load() == 0 {
		t.Errorf("progress: %v, %d notifications", err, progress.Load())
	}
}

// TestLife: a session works through mcpkeep as it does directly, and survives kill -9 of
// mcpkeep with the same id and without a handshake.
func TestLife(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	p, c := protect(t, u.url)
	m := harness.Connect(t, c)
	proceeds(t, m)
	for len(u.seen) > 1 {
		<-u.seen
	}
	h := <-u.seen
	if h.Get("X-Mcpkeep-Client") != c.ID || h.Get("X-Mcpkeep-User") == "" || h.Get("Authorization") != "" || h.Get("Mcp-Session-Id") == m.GetSessionId() {
		t.Errorf("the upstream got %v", h)
	}
	p.Kill9()
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := harness.CallIn(t.Context(), m, "test_tool_with_logging", nil); err != nil {
		t.Errorf("after kill -9: %v", err)
	}
	if status, body := post(t, p.URL+"/mcp", signIn(t, p).AccessToken, m.GetSessionId()); status != http.StatusNotFound {
		t.Errorf("another client with this session: %d %s", status, body)
	}
	if status, _ := post(t, p.URL+"/mcpkeep/mcp", c.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("a token for the upstream at the built-in tools: %d", status)
	}
}

func post(t *testing.T, url, token, session string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if session != "" {
		r.Header.Set("Mcp-Session-Id", session)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// endsWithin is how soon a revocation ends open streams, and slowMachine how many calls of this
// machine more are allowed.
const (
	endsWithin  = 5 * time.Second
	slowMachine = 50
)

// TestRevocationEndsStreams: on every replica, whichever process revokes.
func TestRevocationEndsStreams(t *testing.T) {
	t.Parallel()
	upstream := newUpstream(t).url
	opts := harness.Options{Database: harness.SQLite(t), Listen: harness.FreeAddress(t)}
	opts.Args = []string{"--upstream", upstream, "--base-url", "http://" + opts.Listen}
	p := harness.Start(t, opts)
	opts.Listen = ""
	replicas := []*harness.Process{p, harness.Start(t, opts)}
	c := signIn(t, p)
	began := time.Now()
	_ = harness.Connect(t, c).Close()
	limit := endsWithin + slowMachine*time.Since(began)
	ended := make(chan int)
	for i, replica := range replicas {
		stream := streamAt(t, c, harness.NewRoute(replica))
		go func() {
			_, _ = io.Copy(io.Discard, stream)
			ended <- i
		}()
	}
	if result := p.Command(t.Context(), t, "grants", "revoke", "--client", c.ID, "--yes"); result.Status != 0 {
		t.Fatal(result)
	}
	revoked := time.Now()
	for range replicas {
		select {
		case i := <-ended:
			t.Logf("replica %d ended its stream %v after the revocation", i, time.Since(revoked).Round(time.Millisecond))
		case <-time.After(limit - time.Since(revoked)):
			t.Fatalf("a stream is still open %v after the revocation", limit)
		}
	}
}

// streamAt opens a client's event stream at a replica.
func streamAt(t *testing.T, c *harness.Client, through http.RoundTripper) io.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.Server+"/mcp", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.AccessToken)
	r.Header.Set("Accept", "text/event-stream")
	response, err := (&http.Client{Transport: through}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the stream got %d", response.StatusCode)
	}
	return response.Body
}
