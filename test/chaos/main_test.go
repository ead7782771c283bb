//go:build chaos

package chaos_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// setting returns a number from the environment.
func setting(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// signedIn returns a client that has signed in at a process.
func signedIn(t *testing.T, p *harness.Process) *harness.Client {
	t.Helper()
	c := harness.NewClient(p.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	return c
}

// answer is what a plain GET gets.
type answer struct {
	status int
	header http.Header
	body   map[string]any // of a JSON answer
	took   time.Duration
}

func get(ctx context.Context, t *testing.T, target string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode, header: res.Header, took: time.Since(began)}
	_ = json.NewDecoder(res.Body).Decode(&a.body) // pages are not JSON
	return a
}

// within repeats a check until it holds and returns how long that took.
func within(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}

// assertNo500 checks the statuses that the server logged.
func assertNo500(t *testing.T, p *harness.Process) {
	t.Helper()
	counts := p.Logs.Statuses()
	for status, n := range counts {
		if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
			t.Errorf("%d answers had status %d", n, status)
		}
	}
	t.Logf("answers by status: %v", counts)
}

// decode reads one JSON document.
func decode(r io.Reader, into any) error { return json.NewDecoder(r).Decode(into) }
