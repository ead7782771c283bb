//go:build !otel

package tracing

import (
	"context"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// Span is nothing in this build.
type Span struct{}

// Start returns ErrNotBuilt if the variables of OpenTelemetry ask for spans.
func Start(_ context.Context, _ string, getenv func(string) string, _ func(error)) (stop func(context.Context), err error) {
	if wanted(getenv) {
		return nil, ErrNotBuilt
	}
	return func(context.Context) {}, nil
}

// Request returns a context with the trace that a request names.
func Request(ctx context.Context, h http.Header, _, _ string) (context.Context, *Span) {
	if t, ok := logging.TraceOf(h); ok {
		ctx = logging.WithTrace(ctx, t)
	}
	return ctx, nil
}

func send(ctx context.Context, _, _ string) (context.Context, *Span) { return ctx, nil }

// Step does nothing in this build.
func Step(context.Context, string, string, time.Time, bool) {}

// End does nothing in this build.
func (*Span) End(int) {}

// Fail does nothing in this build.
func (*Span) Fail() {}
