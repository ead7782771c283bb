//go:build chaos

package chaos_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	slowClients = 200
	// slowFor is longer than the program lets anyone take for a request.
	slowFor = 45 * time.Second
)

// TestSlowClients: D9. Two hundred clients that send a byte a second, some in the
// head of the request and some in its body, keep no one else waiting and are cut off.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, harness.Engines()[0].Options(t))
	c := signedIn(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), slowFor)
	defer cancel()
	var wg sync.WaitGroup
	cut := make(chan bool, slowClients)
	for i := range slowClients {
		wg.Go(func() { cut <- drip(ctx, t, p.Address(), i%2 == 0) })
	}
	slowest := time.Duration(0)
	for range 50 {
		began := time.Now()
		if _, err := c.Call(ctx, "whoami"); err != nil {
			t.Errorf("a client that is not slow: %v", err)
		}
		slowest = max(slowest, time.Since(began))
	}
	wg.Wait()
	close(cut)
	n := 0
	for ok := range cut {
		if ok {
			n++
		}
	}
	t.Logf("%d of %d slow clients were cut off; the slowest call of another took %v", n, slowClients, slowest.Round(time.Millisecond))
	if n != slowClients {
		t.Errorf("%d slow clients were not cut off within %v", slowClients-n, slowFor)
	}
}

// drip sends a request byte by byte and reports whether the server hung up.
func drip(ctx context.Context, t *testing.T, address string, head bool) bool {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		t.Error(err)
		return false
	}
	defer func() { _ = conn.Close() }()
	start := fmt.Sprintf("POST /register HTTP/1.1\r\nHost: %s\r\n", address)
	if !head {
		start += "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
	}
	if _, err := io.WriteString(conn, start); err != nil {
		return true
	}
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, conn) // ends when the server hangs up
		close(closed)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-closed:
			return true
		case <-ctx.Done():
			return false
		case <-tick.C:
			if _, err := io.WriteString(conn, "x"); err != nil {
				return true
			}
		}
	}
}

// TestHugeBodies: D9. A body of a hundred megabytes is refused before it is read.
func TestHugeBodies(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, harness.Engines()[0].Options(t))
	c := signedIn(t, p)
	for path, contentType := range map[string]string{
		"/register": "application/json", "/token": "application/x-www-form-urlencoded", "/mcp": "application/json",
	} {
		body := io.LimitReader(endless{}, 100<<20)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 100 << 20
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Authorization", "Bearer "+c.AccessToken)
		req.Header.Set("Expect", "100-continue")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Logf("%s: the connection ended: %v", path, err) // it may end before the answer is read
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode < 400 || res.StatusCode >= 500 {
			t.Errorf("%s: status %d", path, res.StatusCode)
		}
	}
	if _, err := c.Call(t.Context(), "whoami"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}
