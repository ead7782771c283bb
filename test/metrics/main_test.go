package metrics_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) {
	if !everything.ServedStdio() {
		harness.Main(m)
	}
}

// server is a process with metrics.
type server struct {
	*harness.Process
	metrics string // URL
}

func start(t *testing.T, opts harness.Options) server {
	t.Helper()
	address := harness.FreeAddress(t)
	opts.Env = append(opts.Env, "MCPKEEP_METRICS_LISTEN="+address)
	return server{harness.Start(t, opts), "http://" + address + "/metrics"}
}

// text returns what a scrape gets.
func (s server) text(ctx context.Context, t *testing.T) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", res.StatusCode, err)
	}
	return string(body)
}

// samples returns the values of a scrape by series.
func (s server) samples(ctx context.Context, t *testing.T) map[string]float64 {
	t.Helper()
	samples := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(s.text(ctx, t)))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		samples[line[:i]] = value
	}
	return samples
}
