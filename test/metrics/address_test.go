package metrics_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestAddress: the public address has no metrics, the other one has nothing else, and both end
// with the process.
func TestAddress(t *testing.T) {
	t.Parallel()
	s := start(t, harness.Engines()[0].Options(t))
	for url, want := range map[string]int{
		s.URL + "/metrics": http.StatusNotFound, s.metrics: http.StatusOK,
		strings.TrimSuffix(s.metrics, "/metrics") + "/authorize": http.StatusNotFound,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", url, res.StatusCode, want)
		}
	}
	if status := s.Term(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(req); err == nil {
		_ = res.Body.Close()
		t.Error("the metrics outlive the server")
	}
}

// TestPublicAddress: metrics at the public address stop the start, with one line and exit
// status 2.
func TestPublicAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ listen, metrics, want string }{
		{"127.0.0.1:9191", "127.0.0.1:9191", "is the public address"},
		{"127.0.0.1:9191", "localhost:9191", "is the public address"},
		{"0.0.0.0:9191", "127.0.0.1:9191", "is the public address"},
		{"127.0.0.1:9191", ":9191", "is the public address"},
		{"127.0.0.1:9191", "9192", "is not an address"},
		{"127.0.0.1:9191", "127.0.0.1:", "is not an address"},
	} {
		r := harness.Run(t.Context(), t, []string{"MCPKEEP_METRICS_LISTEN=" + tt.metrics, "DATABASE_URL=" + harness.SQLite(t)}, "serve", "--listen", tt.listen)
		if r.Status != 2 || strings.Count(r.Stderr, "\n") != 1 || !strings.Contains(r.Stderr, "MCPKEEP_METRICS_LISTEN") || !strings.Contains(r.Stderr, tt.want) {
			t.Errorf("%+v: status %d, %q", tt, r.Status, r.Stderr)
		}
	}
}
