//go:build otel

package tracing_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

// TestSpansTellNothing: spans have the names that this program gave, and nothing that a request
// brought or sent: no header, no query, no address, no method that a stranger made up.
func TestSpansTellNothing(t *testing.T) {
	spans := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans.url)
	stop, err := tracing.Start(t.Context(), "test", os.Getenv, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{
		"Traceparent": {parent}, "Authorization": {"Bearer s3cret-token"}, "Cookie": {"session=s3cret-cookie"},
		"X-Forwarded-For": {"s3cret-address"}, "Baggage": {"enduser.id=s3cret-person"}, "User-Agent": {"s3cret-agent"},
	}
	ctx, span := tracing.Request(t.Context(), header, "S3CRET-METHOD", "route-of-ours")
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer site.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, site.URL+"/s3cret-path?code=s3cret-code", strings.NewReader("s3cret-body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	resp, err := tracing.Transport(http.DefaultTransport, "provider-of-ours").RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	tracing.Step(ctx, "write", "step-of-ours", time.Now(), false)
	span.End(http.StatusOK)
	stop(t.Context())

	got := strings.ToLower(spans.received())
	for _, there := range []string{"_other route-of-ours", "provider-of-ours", "step-of-ours", "database write"} {
		if !strings.Contains(got, there) {
			t.Errorf("the spans lack %q", there)
		}
	}
	for _, secret := range []string{"s3cret", strings.TrimPrefix(site.URL, "http://")} {
		if i := strings.Index(got, secret); i >= 0 {
			t.Errorf("the spans have %q", got[i:min(len(got), i+40)])
		}
	}
}

// collector takes what is exported. Its bytes are enough: protobuf has texts as they are.
type collector struct {
	url string

	mu  sync.Mutex
	raw bytes.Buffer
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.Copy(&c.raw, r.Body)
}

func (c *collector) received() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}
