package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type contextKey int

const referenceKey contextKey = iota

// reference identifies one request on its error page and in the log.
func reference(r *http.Request) string {
	ref, _ := r.Context().Value(referenceKey).(string)
	return ref
}

func (s *Server) log(r *http.Request) *slog.Logger { return s.logIn(r.Context()) }

// logIn is log where there is only the request's context.
func (s *Server) logIn(ctx context.Context) *slog.Logger {
	ref, _ := ctx.Value(referenceKey).(string)
	return s.Logger.With("reference", ref)
}

// observe gives each request a reference, logs it without query and headers,
// which hold secrets, and turns a panic into an error page.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), referenceKey, strings.ToLower(rand.Text()[:10])))
		rec := &recorder{ResponseWriter: w}
		start := time.Now()
		defer func() {
			defer s.logRequest(r, rec, start)
			if p := recover(); p != nil {
				s.recovered(rec, r, p)
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// writePanic answers whoever asked in their language.
func (s *Server) writePanic(w http.ResponseWriter, r *http.Request) {
	err := oauth.NewError(oauth.ServerError, "internal error, reference "+reference(r))
	if wantsHTML(r) {
		s.writePage(w, r, err)
		return
	}
	s.writeProblem(w, r, err)
}

// recovered answers after a panic. An answer that has begun cannot be mended:
// its connection ends, so that nobody takes it for a whole one.
func (s *Server) recovered(rec *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
		panic(p)
	}
	s.log(r).Error("panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.writePanic(rec, r)
}

func (s *Server) logRequest(r *http.Request, rec *recorder, start time.Time) {
	level := slog.LevelInfo
	if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		level = slog.LevelDebug
	}
	s.log(r).Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path,
		"status", rec.status, "duration", time.Since(start))
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	return rec.ResponseWriter.Write(b)
}

// Flush implements http.Flusher, which MCP servers look for: without it they send
// no notifications while they work on an answer.
func (rec *recorder) Flush() {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	_ = http.NewResponseController(rec.ResponseWriter).Flush() // one that cannot sends it all at the end
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// checkHost refuses requests for other hosts, against DNS rebinding. Names of
// this machine are accepted where it listens on loopback: an attacker's page
// cannot be served under them.
func (s *Server) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.withoutPort(r.Host) == s.withoutPort(s.base.Host) || s.Loopback && isLoopbackHost(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		s.log(r).Warn("foreign host", "event", "host_refused")
		writeJSON(w, http.StatusForbidden, &oauth.Error{Code: oauth.InvalidRequest, Description: "this host is not served here"})
	})
}

// withoutPort is a Host value in lower case, without the scheme's default port,
// which some clients send.
func (s *Server) withoutPort(host string) string {
	port := ":80"
	if s.secure() {
		port = ":443"
	}
	return strings.TrimSuffix(strings.ToLower(host), port)
}

// isLoopbackHost says whether a Host value (host or host:port) names this machine.
func isLoopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// by returns the request with who it is from, for the audit trail.
func by(r *http.Request, actor string) *http.Request {
	return r.WithContext(storage.WithActor(r.Context(), storage.Actor{Name: actor, Reference: reference(r)}))
}

// because is the request's context with the reason of the step that follows.
func because(r *http.Request, reason string) context.Context {
	return withReason(r.Context(), reason)
}

func withReason(ctx context.Context, reason string) context.Context {
	actor := storage.ActorOf(ctx)
	actor.Reason = reason
	return storage.WithActor(ctx, actor)
}

// handler is an endpoint that may fail.
type handler func(http.ResponseWriter, *http.Request) error

// page makes a handler of an endpoint that people see.
func (s *Server) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = by(r, storage.ActorPerson)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r); err != nil {
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
	return cors(string(m), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !m.allow(r.Method) {
			w.Header().Set("Allow", string(m))
			s.writeProblem(w, r, errMethod)
			return
		}
		r = by(r, storage.ActorClient)
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

// cors lets any origin call, without credentials, and answers its preflight.
func cors(allow string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", allow)
			h.Set("Access-Control-Allow-Headers",
				"Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

var errNothingHere = &oauth.Error{Code: oauth.InvalidRequest, Status: http.StatusNotFound, Description: "there is nothing here"}

// notFound answers what is not there.
func (s *Server) notFound(_ http.ResponseWriter, r *http.Request) error {
	if !wantsHTML(r) {
		return errNothingHere
	}
	return &pageError{
		status: http.StatusNotFound, title: "There is nothing here", message: "This is an MCP server, made for AI apps.",
		hint: "Paste " + s.resource.String() + " into your MCP client to connect it.",
	}
}
