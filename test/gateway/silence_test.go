package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// silenceVariable is how long the upstream says nothing. What ends connections that are quiet
// has its limit in minutes: 150s is the real test.
const silenceVariable = "MCPKEEP_TEST_SILENCE"

func silence(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(silenceVariable)
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", silenceVariable, err)
	}
	return d
}

// TestSilence: a call whose response does not even begin for a long time, and an event stream
// that is quiet for as long, work.
func TestSilence(t *testing.T) {
	t.Parallel()
	quiet := silence(t)
	const result = `{"jsonrpc":"2.0","id":1,"result":{}}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(quiet):
		case <-r.Context().Done():
			return
		}
		if r.Method == http.MethodGet {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", result)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, result)
	}))
	t.Cleanup(s.Close)
	p, c := protect(t, s.URL+"/mcp")
	ctx, cancel := context.WithTimeout(t.Context(), quiet+time.Minute)
	defer cancel()
	stream := open(ctx, t, http.MethodGet, p.URL+"/mcp", c.AccessToken)
	began := time.Now()
	call := open(ctx, t, http.MethodPost, p.URL+"/mcp", c.AccessToken)
	if body, err := io.ReadAll(call.Body); err != nil || string(body) != result || call.StatusCode != http.StatusOK || time.Since(began) < quiet {
		t.Errorf("the call after %v: %d %s %v", time.Since(began), call.StatusCode, body, err)
	}
	comments := 0
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		switch text := lines.Text(); {
		case text == ":":
			comments++
		case strings.HasPrefix(text, "data: "):
			if text != "data: "+result {
				t.Errorf("the stream brought %s", text)
			}
			if want := int(quiet / (30 * time.Second)); comments < want {
				t.Errorf("%d comments while it was quiet, want at least %d", comments, want)
			}
			return
		}
	}
	t.Error("the stream ended without its event")
}

// open sends a ping and returns the response as soon as its headers are there.
func open(ctx context.Context, t *testing.T, method, url, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodGet {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}
