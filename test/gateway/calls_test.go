package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// recordedCalls returns the details of the calls in the audit trail, as soon as there are n.
func recordedCalls(t *testing.T, p *harness.Process, n int) (details []string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		result := p.Command(t.Context(), t, "events", "--type", "tool_called", "--limit", "0", "--json")
		var list []struct {
			Detail string `json:"detail"`
			User   string `json:"user_id"`
		}
		if err := json.Unmarshal([]byte(result.Stdout), &list); err != nil {
			t.Fatalf("%v: %v", err, result)
		}
		if len(list) < n && time.Now().Before(deadline) {
			continue
		}
		for _, e := range list {
			if e.User == "" {
				t.Error("a call without a user")
			}
			details = append(details, e.Detail)
		}
		return details
	}
}

// TestCallsAreRecorded: calls of an upstream's and of mcpkeep's own tools are in the audit
// trail. A graceful end loses none; kill -9 loses what is younger than a second, and
// nothing that is older.
func TestCallsAreRecorded(t *testing.T) {
	t.Parallel()
	p, c := protect(t, newUpstream(t).url)
	m := harness.Connect(t, c)
	const tool = "test_simple_text"
	if err := harness.CallIn(t.Context(), m, tool, nil); err != nil {
		t.Fatal(err)
	}
	first := recordedCalls(t, p, 1)
	if len(first) != 1 || !strings.HasPrefix(first[0], "upstream=default tool="+tool+" outcome=ok ms=") {
		t.Fatalf("recorded: %q", first)
	}
	p.Kill9()
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := harness.CallIn(t.Context(), m, tool, nil); err != nil {
		t.Fatal(err)
	}
	if status := p.Term(); status != 0 { // within the second
		t.Errorf("the end: status %d", status)
	}
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if list := recordedCalls(t, p, 2); len(list) != 2 {
		t.Errorf("after kill -9 and a graceful end: %q", list)
	}
}
