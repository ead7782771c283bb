//go:build cloud

package cloud_test

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	endsWithin = 9 * time.Second
	killedIn   = 10 * time.Second // after SIGTERM, by Cloud Run
)

// TestRollouts: revisions follow one another under load. Cloud Run sends requests to the new
// one as soon as it is ready, and ends the old one, in which a request hangs.
func TestRollouts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opts := w.options(w.doors()["TLS"])
	old := harness.Start(t, opts)
	opts.Args = []string{"--base-url", old.URL}
	l := startLoad(t, old)
	for i := range setting(t, "MCPKEEP_CLOUD_ROLLOUTS", 3) {
		opts.Env = append(opts.Env, fmt.Sprintf("K_REVISION=mcp-%05d-abc", i+2))
		next := harness.Start(t, opts)
		endless(t, old)
		l.route.To(next)
		end(t, old)
		old = next
	}
	l.stop(t)
}

// end sends SIGTERM, and SIGKILL as late as Cloud Run does.
func end(t *testing.T, p *harness.Process) {
	t.Helper()
	began := time.Now()
	kill := time.AfterFunc(killedIn, p.Kill9)
	status := p.Term()
	took := time.Since(began)
	if kill.Stop(); status != 0 || took >= endsWithin {
		t.Errorf("a revision ended with status %d after %v", status, took)
	}
	t.Logf("a revision ended in %v", took.Round(time.Millisecond))
	seen := statuses(p)
	if len(seen) == 0 {
		t.Error("the log has no request")
	}
	for status, n := range seen {
		if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
			t.Errorf("%d answers with status %d", n, status)
		}
	}
}

// statuses counts the answered requests of the log, which has them as Cloud Logging wants.
func statuses(p *harness.Process) map[int]int {
	counts := map[int]int{}
	for _, e := range p.Logs.Entries() {
		if request, ok := e["httpRequest"].(map[string]any); ok {
			status, _ := request["status"].(float64)
			counts[int(status)]++
		}
	}
	return counts
}

// endless sends a request whose body never ends.
func endless(t *testing.T, p *harness.Process) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /register HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", p.Address())
	must(t, err)
}
