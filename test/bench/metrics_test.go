//go:build bench

package bench_test

import (
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// metricsAim is how much more processor time a call may cost with metrics.
const metricsAim = 1.02

// TestMetricsCost compares the processor time of a call of a built-in tool with metrics and
// without, in turns.
func TestMetricsCost(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * toolCallers}}
	t.Cleanup(client.CloseIdleConnections)
	var list []way
	for name, env := range map[string][]string{"without": nil, "with": {"MCPKEEP_METRICS_LISTEN=" + harness.FreeAddress(t)}} {
		p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Env: env})
		c := harness.NewClient(p.URL, nil)
		must(t, c.SignIn(t.Context(), harness.NewBrowser(nil)))
		list = append(list, way{name, p.URL + "/mcp", c.AccessToken, p.PID()})
	}
	const rounds = 200
	cost := map[string]time.Duration{}
	for round := range rounds + 1 { // the first one is to get warm
		for _, w := range list {
			w.callTools(t, client)
			if round == 0 {
				cost[w.name] = -processorOf(t, w.pid)
			}
		}
	}
	for _, w := range list {
		cost[w.name] += processorOf(t, w.pid)
	}
	const calls = rounds * toolCallers * callsEach
	met := "met"
	if float64(cost["with"]) > metricsAim*float64(cost["without"]) {
		met = "**missed**"
	}
	_, _ = fmt.Fprintln(os.Stdout, cells("processor time of a call of a tool, with metrics", micros(float64(cost["with"]/calls)),
		"without "+micros(float64(cost["without"]/calls)), ratio(float64(cost["with"]), float64(cost["without"])), fmt.Sprintf("≤ %.2f", metricsAim), met))
}

// callTools has callers call a tool at the same time.
func (w way) callTools(t *testing.T, client *http.Client) {
	t.Helper()
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`
	var all sync.WaitGroup
	for range toolCallers {
		all.Go(func() {
			for range callsEach {
				w.send(t, client, call, "")
			}
		})
	}
	all.Wait()
}
