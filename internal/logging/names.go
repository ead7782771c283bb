package logging

import (
	"log/slog"
	"time"
)

// Names of attributes. An attribute that holds a duration names its unit.
const (
	Reference  = "reference" // of the request, on its error page too
	Event      = "event"     // what happened, for filters and alerts
	Error      = "error"
	Reason     = "reason"
	ClientID   = "client_id"
	UserID     = "user_id"
	GrantID    = "grant_id"
	ByGrantID  = "by_grant_id" // the connection that a tool was called through
	Tool       = "tool"
	Method     = "method"
	Path       = "path"
	Status     = "status"
	DurationMS = "duration_ms"
	UserAgent  = "user_agent" // the product only
	RemoteIP   = "remote_ip"
	Panic      = "panic"
	Stack      = "stack" // of a panic

	// Of the line about an event of the audit trail, as in its JSON.
	EventID     = "event_id"
	EventNumber = "number"
	EventType   = "type"
	EventAt     = "at"
	Actor       = "actor"
	Detail      = "detail"

	TraceID      = "trace"
	SpanID       = "span"
	TraceSampled = "trace_sampled"
)

// RequestLine is the message of the line about a request.
const RequestLine = "request"

// Duration returns a duration as an attribute in milliseconds, exact to the microsecond.
func Duration(d time.Duration) slog.Attr {
	return slog.Float64(DurationMS, float64(d.Microseconds())/1000)
}
