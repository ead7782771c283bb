package logging_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// cloudLine returns the fields of the line that a Cloud Run service writes.
func cloudLine(t *testing.T, write func(*slog.Logger)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	lines := slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: logging.CloudNames})
	write(logging.WithReference(slog.New(logging.ForCloudRun(lines, logging.Service{Project: "acme", Name: "mcp", Revision: "mcp-00007"}))))
	var fields map[string]any
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if _, err := time.Parse(time.RFC3339Nano, fields["time"].(string)); err != nil {
		t.Error(err)
	}
	delete(fields, "time")
	return fields
}

func TestForCloudRun(t *testing.T) {
	t.Parallel()
	ctx := logging.WithTrace(t.Context(), logging.Trace{ID: traceID, Span: spanID, Sampled: true})
	trace := map[string]any{
		"logging.googleapis.com/trace": "projects/acme/traces/" + traceID, "logging.googleapis.com/spanId": spanID,
		"logging.googleapis.com/trace_sampled": true,
	}
	for name, tt := range map[string]struct {
		write func(*slog.Logger)
		want  map[string]any
	}{
		"request": {func(l *slog.Logger) {
			l.InfoContext(ctx, "request", logging.Method, "POST", logging.Path, "/mcp", logging.Status, 200,
				logging.DurationMS, 5., logging.ClientID, "c_1", logging.UserAgent, "claude-code/2.1", logging.RemoteIP, "192.0.2.1")
		}, map[string]any{"severity": "INFO", "message": "request", "client_id": "c_1", "httpRequest": map[string]any{
			"requestMethod": "POST", "requestUrl": "/mcp", "status": 200., "latency": "0.005000s", "userAgent": "claude-code/2.1", "remoteIp": "192.0.2.1",
		}}},
		"event": {func(l *slog.Logger) {
			l.WarnContext(ctx, "user refused", logging.Event, "sign_in_refused", logging.ClientID, "c_1", logging.Reason, "list")
		}, map[string]any{"severity": "WARNING", "message": "user refused", "event": "sign_in_refused", "client_id": "c_1", "reason": "list",
			"logging.googleapis.com/labels": map[string]any{"event": "sign_in_refused", "client_id": "c_1"}}},
		"audit event": {func(l *slog.Logger) {
			l.InfoContext(ctx, "audit event", logging.EventID, "ev_1", logging.EventNumber, 7, logging.EventType, "grant_created", logging.UserID, "usr_1")
		}, map[string]any{"severity": "INFO", "message": "audit event", "event_id": "ev_1", "number": 7., "type": "grant_created", "user_id": "usr_1",
			"logging.googleapis.com/labels": map[string]any{"event_id": "ev_1", "type": "grant_created", "user_id": "usr_1"}}},
		"panic": {func(l *slog.Logger) {
			l.ErrorContext(ctx, "panic", logging.Panic, "no reason", logging.Stack, "goroutine 1 [running]:\nmain.main()\n")
		}, map[string]any{"severity": "ERROR", "message": "panic",
			"@type":       "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent",
			"stack_trace": "panic: no reason\n\ngoroutine 1 [running]:\nmain.main()\n", "serviceContext": map[string]any{"service": "mcp", "version": "mcp-00007"}}},
		"other line": {func(l *slog.Logger) { l.InfoContext(ctx, "x", logging.Method, "POST", logging.Status, "odd") },
			map[string]any{"severity": "INFO", "message": "x", "method": "POST", "status": "odd"}},
	} {
		for k, v := range trace {
			tt.want[k] = v
		}
		if diff := cmp.Diff(tt.want, cloudLine(t, tt.write)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestForCloudRunWithoutProject: the trace's id alone still says which lines belong together.
func TestForCloudRunWithoutProject(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	lines := slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: logging.CloudNames})
	l := logging.WithReference(slog.New(logging.ForCloudRun(lines, logging.Service{Name: "mcp"})))
	l.InfoContext(logging.WithTrace(t.Context(), logging.Trace{ID: traceID}), "x")
	if !strings.Contains(out.String(), `"logging.googleapis.com/trace":"`+traceID+`"`) {
		t.Error(out.String())
	}
}
