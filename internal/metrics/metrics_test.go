package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestCounts: each method moves its series, and no other one, by one.
func TestCounts(t *testing.T) {
	t.Parallel()
	took := 20 * time.Millisecond
	for _, tt := range []struct {
		count func(*metrics.Metrics)
		moved []string
	}{
		{func(m *metrics.Metrics) { m.Request(metrics.RouteToken, 404, took) }, []string{
			`mcpkeep_requests_total{route="token",status="4xx"}`, `mcpkeep_request_duration_seconds_count{route="token"}`,
			`mcpkeep_request_duration_seconds_bucket{route="token",le="0.025"}`,
		}},
		{func(m *metrics.Metrics) { m.Request(metrics.RouteMCP, 0, took) }, []string{`mcpkeep_requests_total{route="mcp",status="none"}`}},
		{func(m *metrics.Metrics) { m.Registration(metrics.Full) }, []string{`mcpkeep_registrations_total{outcome="full"}`}},
		{func(m *metrics.Metrics) { m.Authorization(metrics.Denied) }, []string{`mcpkeep_authorizations_total{outcome="denied"}`}},
		{func(m *metrics.Metrics) { m.SignIn(metrics.Throttled) }, []string{`mcpkeep_sign_ins_total{outcome="throttled"}`}},
		{func(m *metrics.Metrics) { m.Issued("refresh_token") }, []string{`mcpkeep_tokens_issued_total{grant_type="refresh_token"}`}},
		{func(m *metrics.Metrics) { m.Refresh(metrics.Reused) }, []string{`mcpkeep_refreshes_total{outcome="reused"}`}},
		{func(m *metrics.Metrics) { m.UnknownClient("token") }, []string{`mcpkeep_clients_unknown_total{endpoint="token"}`}},
		{func(m *metrics.Metrics) { m.Readopted() }, []string{"mcpkeep_clients_readopted_total"}},
		{func(m *metrics.Metrics) { m.Outage() }, []string{"mcpkeep_outage_requests_total"}},
		{func(m *metrics.Metrics) { m.Committed("grant_adopted") }, []string{
			`mcpkeep_events_total{type="grant_adopted"}`, "mcpkeep_sessions_adopted_total",
		}},
		{func(m *metrics.Metrics) { m.Unreadable("mcpkeep_users") }, []string{`mcpkeep_unreadable_rows_total{table="mcpkeep_users"}`}},
		{func(m *metrics.Metrics) { m.Unreadable("x") }, []string{`mcpkeep_unreadable_rows_total{table="other"}`}},
		{func(m *metrics.Metrics) { m.Statement("read", took, true) }, []string{
			`mcpkeep_database_statements_total{kind="read",outcome="failed"}`, `mcpkeep_database_statement_duration_seconds_count{kind="read"}`,
		}},
	} {
		m := newMetrics()
		before, _ := scrape(t, m)
		tt.count(m)
		after, _ := scrape(t, m)
		for _, series := range tt.moved {
			if before[series] != "0" || after[series] != "1" {
				t.Errorf("%s: from %q to %q", series, before[series], after[series])
			}
		}
		for series, value := range after {
			family, _, _ := strings.Cut(series, "{")
			if !strings.HasPrefix(family, "mcpkeep_") || !strings.HasSuffix(family, "_total") || before[series] == value {
				continue
			}
			if !contains(tt.moved, series) {
				t.Errorf("%s moved with %v", series, tt.moved)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, other := range list {
		if other == s {
			return true
		}
	}
	return false
}

// TestOff: nil metrics count nothing and change no transport.
func TestOff(t *testing.T) {
	t.Parallel()
	var m *metrics.Metrics
	m.Request("token", 200, 0)
	m.Registration(metrics.OK)
	m.Authorization(metrics.OK)
	m.SignIn(metrics.OK)
	m.Issued("")
	m.Refresh(metrics.OK)
	m.UnknownClient("token")
	m.Readopted()
	m.Outage()
	m.Committed("")
	m.Unreadable("")
	m.Statement("read", 0, false)
	m.Call("a", "b", metrics.OK, 0)
	m.Ask(nil)
	if base := http.DefaultTransport; m.Transport(base) != base {
		t.Error("nil metrics replace a transport")
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestProvider: the time of the first failure stays until the provider answers, and a refusal
// is an answer.
func TestProvider(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testProvider)
}

func testProvider(t *testing.T) {
	m := newMetrics()
	status, failure := 503, error(nil)
	c := http.Client{Transport: m.Transport(transport(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: http.NoBody}, failure
	}))}
	ask := func() (since string) {
		if resp, err := c.Get("http://provider.invalid/"); err == nil {
			_ = resp.Body.Close()
		}
		samples, _ := scrape(t, m)
		return samples["mcpkeep_provider_unanswered_since_timestamp_seconds"]
	}
	first := ask()
	failure = errors.New("refused connection")
	time.Sleep(time.Minute)
	if second := ask(); first == "0" || second != first {
		t.Errorf("unanswered since %s, then %s", first, second)
	}
	status, failure = 401, nil
	if since := ask(); since != "0" {
		t.Errorf("after a response unanswered since %s", since)
	}
	status = 200
	ask()
	samples, _ := scrape(t, m)
	for outcome, want := range map[string]string{"ok": "1", "refused": "1", "failed": "2"} {
		if got := samples[fmt.Sprintf("mcpkeep_provider_requests_total{outcome=%q}", outcome)]; got != want {
			t.Errorf("%s: %s, want %s", outcome, got, want)
		}
	}
}

// maxSeries is the bound without upstreams.
const maxSeries = 400

// TestSeries: there are at most 400 series, and what upstreams and tools add is bounded,
// whatever clients call.
func TestSeries(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.Ask(func(_ context.Context, emit metrics.Emit) { // the gauges that the program adds
		for _, f := range metrics.Families() {
			if f.Kind == metrics.Gauge && strings.HasPrefix(f.Name, "mcpkeep_") && f.Name != "mcpkeep_provider_unanswered_since_timestamp_seconds" {
				emit(f.Name, 1)
			}
		}
	})
	fixed, _ := scrape(t, m)
	const severalValues = 11 // more keys, states of connections
	if len(fixed)+severalValues > maxSeries {
		t.Errorf("%d series", len(fixed))
	}
	t.Logf("%d series", len(fixed))
	for upstream := range 100 {
		for tool := range 100 {
			outcome := metrics.OK
			if tool%2 == 0 {
				outcome = metrics.Error
			}
			m.Call(fmt.Sprintf("u%d", upstream), fmt.Sprintf("t%d", tool), outcome, time.Second)
		}
	}
	all, _ := scrape(t, m)
	const outcomes, duration = 4, 9
	if added, most := len(all)-len(fixed), (metrics.MaxUpstreams+1)*(outcomes+duration)+(metrics.MaxTools+1)*outcomes; added > most {
		t.Errorf("calls add %d series, more than %d", added, most)
	}
	if all[`mcpkeep_upstream_calls_total{upstream="other",outcome="ok"}`] != "4000" {
		t.Errorf("calls of further upstreams: %q", all[`mcpkeep_upstream_calls_total{upstream="other",outcome="ok"}`])
	}
}

// TestToolNames: a name that a client made up gets no series, nor does one with other
// characters or of another length than tools have.
func TestToolNames(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.Call("a", "made_up", metrics.Error, 0)
	m.Call("a", "real", metrics.Error, 0)
	m.Call("a", "real", metrics.OK, 0)
	m.Call("a", "real", metrics.Failed, 0)
	m.Call("a", "x\"}\n", metrics.OK, 0)
	m.Call("a", strings.Repeat("x", 65), metrics.OK, 0)
	samples, text := scrape(t, m)
	for series, want := range map[string]string{
		`mcpkeep_tool_calls_total{upstream="other",tool="other",outcome="error"}`: "2",
		`mcpkeep_tool_calls_total{upstream="other",tool="other",outcome="ok"}`:    "2",
		`mcpkeep_tool_calls_total{upstream="a",tool="real",outcome="ok"}`:         "1",
		`mcpkeep_tool_calls_total{upstream="a",tool="real",outcome="failed"}`:     "1",
		`mcpkeep_upstream_calls_total{upstream="a",outcome="error"}`:              "2",
	} {
		if samples[series] != want {
			t.Errorf("%s is %q, want %s", series, samples[series], want)
		}
	}
	if strings.Contains(text, "made_up") {
		t.Error("a name that does not exist has a series")
	}
}

// TestConcurrent: calls, counts and scrapes may run concurrently, and none is lost.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				m.Call(fmt.Sprintf("u%d", n%30), fmt.Sprintf("t%d", (n+i)%70), metrics.OK, 0)
				m.Committed(string(storage.EventTokensIssued))
			}
			_ = m.Write(context.Background(), new(strings.Builder))
		})
	}
	all.Wait()
	samples, _ := scrape(t, m)
	if got := samples[`mcpkeep_events_total{type="tokens_issued"}`]; got != "1600" {
		t.Errorf("%s events", got)
	}
}

// TestHandler: only GET and HEAD of /metrics are served.
func TestHandler(t *testing.T) {
	t.Parallel()
	h := newMetrics().Handler()
	for request, want := range map[string]int{
		"GET /metrics": 200, "HEAD /metrics": 200, "POST /metrics": 405, "GET /": 404, "GET /metrics/x": 404, "GET /debug/pprof/": 404,
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", request, w.Code, want)
		}
		if want == 200 && w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
			t.Errorf("%s: %s", request, w.Header().Get("Content-Type"))
		}
	}
}
