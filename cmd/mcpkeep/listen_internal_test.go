package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestListenOnLoopback: localhost leads some clients to [::1] and others to 127.0.0.1, so
// that the server is at both.
func TestListenOnLoopback(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "localhost:0"} {
		open, own, err := listenAt(t.Context(), address, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(open.close)
		_, port, _ := net.SplitHostPort(open[0].Addr().String())
		want := []string{"http://127.0.0.1:" + port, "http://[::1]:" + port, "http://localhost:" + port}
		got := slices.Sorted(slices.Values(own.Names))
		if len(open) != 2 || !slices.Equal(got, want) || !own.All || own.BaseURL != "http://"+open[0].Addr().String() {
			t.Errorf("%s: %d listeners, %+v, want the names %q", address, len(open), own, want)
		}
	}
	open, own, err := listenAt(t.Context(), "0.0.0.0:0", slog.New(slog.DiscardHandler))
	if err != nil || len(open) != 1 || own.BaseURL != "" || own.Names != nil || own.All {
		t.Errorf("on all addresses: %d listeners, %+v, %v", len(open), own, err)
	}
	open.close()
}

// TestListenBesideAnotherProgram: the start says that another program has the port, in one
// line, and offers no name that leads there.
func TestListenBesideAnotherProgram(t *testing.T) {
	t.Parallel()
	other, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	_, port, _ := net.SplitHostPort(other.Addr().String())
	var log bytes.Buffer
	open, own, err := listenAt(t.Context(), "127.0.0.1:"+port, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer open.close()
	if len(open) != 1 || !slices.Equal(own.Names, []string{"http://127.0.0.1:" + port}) {
		t.Errorf("%d listeners, names %q", len(open), own.Names)
	}
	if line := log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "localhost is not offered") || !strings.Contains(line, "[::1]:"+port) {
		t.Errorf("the log has %q", line)
	}
}

// noApp ends immediately.
type noApp struct{}

func (noApp) Leave()                          {}
func (noApp) Wait(context.Context)            {}
func (noApp) CloseWithin(time.Duration) error { return nil }

// TestHTTP2WithoutTLS: in addition to HTTP/1.1, at the same port, and a stream in flight ends with
// the server.
func TestHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	open, _, err := listenAt(t.Context(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+"\n")
		w.(http.Flusher).Flush()
		if r.URL.Path == "/stream" {
			stop()
			time.Sleep(200 * time.Millisecond)
			_, _ = io.WriteString(w, "last\n")
		}
	})
	go func() {
		s := site{listeners: open, handler: handler, app: noApp{}, log: slog.New(slog.DiscardHandler)}
		ended <- s.serve(ctx)
	}()
	for _, tt := range []struct {
		http2      bool
		path, want string
	}{{false, "/", "HTTP/1.1\n"}, {true, "/", "HTTP/2.0\n"}, {true, "/stream", "HTTP/2.0\nlast\n"}} {
		var p http.Protocols
		p.SetHTTP1(!tt.http2)
		p.SetUnencryptedHTTP2(tt.http2)
		client := http.Client{Transport: &http.Transport{Protocols: &p}, Timeout: 10 * time.Second}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+open[len(open)-1].Addr().String()+tt.path, http.NoBody)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(body) != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.path, body, err, tt.want)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
