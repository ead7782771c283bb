package tracing

import (
	"context"
	"net/http"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// Inject names the trace in the header of a request that is sent in a context. The parent is
// the span of this program, if it exports any, and otherwise the caller's.
func Inject(ctx context.Context, h http.Header) {
	if t, ok := logging.TraceFrom(ctx); ok && t.Span != "" {
		h["Traceparent"] = []string{t.Parent()}
	}
}

// RoundTrip sends a request with its trace. The header of the request is the caller's to change.
// name says in the span whom it goes to.
func RoundTrip(base http.RoundTripper, r *http.Request, name string) (*http.Response, error) {
	ctx, span := send(r.Context(), name, knownMethod(r.Method))
	r = r.WithContext(ctx)
	Inject(ctx, r.Header)
	resp, err := base.RoundTrip(r)
	if err != nil {
		span.Fail()
		return nil, err
	}
	span.End(resp.StatusCode)
	return resp, nil
}

// Transport sends each request with the trace of its context.
func Transport(base http.RoundTripper, name string) http.RoundTripper { return traced{base, name} }

type traced struct {
	base http.RoundTripper
	name string
}

// RoundTrip implements http.RoundTripper.
func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	return RoundTrip(t.base, r.Clone(r.Context()), t.name)
}

// CloseIdleConnections is for http.Client.
func (t traced) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// knownMethod is a method, or _OTHER for one that a stranger made up.
func knownMethod(method string) string {
	known := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}
	if slices.Contains(known, method) {
		return method
	}
	return "_OTHER"
}
