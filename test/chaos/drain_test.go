//go:build chaos

package chaos_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestTermDrains sends SIGTERM in the middle of a request. The request gets its
// answer, new connections are refused, and the status is 0.
func TestTermDrains(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			p := harness.Start(t, engine.Options(t))
			conn := halfRequest(t, p)
			began := time.Now()
			p.Terminate()
			within(t, 5*time.Second, "refusing new connections", func() bool {
				c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address())
				if err == nil {
					_ = c.Close()
				}
				return err != nil
			})
			id := otherHalf(t, conn)
			if status := p.Wait(); status != 0 {
				t.Errorf("exit status %d, want 0", status)
			}
			t.Logf("drained in %v", time.Since(began).Round(time.Millisecond))
			if err := p.Restart(); err != nil {
				t.Fatal(err)
			}
			c := harness.NewClient(p.URL, nil)
			c.ID = id
			if a := get(t.Context(), t, c.AuthorizeURL()); a.status != http.StatusOK {
				t.Errorf("the client registered while draining: status %d", a.status)
			}
		})
	}
}

// TestTermIdle: with nothing in flight the server stops immediately.
func TestTermIdle(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			p := harness.Start(t, engine.Options(t))
			signedIn(t, p) // leaves idle connections
			began := time.Now()
			if status := p.Term(); status != 0 {
				t.Errorf("exit status %d, want 0", status)
			}
			took := time.Since(began)
			t.Logf("ended in %v", took.Round(time.Millisecond))
			if took > 5*time.Second {
				t.Errorf("took %v with nothing in flight", took)
			}
		})
	}
}

const slowBody = `{"client_name":"Slow","redirect_uris":["http://127.0.0.1:9/callback"],"token_endpoint_auth_method":"none"}`

// halfRequest sends a registration but for the end of its body.
func halfRequest(t *testing.T, p *harness.Process) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /register HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		p.Address(), len(slowBody))
	if err != nil {
		t.Fatal(err)
	}
	// "100 Continue" says that the handler is reading.
	if _, err := bufio.NewReader(io.LimitReader(conn, int64(len(continued)))).Peek(len(continued)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, slowBody[:10]); err != nil {
		t.Fatal(err)
	}
	return conn
}

const continued = "HTTP/1.1 100 Continue\r\n\r\n"

// otherHalf sends the rest and returns the id in the answer.
func otherHalf(t *testing.T, conn net.Conn) string {
	t.Helper()
	if _, err := io.WriteString(conn, slowBody[10:]); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("the request in flight: %v", err)
	}
	defer func() { _ = res.Body.Close() }()
	var registered struct {
		ID string `json:"client_id"`
	}
	if err := decode(res.Body, &registered); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("the request in flight: status %d, %v", res.StatusCode, err)
	}
	return registered.ID
}
