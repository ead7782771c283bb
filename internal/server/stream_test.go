package server_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestProtectedServerStreams: a server behind the endpoint is offered
// http.Flusher, and what it flushes arrives while it still works.
func TestProtectedServerStreams(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	s := start(t, func(set *setup) {
		set.Resources = protecting(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			flusher, ok := w.(http.Flusher)
			if !ok {
				http.Error(w, "no streaming", http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: first\n\n")
			flusher.Flush()
			<-arrived
			_, _ = io.WriteString(w, "data: last\n\n")
		}))
	})
	got := s.register().connect()
	site := httptest.NewServer(s.handler)
	t.Cleanup(site.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, site.URL+"/mcp", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = strings.TrimPrefix(base, "https://")
	req.Header.Set("Authorization", "Bearer "+got.access)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body := bufio.NewReader(res.Body)
	line, err := body.ReadString('\n')
	close(arrived)
	if err != nil || res.StatusCode != http.StatusOK || line != "data: first\n" {
		t.Errorf("status %d, first line %q, %v", res.StatusCode, line, err)
	}
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "\ndata: last\n\n" {
		t.Errorf("rest %q, %v", rest, err)
	}
}
