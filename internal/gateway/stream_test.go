package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
)

// waitFor bounds how long a test waits for what has to happen.
const waitFor = 20 * time.Second

func eventually[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(waitFor):
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}

// listen opens an event stream and returns its lines.
func listen(t *testing.T, ctx context.Context, url string) (<-chan string, *http.Response) { //nolint:revive // t first, as in all helpers
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		defer func() { _ = response.Body.Close() }()
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return lines, response
}

// TestNoEventWaits: headers cross before the first event, and each event before the next.
func TestNoEventWaits(t *testing.T) {
	t.Parallel()
	next, gone := make(chan string), make(chan bool, 1)
	s := behind(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case event := <-next:
				_, _ = fmt.Fprintf(w, "data: %s\n\n", event)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				gone <- true
				return
			}
		}
	})
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	lines, response := listen(t, ctx, s.URL)
	if response.Header.Get("X-Accel-Buffering") != "no" || response.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("headers: %v", response.Header)
	}
	for _, event := range []string{"one", "two", strings.Repeat("x", 40_000)} {
		next <- event
		if got := eventually(t, lines, "an event"); got != "data: "+event {
			t.Fatalf("got %.60q", got)
		}
		eventually(t, lines, "a blank line")
	}
	hangUp()
	eventually(t, gone, "the end of the connection to the upstream")
}

// TestQuietStream: comments come between events, and none within one.
func TestQuietStream(t *testing.T) {
	t.Parallel()
	finish := make(chan bool)
	u := open(t, config(t, streaming(t, func(w io.Writer, flush func()) {
		_, _ = io.WriteString(w, "data: one\r\n\r\n")
		flush()
		<-finish
		_, _ = io.WriteString(w, "data: t")
		flush()
		<-finish
		_, _ = io.WriteString(w, "wo\n\n")
	})))
	gateway.SetQuiet(u, 20*time.Millisecond)
	lines, _ := listen(t, t.Context(), front(t, u).URL)
	read := func() string { return eventually(t, lines, "a line") }
	if got := read() + read() + read() + read(); got != "data: one:" {
		t.Errorf("got %q", got)
	}
	finish <- true
	time.Sleep(200 * time.Millisecond) // time for comments that must not come
	finish <- true
	var rest []string
	for line := range lines {
		rest = append(rest, line)
	}
	if !slices.Contains(rest, "data: two") {
		t.Errorf("a comment broke an event: %q", rest)
	}
}

// streaming starts an upstream that answers with an event stream.
func streaming(t *testing.T, write func(w io.Writer, flush func())) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		write(w, func() { _ = http.NewResponseController(w).Flush() })
	})
}

// TestCutShort: a response that ends early does not look whole.
func TestCutShort(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"with a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte(`{"half":` + strings.Repeat(" ", 50)))
			_ = http.NewResponseController(w).Flush()
		},
		"in chunks": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"half":`))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"in a stream": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte("data: half"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, behind(t, h).URL, strings.NewReader(ping))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			continue // nothing of it arrived
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil {
			t.Errorf("%s: %q looks whole", name, body)
		}
	}
}
