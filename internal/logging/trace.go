package logging

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Trace is where a request belongs in a distributed trace.
type Trace struct {
	ID      string // 32 hexadecimal digits
	Span    string // of the caller: 16 hexadecimal digits, "" if it is not known
	Sampled bool
}

// TraceOf returns the trace that a request names in traceparent (W3C Trace Context §3.2), or
// else in Google's X-Cloud-Trace-Context. ok is false when it names none.
func TraceOf(h http.Header) (t Trace, ok bool) {
	if t, ok = parseTraceParent(h.Get("Traceparent")); ok {
		return t, true
	}
	return parseCloudTrace(h.Get("X-Cloud-Trace-Context"))
}

// Versions after 00 may have further fields.
var traceParent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

func parseTraceParent(text string) (Trace, bool) {
	part := traceParent.FindStringSubmatch(text)
	if len(part) == 0 || part[1] == "ff" || part[1] == "00" && part[5] != "" || isZero(part[2]) || isZero(part[3]) {
		return Trace{}, false
	}
	flags, _ := strconv.ParseUint(part[4], 16, 8) // its form was checked
	return Trace{ID: part[2], Span: part[3], Sampled: flags&1 == 1}, true
}

// The span is a decimal number there.
var cloudTrace = regexp.MustCompile(`^([0-9a-f]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]{1,3}))?$`)

func parseCloudTrace(text string) (Trace, bool) {
	part := cloudTrace.FindStringSubmatch(text)
	if len(part) == 0 || isZero(part[1]) {
		return Trace{}, false
	}
	t := Trace{ID: part[1], Sampled: part[3] == "1"}
	if span, err := strconv.ParseUint(part[2], 10, 64); err == nil && span != 0 {
		t.Span = fmt.Sprintf("%016x", span)
	}
	return t, true
}

func isZero(hex string) bool { return strings.Trim(hex, "0") == "" }

type traceKey struct{}

// WithTrace returns a context whose log lines carry the trace.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceFrom returns the trace of a context.
func TraceFrom(ctx context.Context) (t Trace, ok bool) {
	t, ok = ctx.Value(traceKey{}).(Trace)
	return t, ok
}

// Parent is the value of traceparent for requests that belong to the trace.
func (t Trace) Parent() string {
	flags := "-00"
	if t.Sampled {
		flags = "-01"
	}
	return "00-" + t.ID + "-" + t.Span + flags
}

// traceAttrs are the attributes of the trace in a context.
func traceAttrs(ctx context.Context) []slog.Attr {
	t, ok := ctx.Value(traceKey{}).(Trace)
	if !ok {
		return nil
	}
	attrs := append(make([]slog.Attr, 0, 3), slog.String(TraceID, t.ID))
	if t.Span != "" {
		attrs = append(attrs, slog.String(SpanID, t.Span))
	}
	return append(attrs, slog.Bool(TraceSampled, t.Sampled))
}
