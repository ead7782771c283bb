package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/server"
)

const short = 300 * time.Millisecond

// network serves a site with short deadlines on a real connection.
func (s *site) network(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	cfg := s.config
	cfg.Resources = protecting(handler)
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.SetDeadlines(short, short, short)
	web := httptest.NewServer(srv.Handler())
	t.Cleanup(web.Close)
	return web.Listener.Addr().String()
}

// send opens a connection and sends a request's head, and the beginning of its body.
func send(t *testing.T, address, path, token, beginning string, length int) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, strings.TrimPrefix(base, "https://"), token, length, beginning)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestQuietStream: a stream lives longer than any page may take, while it is quiet too.
func TestQuietStream(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.register().connect().access
	address := s.network(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(2 * short):
			}
		}
		_, _ = io.WriteString(w, "data: last\n\n")
	})
	res, err := http.ReadResponse(bufio.NewReader(send(t, address, "/mcp", token, "{}", 2)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if want := "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: last\n\n"; err != nil || string(body) != want {
		t.Errorf("got %q, %v, want %q", body, err, want)
	}
}

// TestClientThatDoesNotRead: a write to a stream whose client reads nothing ends.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.register().connect().access
	failed := make(chan error, 1)
	address := s.network(t, func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for range 1000 {
			if _, err := w.Write(block); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	})
	send(t, address, "/mcp", token, "{}", 2)
	select {
	case err := <-failed:
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("write: %v, want a timeout", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the write hangs")
	}
}

// TestSlowBody: a body that does not arrive is cut, at an endpoint and at a stream.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.register().connect().access
	read := make(chan error, 1)
	address := s.network(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})
	for _, path := range []string{"/token", "/mcp", "/healthz", "/nothing"} {
		conn := send(t, address, path, token, "grant", 100)
		began := time.Now()
		_, _ = io.Copy(io.Discard, conn) // until the server hangs up
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: the connection was open for %v", path, took)
		}
	}
	if err := <-read; err == nil {
		t.Error("the handler took half a body for a whole one")
	}
}

// TestNextRequestHasItsOwnDeadlines: a connection is used again after the deadlines of its
// earlier requests.
func TestNextRequestHasItsOwnDeadlines(t *testing.T) {
	t.Parallel()
	s := start(t)
	address := s.network(t, func(http.ResponseWriter, *http.Request) {})
	conn := send(t, address, "/token", "", "grant", 5)
	answers := bufio.NewReader(conn)
	for i := range 3 {
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		time.Sleep(2 * short)
		_, err = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: keep.example.com\r\n\r\n")
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

// TestDeadlinesOverHTTP2: a stream of HTTP/2 without TLS lives while it is quiet, and a body
// that does not arrive is cut, without harm to the connection's other streams.
func TestDeadlinesOverHTTP2(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.register().connect().access
	cut := make(chan struct{}, 1)
	cfg := s.config
	cfg.Resources = protecting(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			cut <- struct{}{}
			return
		}
		for range 2 {
			_, _ = io.WriteString(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			time.Sleep(2 * short)
		}
	}))
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.SetDeadlines(short, short, short)
	web := httptest.NewUnstartedServer(srv.Handler())
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	web.Config.Protocols = &p
	web.Start()
	t.Cleanup(web.Close)
	client := http.Client{Transport: &http.Transport{Protocols: &p}, Timeout: 20 * time.Second}
	call := func(body io.Reader) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/mcp", body)
		if err != nil {
			return "", err
		}
		req.Host = hostOf(base)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		return res.Proto + " " + string(text), err
	}
	stuck, never := io.Pipe()
	defer func() { _ = never.Close() }()
	go func() { _, _ = call(stuck) }()
	if got, err := call(strings.NewReader("{}")); err != nil || got != "HTTP/2.0 data: x\n\ndata: x\n\n" {
		t.Errorf("%q, %v", got, err)
	}
	select {
	case <-cut:
	case <-time.After(20 * time.Second):
		t.Error("half a body is awaited forever")
	}
}
