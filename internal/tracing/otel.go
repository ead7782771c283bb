//go:build otel

package tracing

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// active is the tracer of the program, nil while no spans are exported.
var active atomic.Pointer[trace.Tracer]

// Start begins to export spans, if the variables of OpenTelemetry ask for it. stop sends what
// is left. A collector that is away is told to complain, and costs no request.
func Start(ctx context.Context, version string, getenv func(string) string, complain func(error)) (stop func(context.Context), err error) {
	if !wanted(getenv) {
		return func(context.Context) {}, nil
	}
	if err := supported(getenv); err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(complain))
	export, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	// No detector of processes and hosts: those name people and machines.
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "mcpkeep"), attribute.String("service.version", version),
	), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(export), sdk.WithResource(about))
	tracer := provider.Tracer("github.com/mcpkeep/mcpkeep")
	active.Store(&tracer)
	return func(ctx context.Context) {
		active.Store(nil)
		if err := provider.Shutdown(ctx); err != nil {
			complain(err)
		}
	}, nil
}

// Span is a span that has begun; nil when none is exported.
type Span struct{ span trace.Span }

// Request begins the span of a request that came in. Log lines in the context name it.
func Request(ctx context.Context, h http.Header, method, route string) (context.Context, *Span) {
	t, named := logging.TraceOf(h)
	if named {
		ctx = logging.WithTrace(ctx, t)
	}
	tracer := active.Load()
	if tracer == nil {
		return ctx, nil
	}
	if named {
		ctx = trace.ContextWithRemoteSpanContext(ctx, remote(t, h.Get("Tracestate")))
	}
	method = knownMethod(method)
	return begin(ctx, *tracer, method+" "+route, trace.SpanKindServer,
		attribute.String("http.request.method", method), attribute.String("http.route", route))
}

// remote is the span of the caller. It is not valid, and a new trace begins, if the caller
// named none.
func remote(t logging.Trace, state string) trace.SpanContext {
	id, _ := trace.TraceIDFromHex(t.ID)
	span, _ := trace.SpanIDFromHex(t.Span)
	parsed, _ := trace.ParseTraceState(state) // one that is malformed is left out
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: span, TraceFlags: trace.TraceFlags(0).WithSampled(t.Sampled), TraceState: parsed, Remote: true,
	})
}

func begin(ctx context.Context, tracer trace.Tracer, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) (context.Context, *Span) {
	ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
	of := span.SpanContext()
	return logging.WithTrace(ctx, logging.Trace{ID: of.TraceID().String(), Span: of.SpanID().String(), Sampled: of.IsSampled()}), &Span{span}
}

// send begins the span of a request that goes out. Without a request that it is for, it has
// none: what runs in the background would begin a trace each time.
func send(ctx context.Context, name, method string) (context.Context, *Span) {
	tracer := active.Load()
	if tracer == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, nil
	}
	return begin(ctx, *tracer, name, trace.SpanKindClient, attribute.String("http.request.method", method))
}

// Step adds the span of a step at the database that has ended. op names it.
func Step(ctx context.Context, kind, op string, began time.Time, failed bool) {
	tracer := active.Load()
	if tracer == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	_, span := (*tracer).Start(ctx, "database "+kind, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.operation.name", kind), attribute.String("db.query.summary", op)))
	if failed {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// End ends the span with the status of the response.
func (s *Span) End(status int) {
	if s == nil {
		return
	}
	s.span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// Fail ends the span of a request that got no response.
func (s *Span) Fail() {
	if s == nil {
		return
	}
	s.span.SetStatus(codes.Error, "")
	s.span.End()
}
