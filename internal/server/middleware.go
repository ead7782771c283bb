package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cors"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

// reference identifies one request on its error page and in the log.
func reference(r *http.Request) string { return storage.ReferenceOf(r.Context()) }

// newReference returns a new reference: ten lowercase letters and digits, 50 bits.
func newReference() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	for i := range b {
		b[i] = alphabet[b[i]%byte(len(alphabet))]
	}
	return string(b[:])
}

// observe gives each request a reference and deadlines, logs it without query and
// headers, which hold secrets, and turns a panic into an error page.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx := storage.WithActor(r.Context(), storage.Actor{Reference: newReference()})
		ctx, span := tracing.Request(ctx, r.Header, r.Method, s.routeOf(r.URL.Path))
		r = r.WithContext(ctx)
		rec := &recorder{ResponseWriter: w, deadlines: s.deadlines}
		rec.conn, _ = w.(connection)
		rec.start(r, start)
		if s.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		defer func() {
			defer func() { span.End(rec.status) }()
			defer s.logRequest(r, rec, start)
			defer func() { s.Metrics.Request(s.routeOf(r.URL.Path), rec.status, time.Since(start)) }()
			if p := recover(); p != nil {
				s.recovered(rec, r, p)
			}
			rec.beforeWrite() // of what net/http has still buffered
		}()
		next.ServeHTTP(rec, r)
	})
}

// writePanic responds in the caller's format.
func (s *Server) writePanic(w http.ResponseWriter, r *http.Request) {
	err := oauth.NewError(oauth.ServerError, "internal error, reference "+reference(r))
	if wantsHTML(r) {
		s.writePage(w, r, err)
		return
	}
	s.writeProblem(w, r, err)
}

// recovered answers after a panic. An answer that has begun cannot be fixed:
// its connection ends, so that no one takes it for a whole one.
func (s *Server) recovered(rec *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
		panic(p)
	}
	s.Logger.ErrorContext(r.Context(), "panic", logging.Panic, fmt.Sprint(p), logging.Stack, string(debug.Stack()))
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.writePanic(rec, r)
}

// logRequest writes the line about a request, with the app that sent it where that is
// known. It is written for each call of a tool, so
// it takes slog's shortest way: no formatting, no look at the call stack.
func (s *Server) logRequest(r *http.Request, rec *recorder, start time.Time) {
	level := slog.LevelInfo
	if isProbe(r.URL.Path) {
		level = slog.LevelDebug
	}
	ctx, log := r.Context(), s.Logger.Handler()
	if s.RequestLog.Off || !log.Enabled(ctx, level) {
		return
	}
	now := time.Now()
	line := slog.NewRecord(now, level, logging.RequestLine, 0)
	line.AddAttrs(
		slog.String(logging.Method, r.Method), slog.String(logging.Path, r.URL.Path),
		slog.Int(logging.Status, rec.status), logging.Duration(now.Sub(start)),
	)
	line.AddAttrs(rec.caller.attrs(r)...)
	if ip := logging.RemoteAddress(r, s.RequestLog.Proxies); ip != "" {
		line.AddAttrs(slog.String(logging.RemoteIP, ip))
	}
	_ = log.Handle(ctx, line)
}

// withActor returns r annotated with its actor for the audit trail.
func withActor(r *http.Request, name string) *http.Request {
	return r.WithContext(storage.WithActor(r.Context(), storage.Actor{Name: name, Reference: reference(r)}))
}

// handler is an endpoint that may fail.
type handler func(http.ResponseWriter, *http.Request) error

// page makes a handler of an endpoint that people see.
func (s *Server) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = withActor(r, storage.ActorPerson)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r); err != nil {
			if errors.Is(err, errUnknownClient) {
				s.Metrics.UnknownClient(s.routeOf(r.URL.Path))
			}
			s.writePage(w, r, err)
		}
	})
}

var errMethod = &oauth.Error{Code: oauth.InvalidRequest, Status: http.StatusMethodNotAllowed, Description: "method not allowed"}

// methods of an endpoint for programs.
type methods string

const (
	get    methods = "GET, HEAD, OPTIONS"
	post   methods = "POST, OPTIONS"
	manage methods = "GET, PUT, DELETE, OPTIONS"
)

func (m methods) allow(method string) bool {
	return slices.Contains(strings.Split(string(m), ", "), method)
}

// api makes a handler of an endpoint for programs, which any origin may call:
// it needs no cookie and takes none (RFC 9700 §2.6).
func (s *Server) api(m methods, h handler) http.Handler {
	return crossOrigin(string(m), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !m.allow(r.Method) {
			w.Header().Set("Allow", string(m))
			s.writeProblem(w, r, errMethod)
			return
		}
		r = withActor(r, storage.ActorClient)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r); err != nil {
			s.writeProblem(w, r, err)
		}
	}))
}

// notAllowed answers the methods that a page does not have.
func notAllowed(allow string) handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allow)
		return errMethod
	}
}

// Values of headers that many answers have. http.Header.Add copies a slice that is
// full, so that they are shared.
var (
	anyOrigin      = []string{"*"}
	exposedHeaders = []string{cors.Exposed}
	noStore        = []string{"no-store"}
	varyOnToken    = []string{"Authorization"}
)

// crossOrigin lets any origin call, without credentials, and answers its preflight.
func crossOrigin(allow string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Access-Control-Allow-Origin"] = anyOrigin
		h["Access-Control-Expose-Headers"] = exposedHeaders
		if r.Method == http.MethodOptions {
			cors.Preflight(w, r, allow)
			return
		}
		next.ServeHTTP(w, r)
	})
}

var errNothingHere = &oauth.Error{Code: oauth.InvalidRequest, Status: http.StatusNotFound, Description: "not found"}

// notFound answers what is not there.
func (s *Server) notFound(_ http.ResponseWriter, r *http.Request) error {
	if !wantsHTML(r) {
		return errNothingHere
	}
	return &pageError{
		status: http.StatusNotFound, title: "Page not found", message: "This is an MCP server for AI apps.",
		hint: "Paste " + s.nameOf(r).resources[0].URI + " into your MCP client to connect it.",
	}
}
