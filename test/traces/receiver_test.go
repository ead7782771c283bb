//go:build otel

package traces_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver takes spans by OTLP over HTTP.
type receiver struct {
	url string

	mu    sync.Mutex
	spans []span
	raw   []byte // all that was received
}

// span is a span with the process that sent it.
type span struct {
	*trace.Span

	service string
}

func (s span) id() string     { return hex.EncodeToString(s.SpanId) }
func (s span) parent() string { return hex.EncodeToString(s.ParentSpanId) }
func (s span) trace() string  { return hex.EncodeToString(s.TraceId) }

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || req.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw = append(r.raw, body...)
	for _, from := range sent.ResourceSpans {
		for _, scope := range from.ScopeSpans {
			for _, s := range scope.Spans {
				r.spans = append(r.spans, span{s, attribute(from.Resource.Attributes, "service.name")})
			}
		}
	}
}

func attribute(list []*common.KeyValue, key string) string {
	for _, a := range list {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// of returns the spans of a trace, once they are enough for a condition.
func (r *receiver) of(t *testing.T, id string, enough func([]span) bool) []span {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		r.mu.Lock()
		spans := slices.DeleteFunc(slices.Clone(r.spans), func(s span) bool { return s.trace() != id })
		r.mu.Unlock()
		if enough(spans) {
			return spans
		}
		if time.Now().After(deadline) {
			t.Fatalf("the trace has %d spans: %s", len(spans), describe(spans))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// received is all that was received.
func (r *receiver) received() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.raw)
}
