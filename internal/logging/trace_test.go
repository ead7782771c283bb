package logging_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/logging"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

func TestTraceOf(t *testing.T) {
	t.Parallel()
	whole := logging.Trace{ID: traceID, Span: spanID, Sampled: true}
	for name, tt := range map[string]struct {
		header, value string
		want          logging.Trace
	}{
		"W3C":                   {"traceparent", "00-" + traceID + "-" + spanID + "-01", whole},
		"W3C, not sampled":      {"traceparent", "00-" + traceID + "-" + spanID + "-02", logging.Trace{ID: traceID, Span: spanID}},
		"W3C of later":          {"traceparent", "01-" + traceID + "-" + spanID + "-01-more", whole},
		"W3C with more":         {"traceparent", "00-" + traceID + "-" + spanID + "-01-more", logging.Trace{}},
		"W3C, version ff":       {"traceparent", "ff-" + traceID + "-" + spanID + "-01", logging.Trace{}},
		"W3C, upper case":       {"traceparent", "00-" + strings.ToUpper(traceID) + "-" + spanID + "-01", logging.Trace{}},
		"W3C without a trace":   {"traceparent", "00-" + strings.Repeat("0", 32) + "-" + spanID + "-01", logging.Trace{}},
		"W3C without a span":    {"traceparent", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", logging.Trace{}},
		"Google":                {"X-Cloud-Trace-Context", traceID + "/67667974448284343;o=1", whole},
		"Google, not sampled":   {"X-Cloud-Trace-Context", traceID + "/67667974448284343;o=0", logging.Trace{ID: traceID, Span: spanID}},
		"Google, trace only":    {"X-Cloud-Trace-Context", traceID, logging.Trace{ID: traceID}},
		"Google, span too long": {"X-Cloud-Trace-Context", traceID + "/99999999999999999999", logging.Trace{ID: traceID}},
		"Google, nonsense":      {"X-Cloud-Trace-Context", "x\ny", logging.Trace{}},
		"nothing":               {"traceparent", "", logging.Trace{}},
	} {
		h := http.Header{}
		h.Set(tt.header, tt.value)
		if got, ok := logging.TraceOf(h); got != tt.want || ok != (tt.want != logging.Trace{}) {
			t.Errorf("%s: %+v, %t", name, got, ok)
		}
	}
}

// TestTraceInEachLine: whatever writes a line in the context of a request.
func TestTraceInEachLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logging.WithReference(slog.New(slog.NewTextHandler(&out, nil)))
	ctx := logging.WithTrace(t.Context(), logging.Trace{ID: traceID, Span: spanID, Sampled: true})
	l.InfoContext(ctx, "x")
	if want := "trace=" + traceID + " span=" + spanID + " trace_sampled=true"; !strings.Contains(out.String(), want) {
		t.Errorf("%s lacks %s", out.String(), want)
	}
	out.Reset()
	if l.InfoContext(t.Context(), "x"); strings.Contains(out.String(), "trace") {
		t.Error(out.String())
	}
}

func TestRemoteAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		forwarded []string
		proxies   int
		want      string
	}{
		"no proxy":            {[]string{"198.51.100.7"}, 0, "192.0.2.1"},
		"one proxy":           {[]string{"203.0.113.9, 198.51.100.7"}, 1, "198.51.100.7"},
		"two proxies":         {[]string{"203.0.113.9, 198.51.100.7"}, 2, "203.0.113.9"},
		"two lines":           {[]string{"203.0.113.9", "198.51.100.7"}, 1, "198.51.100.7"},
		"fewer than expected": {[]string{"198.51.100.7"}, 2, "192.0.2.1"},
		"with a port":         {[]string{"198.51.100.7:4711"}, 1, "198.51.100.7"},
		"IPv6":                {[]string{"2001:db8::1"}, 1, "2001:db8::1"},
		"IPv6 with a port":    {[]string{"[2001:db8::1]:443"}, 1, "2001:db8::1"},
		"no address":          {[]string{"unknown"}, 1, "192.0.2.1"},
		"injected":            {[]string{"1.2.3.4\",\"x\":\"y"}, 1, "192.0.2.1"},
		"nothing":             {nil, 1, "192.0.2.1"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header["X-Forwarded-For"] = tt.forwarded
		if got := logging.RemoteAddress(r, tt.proxies); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
