package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

// Config describes an upstream.
type Config struct {
	Name     string // in logs; a session of one upstream means nothing at another
	Target   Target
	Identify bool          // tell the upstream who calls, in X-Mcpkeep-* headers
	Assert   Assert        // and in a signed assertion
	Lend     Lend          // and the sign-in provider's token of that user
	Connect  time.Duration // limit for connecting
	Answer   time.Duration // limit from the end of a request to the first byte of its response; 0 for none
	Idle     time.Duration // limit for silence within a response; 0 for none
	MaxBody  int           // bytes of a request
	// MaxConcurrent is how many calls of one user run at the same time. Event streams that a
	// client opens with GET do not count, nor do notifications and responses.
	MaxConcurrent  int
	Headers        http.Header // sent with each request
	ForwardHeaders []string    // further headers of clients that cross, in canonical form
	Sessions       Sessions
	Logger         *slog.Logger
	Called         func(audit.Call) // notes a call of a tool, without waiting; nil for no one
	Rules          *rules.Policy    // what people may use; nil for everything
	// Challenge returns what asks a client for a further scope (RFC 6750 §3.1). Rules with
	// scopes need it.
	Challenge func(p principal.Principal, scope string) string
}

// Upstream is an MCP server behind this one. It is an http.Handler for requests whose
// access token was checked, and safe for concurrent use.
type Upstream struct {
	Config
	transport *http.Transport
	endpoint  atomic.Pointer[url.URL] // Target.URL, or where it redirected to
	settled   atomic.Bool             // it has answered without a redirect
	health    Traffic
	hints     rules.Hints
	ask       func(*http.Request, http.Header, *body) (*http.Response, error) // what learn asks
	calls     calls
	quiet     time.Duration // after which an event stream gets a comment
}

// New returns an upstream. It connects when the first request comes.
func New(cfg Config) (*Upstream, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	u := &Upstream{Config: cfg, transport: cfg.Target.transport(cfg.Connect, cfg.Answer), quiet: commentEvery}
	u.endpoint.Store(cfg.Target.URL)
	u.ask = u.exchange
	return u, nil
}

// Close closes idle connections to the upstream.
func (u *Upstream) Close() { u.transport.CloseIdleConnections() }

// methods are those of MCP's Streamable HTTP transport.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodDelete}

// ServeHTTP passes a request on and streams the response.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := u.body(w, r)
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		u.fail(w, r, b, ErrMethod)
		return
	}
	p, ok := principal.FromContext(r.Context())
	if !ok {
		panic("a request without a principal reached an upstream")
	}
	if r.ContentLength > int64(u.MaxBody) {
		u.fail(w, r, b, ErrTooLarge) // none of it leaves
		return
	}
	defer u.record(r, b, p, time.Now())
	ctx, done, err := u.begin(r, b, p)
	if err != nil {
		u.fail(w, r, b, err)
		return
	}
	defer done()
	r = r.WithContext(ctx)
	header := u.outgoing(r.Header)
	if !u.openSession(header, p) {
		u.fail(w, r, b, ErrNoSession)
		return
	}
	if err := u.lend(r.Context(), header, p); err != nil {
		u.fail(w, r, b, err)
		return
	}
	asked, err := u.admit(r, header, b, p)
	if err != nil {
		u.refuse(w, r, b, err)
		return
	}
	if err := u.Vouch(r.Context(), header, p); err != nil { // when the body is there: an assertion is short-lived
		u.fail(w, r, b, err)
		return
	}
	response, err := u.exchange(r, header, b)
	if r.Context().Err() == nil && !errors.Is(err, errLending) {
		u.health.Note(err)
	}
	if err == nil {
		defer func(source io.Closer) { _ = source.Close() }(response.Body)
		err = u.giveSession(w.Header(), response.Header, p)
	}
	if err == nil {
		err = u.filter(r.Context(), response, asked, p)
	}
	if err != nil {
		u.fail(w, r, b, err)
		return
	}
	u.deliver(w, r, b, response)
}

// deliver passes the response on.
func (u *Upstream) deliver(w http.ResponseWriter, r *http.Request, b *body, response *http.Response) {
	if u.Called != nil && r.Method == http.MethodPost {
		b.heed(response)
	}
	if err := u.relay(w, r, response); err != nil {
		if r.Context().Err() == nil {
			u.health.Note(err)
		}
		u.fail(w, r, b, err)
		return
	}
	b.ended = outcomeOf(response.StatusCode)
}

// body is the request's, of which enough is kept for a second attempt.
func (u *Upstream) body(w http.ResponseWriter, r *http.Request) *body {
	b := &body{source: http.MaxBytesReader(w, r.Body, int64(u.MaxBody)), keep: keepSmall}
	if !u.settled.Load() || u.lends() {
		b.keep = u.MaxBody // a redirect, or a renewed token, has it sent again
	}
	return b
}

// exchange sends a request, once more if a renewed token may help, and returns a response that
// may cross.
func (u *Upstream) exchange(r *http.Request, header http.Header, b *body) (*http.Response, error) {
	response, err := u.follow(r, header, b)
	if err == nil && response.StatusCode == http.StatusUnauthorized && u.lends() {
		_ = response.Body.Close()
		response, err = u.again(r, header, b)
	}
	if err != nil {
		return nil, err
	}
	if err = judge(r.Method, response); err == nil {
		err = u.checkFailure(response)
	}
	if err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	u.settled.Store(true)
	return response, nil
}

func (u *Upstream) send(r *http.Request, to *url.URL, header http.Header, b *body) (*http.Response, error) {
	out := (&http.Request{
		Method: r.Method, URL: to, Host: to.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: r.ContentLength,
	}).WithContext(r.Context())
	if r.ContentLength != 0 {
		out.Body = b.attempt()
		out.GetBody = func() (io.ReadCloser, error) { return b.attempt(), nil }
	}
	response, err := tracing.RoundTrip(u.transport, out, strings.TrimSpace("upstream "+u.Name))
	if err == nil {
		return response, nil
	}
	return nil, errors.Join(err, b.failure(r.Context()))
}

// failure says that the client's body was at fault, not the upstream: nil when it was not.
func (b *body) failure(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var tooLarge *http.MaxBytesError
	switch {
	case b.err == nil || errors.Is(b.err, io.EOF) || ctx.Err() != nil:
		return nil
	case errors.As(b.err, &tooLarge):
		return ErrTooLarge
	}
	return ErrIncomplete
}
