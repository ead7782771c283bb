package tracing_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

const (
	id     = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent = "00-" + id + "-00f067aa0ba902b7-01"
)

// TestPassedOn: in every build, what is sent because of a request names its trace, and the
// request that it is made of stays as it is.
func TestPassedOn(t *testing.T) {
	t.Parallel()
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Traceparent") }))
	defer s.Close()
	for given, want := range map[string]string{parent: parent, "": "", "00-" + id + "-00f067aa0ba902b7-00": "00-" + id + "-00f067aa0ba902b7-00", "nonsense": ""} {
		ctx, span := tracing.Request(t.Context(), http.Header{"Traceparent": {given}}, http.MethodPost, "mcp")
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tracing.Transport(http.DefaultTransport, "provider").RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		span.End(http.StatusOK)
		if got != want || r.Header.Get("Traceparent") != "" {
			t.Errorf("%q: sent %q, want %q; the request itself has %q", given, got, want, r.Header.Get("Traceparent"))
		}
	}
}
