package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cut responds with JSON of which only the beginning comes. It then hangs up, or waits.
func cut(length, beginning string, waits bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // to notice a hang-up
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Mcp-Session-Id", "s-1")
		if length != "" {
			w.Header().Set("Content-Length", length)
		}
		_, _ = io.WriteString(w, beginning)
		_ = http.NewResponseController(w).Flush()
		if waits {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	}
}

// TestCutBeforeItBegan: of a response that ends early nothing may have left yet. The client gets an
// error with its id then, instead of a broken connection.
func TestCutBeforeItBegan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		h      http.HandlerFunc
		status int
	}{
		"a short one":             {cut("5000", `{"half":"secret`, false), http.StatusBadGateway},
		"nothing of a short one":  {cut("100", "", false), http.StatusBadGateway},
		"nothing of a long one":   {cut("1000000", "", false), http.StatusBadGateway},
		"nothing of chunks":       {cut("", "", false), http.StatusBadGateway},
		"a short one, in silence": {cut("100", `{"half":"secret`, true), http.StatusGatewayTimeout},
	} {
		upstream := serve(t, test.h)
		cfg := config(t, upstream)
		cfg.Idle = 200 * time.Millisecond
		response, body := send(t, http.MethodPost, front(t, open(t, cfg)).URL, ping)
		if response.StatusCode != test.status || !strings.Contains(body, `"id":"q-1"`) || !strings.Contains(body, "ref123") ||
			strings.Contains(body, "secret") || response.Header.Get("Mcp-Session-Id") != "" {
			t.Errorf("%s: %d %v %s", name, response.StatusCode, response.Header, body)
		}
	}
}

// TestJSONDoesNotWait: the beginning of a response crosses before its end exists, unless the whole is short.
func TestJSONDoesNotWait(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), waitFor)
	defer cancel()
	for name, length := range map[string]string{"in chunks": "", "a long one": "1000000"} {
		beginning := `{"half":` + strings.Repeat(" ", 9<<10)
		s := behind(t, cut(length, beginning, true))
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader(ping))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := make([]byte, 4<<10)
		if _, err := io.ReadFull(response.Body, got); err != nil || !strings.HasPrefix(beginning, string(got)) {
			t.Errorf("%s: %v, %q", name, err, got)
		}
		_ = response.Body.Close()
	}
}
