package logging

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Service is the Cloud Run service that writes the log.
type Service struct {
	Project  string // for links to traces; "" if it is not known
	Name     string
	Revision string
}

// ForCloudRun returns a handler that gives lines the form in which Cloud Logging and Error
// Reporting understand them, before next writes them as JSON:
//   - the line about a request has httpRequest in place of method, path, status and duration;
//   - a line about an event has its type and ids as labels;
//   - a trace is the resource name of a trace in the project;
//   - a panic is a ReportedErrorEvent with its stack.
//
// See https://cloud.google.com/logging/docs/structured-logging.
func ForCloudRun(next slog.Handler, s Service) slog.Handler { return cloudRun{next, s} }

type cloudRun struct {
	slog.Handler
	service Service
}

// WithAttrs implements slog.Handler.
func (c cloudRun) WithAttrs(attrs []slog.Attr) slog.Handler {
	return cloudRun{c.Handler.WithAttrs(attrs), c.service}
}

// WithGroup implements slog.Handler. In a group nothing has a meaning of its own.
func (c cloudRun) WithGroup(name string) slog.Handler { return c.Handler.WithGroup(name) }

// Handle implements slog.Handler.
func (c cloudRun) Handle(ctx context.Context, r slog.Record) error {
	line := cloudLine{service: c.service, isRequest: r.Message == RequestLine}
	r.Attrs(func(a slog.Attr) bool {
		line.add(a)
		return true
	})
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(line.finished()...)
	return c.Handler.Handle(ctx, out)
}

// cloudLine sorts the attributes of a line.
type cloudLine struct {
	service                Service
	isRequest, isEvent     bool
	attrs, request, labels []slog.Attr
	panicked, stackTrace   string
}

// searched are the attributes by which events are looked for.
var searched = map[string]bool{Event: true, EventID: true, EventType: true, ClientID: true, GrantID: true, UserID: true}

// ofRequest are the names in httpRequest of a request line's attributes.
var ofRequest = map[string]string{
	Method: "requestMethod", Path: "requestUrl", Status: "status", UserAgent: "userAgent", RemoteIP: "remoteIp",
}

func (l *cloudLine) add(a slog.Attr) {
	l.isEvent = l.isEvent || a.Key == Event || a.Key == EventID
	if searched[a.Key] {
		l.labels = append(l.labels, slog.String(a.Key, a.Value.String()))
	}
	name, ofRequest := ofRequest[a.Key]
	switch {
	case a.Key == TraceID && l.service.Project != "":
		l.attrs = append(l.attrs, slog.String(TraceID, "projects/"+l.service.Project+"/traces/"+a.Value.String()))
	case a.Key == Panic:
		l.panicked = a.Value.String()
	case a.Key == Stack:
		l.stackTrace = a.Value.String()
	case l.isRequest && ofRequest:
		l.request = append(l.request, slog.Attr{Key: name, Value: a.Value})
	case l.isRequest && a.Key == DurationMS:
		seconds := time.Duration(a.Value.Float64() * float64(time.Millisecond)).Seconds()
		l.request = append(l.request, slog.String("latency", fmt.Sprintf("%.6fs", seconds)))
	default:
		l.attrs = append(l.attrs, a)
	}
}

func (l *cloudLine) finished() []slog.Attr {
	if len(l.request) > 0 {
		l.attrs = append(l.attrs, group(requestField, l.request))
	}
	if l.isEvent {
		l.attrs = append(l.attrs, group(labelsField, l.labels))
	}
	if l.stackTrace != "" {
		l.attrs = append(l.attrs, l.report()...)
	}
	return l.attrs
}

// report is a panic as Error Reporting groups them: by the trace of a Go program that ended
// with it.
func (l *cloudLine) report() []slog.Attr {
	return []slog.Attr{
		slog.String("@type", "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"),
		slog.String("stack_trace", "panic: "+l.panicked+"\n\n"+l.stackTrace),
		group(contextField, []slog.Attr{slog.String("service", l.service.Name), slog.String("version", l.service.Revision)}),
	}
}

// Fields with a meaning of their own.
const (
	requestField = "httpRequest"
	labelsField  = "logging.googleapis.com/labels"
	contextField = "serviceContext"
)

func group(name string, attrs []slog.Attr) slog.Attr {
	return slog.Attr{Key: name, Value: slog.GroupValue(attrs...)}
}

// cloudNames are the fields of Cloud Logging that have other names here.
var cloudNames = map[string]string{
	slog.MessageKey: "message", slog.LevelKey: "severity",
	TraceID: "logging.googleapis.com/trace", SpanID: "logging.googleapis.com/spanId", TraceSampled: "logging.googleapis.com/trace_sampled",
}

// CloudNames renames fields to those of Cloud Logging, for slog.HandlerOptions.
func CloudNames(groups []string, a slog.Attr) slog.Attr {
	name, ok := cloudNames[a.Key]
	if len(groups) > 0 || !ok {
		return a
	}
	if a.Key == slog.LevelKey && a.Value.Any() == slog.LevelWarn {
		a.Value = slog.StringValue("WARNING")
	}
	a.Key = name
	return a
}
