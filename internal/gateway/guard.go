package gateway

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// Guard returns a handler that lets through to an MCP endpoint what the rules allow, and
// filters its responses. It is for endpoints that this process serves itself; what it needs of
// cfg is what rules need: Name, MaxBody, Rules, Challenge, Logger and Called. Without rules it
// returns the endpoint.
func Guard(cfg Config, endpoint http.Handler) http.Handler {
	if !cfg.Rules.NeedsBody() {
		return endpoint
	}
	u := &Upstream{Config: cfg}
	u.ask = func(r *http.Request, header http.Header, b *body) (*http.Response, error) {
		r = r.WithContext(r.Context())
		r.Header, r.Body = header, b.attempt()
		w := &kept{header: http.Header{}}
		endpoint.ServeHTTP(w, r)
		if w.content.Len() > maxMessage {
			return nil, ErrBroken
		}
		return &http.Response{StatusCode: max(w.status, http.StatusOK), Header: w.header, Body: io.NopCloser(&w.content)}, nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { u.guard(w, r, endpoint) })
}

func (u *Upstream) guard(w http.ResponseWriter, r *http.Request, endpoint http.Handler) {
	p, ok := principal.FromContext(r.Context())
	if !ok {
		panic("a request without a principal reached an upstream")
	}
	b, began, header := u.body(w, r), time.Now(), r.Header.Clone()
	r = r.WithContext(r.Context())
	a, err := u.admit(r, header, b, p)
	if err != nil {
		defer u.record(r, b, p, began) // the endpoint notes what reaches it
		u.refuse(w, r, b, err)
		return
	}
	r.Header, r.Body = header, http.NoBody
	if r.Method == http.MethodPost {
		r.Body = b.attempt()
	}
	if !a.filters {
		endpoint.ServeHTTP(w, r)
		return
	}
	out := &filtering{w: w, events: events{message: u.messageFilter(r.Context(), a, p)}}
	endpoint.ServeHTTP(out, r)
	if out.finish() != nil {
		u.fail(w, r, b, ErrBroken)
	}
}

// kept is a response in memory, up to a bound.
type kept struct {
	header  http.Header
	status  int
	content bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *kept) Write(p []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	if k.content.Len() <= maxMessage {
		k.content.Write(p)
	}
	return len(p), nil
}

// Flush makes it a response that can be streamed.
func (*kept) Flush() {}

// filtering filters a response that is written to it: events as they come, JSON when it is
// whole. Nothing else that has a body crosses.
type filtering struct {
	w http.ResponseWriter
	events
	whole  kept // of JSON
	isJSON bool
	stream bool
	status int
	cut    bool // a stream that has not come to its end
}

// Header implements http.ResponseWriter.
func (f *filtering) Header() http.Header { return f.w.Header() }

// Unwrap lets http.ResponseController set deadlines.
func (f *filtering) Unwrap() http.ResponseWriter { return f.w }

// WriteHeader implements http.ResponseWriter. The status of JSON waits for its body.
func (f *filtering) WriteHeader(status int) {
	if f.status != 0 {
		return
	}
	f.status = status
	kind := mediaType(f.w.Header())
	f.stream, f.isJSON = kind == eventStream, kind != eventStream && isMessage(kind)
	if !f.isJSON {
		f.w.Header().Del("Content-Length")
		f.w.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (f *filtering) Write(p []byte) (int, error) {
	f.WriteHeader(http.StatusOK)
	switch {
	case f.isJSON:
		return f.whole.Write(p)
	case !f.stream:
		return len(p), nil
	}
	out, err := f.add(p)
	if err == nil && len(out) > 0 {
		_, err = f.w.Write(out)
	}
	if err != nil {
		f.cut = true
		return 0, err
	}
	return len(p), nil
}

// FlushError implements what http.ResponseController looks for.
func (f *filtering) FlushError() error {
	if f.isJSON || f.status == 0 {
		return nil
	}
	return http.NewResponseController(f.w).Flush()
}

// Flush implements http.Flusher.
func (f *filtering) Flush() { _ = f.FlushError() }

// finish writes what waited for the end. The error is about JSON of which nothing was written.
func (f *filtering) finish() error {
	switch {
	case f.cut:
		panic(http.ErrAbortHandler) // or it would look whole
	case f.stream:
		if out, err := f.rest(); err == nil {
			_, _ = f.w.Write(out)
		}
		return nil
	case !f.isJSON:
		return nil
	}
	content := f.whole.content.Bytes()
	if len(content) > maxMessage {
		return ErrBroken
	}
	if len(bytes.TrimSpace(content)) > 0 {
		var err error
		if content, err = f.message(content); err != nil {
			return err
		}
	}
	f.w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	f.w.WriteHeader(f.status)
	_, _ = f.w.Write(content)
	return nil
}
