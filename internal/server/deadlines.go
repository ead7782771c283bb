package server

import (
	"net/http"
	"time"
)

// Deadlines of a request. A stream at an MCP endpoint may last for hours, so that none
// of them can be the http.Server's.
const (
	// bodyWait is how long a request's body may take to arrive.
	bodyWait = 30 * time.Second
	// answerWait is how long an answer may take, from the request on.
	answerWait = 60 * time.Second
	// writeWait is how long each write to a stream may take: a client that does not read
	// is cut off.
	writeWait = 30 * time.Second
)

type deadlines struct{ body, answer, write time.Duration }

// connection is what net/http's response writers can do (http.ResponseController).
type connection interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// recorder is the answer to a request. It remembers the status and keeps the
// deadlines.
type recorder struct {
	http.ResponseWriter
	conn      connection // nil where there is none, as in tests
	deadlines deadlines
	status    int
	caller    caller
	streaming bool
	http2     bool
	writeBy   time.Time // the deadline of writes
}

// start sets the deadlines of a request that arrived at now. That of the body ends with
// it: net/http then reads on without one, to notice that the client hung up.
func (rec *recorder) start(r *http.Request, now time.Time) {
	if rec.conn == nil {
		return
	}
	rec.http2 = r.ProtoMajor >= 2
	rec.setWriteDeadline(now.Add(rec.deadlines.answer))
	if r.Body != nil && r.Body != http.NoBody {
		_ = rec.conn.SetReadDeadline(now.Add(rec.deadlines.body))
	}
}

// stream makes the answer a stream: it may last, and each write has a deadline.
func stream(w http.ResponseWriter) {
	if rec, ok := w.(*recorder); ok && rec.conn != nil {
		rec.streaming = true
		rec.afterWrite()
	}
}

// beforeWrite sets the deadline of a write to a stream, unless enough is left of the one
// before.
func (rec *recorder) beforeWrite() {
	if !rec.streaming {
		return
	}
	if now := time.Now(); rec.writeBy.Sub(now) < rec.deadlines.write/2 {
		rec.setWriteDeadline(now.Add(rec.deadlines.write))
	}
}

// afterWrite takes the deadline away where it would end a stream that is quiet: that of
// HTTP/1 matters to writes only, that of HTTP/2 does not wait for one.
func (rec *recorder) afterWrite() {
	if rec.streaming && rec.http2 {
		rec.setWriteDeadline(time.Time{})
	}
}

func (rec *recorder) setWriteDeadline(t time.Time) {
	rec.writeBy = t
	_ = rec.conn.SetWriteDeadline(t)
}

// WriteHeader remembers the status.
func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	rec.beforeWrite()
	defer rec.afterWrite()
	return rec.ResponseWriter.Write(b)
}

// Flush implements http.Flusher, which MCP servers look for: without it they send
// no notifications while they work on an answer.
func (rec *recorder) Flush() {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	rec.beforeWrite()
	defer rec.afterWrite()
	_ = http.NewResponseController(rec.ResponseWriter).Flush() // one that cannot sends it all at the end
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
