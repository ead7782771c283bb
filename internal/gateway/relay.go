package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	eventStream = "text/event-stream"
	// commentEvery is how long a stream may be quiet before a comment shows proxies and
	// clients that it lives.
	commentEvery = 25 * time.Second
	bufferLen    = 8 << 10
)

// comment is an event stream's line that means nothing, and the end of no event.
var comment = []byte(":\n\n")

var buffers = sync.Pool{New: func() any { return new([bufferLen]byte) }}

// relay streams a response to the client. One that ends early ends the client's connection,
// so that it is not taken for a whole one. It returns an error when nothing has left by then.
func (u *Upstream) relay(w http.ResponseWriter, r *http.Request, response *http.Response) error {
	isStream := mediaType(response.Header) == eventStream
	quiet := newSilence(u.Idle, func() { _ = response.Body.Close() })
	defer quiet.stop()
	buffer, _ := buffers.Get().(*[bufferLen]byte)
	defer buffers.Put(buffer)
	n, err := 0, error(nil)
	if !isStream {
		if n, err = beginning(response, buffer[:], quiet); err != nil && !errors.Is(err, io.EOF) {
			return quiet.cause(err)
		}
	}
	out := u.respond(w, r, response, isStream)
	if isStream {
		defer out.end()
	}
	for {
		if n > 0 && out.write(buffer[:n]) != nil {
			return nil // the client hung up
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			panic(http.ErrAbortHandler)
		}
		n, err = response.Body.Read(buffer[:])
		quiet.heard()
	}
}

// beginning reads what would wait in the server's own buffer: the whole of a short response
// whose length is known, the first bytes of others.
func beginning(response *http.Response, buffer []byte, quiet *silence) (n int, err error) {
	need := 1
	if length := response.ContentLength; length > 0 && length <= int64(len(buffer)) {
		need = int(length)
	}
	for n < need && err == nil {
		var more int
		more, err = response.Body.Read(buffer[n:])
		quiet.heard()
		n += more
	}
	return n, err
}

// respond begins the client's response.
func (u *Upstream) respond(w http.ResponseWriter, r *http.Request, response *http.Response, isStream bool) *writer {
	incoming(w.Header(), response.Header)
	if isStream {
		w.Header().Set("X-Accel-Buffering", "no")
	} else if response.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(response.ContentLength, 10))
	}
	w.WriteHeader(response.StatusCode)
	out := &writer{w: w, control: http.NewResponseController(w), quiet: u.quiet}
	out.flushes = isStream || response.ContentLength < 0
	if isStream {
		out.begin(r.ProtoMajor >= 2)
	}
	return out
}

// writer writes to a client. It is a mutex around the response, since comments of a quiet
// stream come from a timer: a goroutine for each stream would cost memory.
type writer struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	control *http.ResponseController
	flushes bool
	quiet   time.Duration
	timer   *time.Timer // nil unless this is an event stream
	ended   bool
	tail    [3]byte // the last bytes of the stream
	length  int     // how many of them there are
}

// begin sends the headers of an event stream immediately. Over HTTP/2 some clients and proxies
// wait for the first bytes of the body as well.
func (out *writer) begin(http2 bool) {
	if http2 {
		_, _ = out.w.Write(comment)
	}
	_ = out.control.Flush()
	out.mu.Lock()
	defer out.mu.Unlock()
	out.timer = time.AfterFunc(out.quiet, out.comment)
}

func (out *writer) end() {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.ended = true
	out.timer.Stop()
}

func (out *writer) write(p []byte) error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if _, err := out.w.Write(p); err != nil {
		return err
	}
	out.remember(p)
	if out.timer != nil {
		out.timer.Reset(out.quiet)
	}
	if !out.flushes {
		return nil
	}
	return out.control.Flush()
}

// comment says that the stream lives, unless it stopped within an event.
func (out *writer) comment() {
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.ended {
		return
	}
	if out.betweenEvents() {
		_, _ = out.w.Write(comment)
		_ = out.control.Flush()
	}
	out.timer.Reset(out.quiet)
}

func (out *writer) remember(p []byte) {
	last := append(bytes.Clone(out.tail[:out.length]), p[max(0, len(p)-len(out.tail)):]...)
	out.length = copy(out.tail[:], last[max(0, len(last)-len(out.tail)):])
}

// betweenEvents reports whether the stream has not begun, or ends with a blank line.
func (out *writer) betweenEvents() bool {
	tail := out.tail[:out.length]
	for _, blank := range []string{"\n\n", "\r\r", "\n\r\n"} {
		if bytes.HasSuffix(tail, []byte(blank)) {
			return true
		}
	}
	return out.length == 0
}
