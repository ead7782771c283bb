package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestCallsOfAnOutage: calls do not wait for a database that is away. When it is back, those
// that were kept are in the audit trail, and one event counts those that were not.
func TestCallsOfAnOutage(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`[]`))
	}))
	t.Cleanup(upstream.Close)
	cluster := pgtest.NewCluster(t)
	p := harness.Start(t, harness.Options{
		Database: cluster.DSN(), Args: []string{"--upstream", upstream.URL + "/mcp"}, Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)},
	})
	c := signIn(t, p)
	const batch = 1000
	calls := "[" + strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}},`, batch-1) +
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}]`
	callAll(t, p, c, calls)
	if err := cluster.Stop(true); err != nil {
		t.Fatal(err)
	}
	made := batch
	for made < audit.Capacity+5*batch {
		callAll(t, p, c, calls)
		made += batch
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	var lost, recorded int
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		dropped := detailsOf(t, p, "tool_calls_lost")
		recorded, lost = len(detailsOf(t, p, "tool_called")), 0
		for _, detail := range dropped {
			var n int
			if _, err := fmt.Sscanf(detail, "calls=%d", &n); err != nil {
				t.Fatal(detail, err)
			}
			lost += n
		}
		if recorded+lost == made {
			if len(dropped) != 1 {
				t.Errorf("%d events count what was dropped: %q", len(dropped), dropped)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d calls recorded and %d counted as lost, of %d", recorded, lost, made)
		}
	}
	if recorded < audit.Capacity {
		t.Errorf("%d calls were kept, want %d", recorded, audit.Capacity)
	}
	t.Logf("%d calls: %d recorded, %d counted as lost", made, recorded, lost)
}

// callAll posts a batch of calls, which works without the database.
func callAll(t *testing.T, p *harness.Process, c *harness.Client, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + c.AccessToken}, "Content-Type": {"application/json"}}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if content, err := io.ReadAll(response.Body); err != nil || string(content) != "[]" {
		t.Fatalf("calls: %d %s %v", response.StatusCode, content, err)
	}
}

// detailsOf returns the details of the events of a type; none while the database is away.
func detailsOf(t *testing.T, p *harness.Process, kind string) (details []string) {
	t.Helper()
	result := p.Command(t.Context(), t, "events", "--type", kind, "--limit", "0", "--json")
	var list []struct {
		Detail string `json:"detail"`
	}
	if result.Status != 0 {
		return nil
	}
	if err := json.Unmarshal([]byte(result.Stdout), &list); err != nil {
		t.Fatalf("%v: %v", err, result)
	}
	for _, e := range list {
		details = append(details, e.Detail)
	}
	return details
}
