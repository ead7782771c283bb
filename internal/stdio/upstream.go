package stdio

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/process"
)

// Upstream is an MCP server that speaks stdio. It is an http.Handler for requests whose access
// token was checked, and safe for concurrent use.
type Upstream struct {
	Config
	limits   *process.Limits
	traffic  gateway.Traffic
	quiet    time.Duration // after which an event stream gets a comment
	patience time.Duration // for a response before an event stream begins
	// canceledFor is how long a canceled call may still get a response. Its stream
	// ends then.
	canceledFor time.Duration

	mu        sync.Mutex
	gone      bool
	sessions  map[string]*session
	conns     map[string]*conn // those that sessions share, by user and client
	all       map[*conn]struct{}
	backoffs  map[string]*crashes // by user, of those whose processes have failed
	running   map[string]int      // calls, by user
	watching  bool
	processes sync.WaitGroup // processes that have not gone yet
}

const (
	// commentEvery is how long a stream may be quiet before a comment shows proxies and
	// clients that it lives.
	commentEvery = 25 * time.Second
	// shortWait is how long a stream waits for something to say before it begins: most
	// responses come sooner, and need no stream then.
	shortWait   = 5 * time.Millisecond
	endCanceled = 10 * time.Second
)

// New returns a stdio server. Its first process starts with the first session.
func New(cfg Config) (*Upstream, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Upstream{
		Config: cfg, quiet: commentEvery, patience: shortWait, canceledFor: endCanceled, sessions: map[string]*session{}, conns: map[string]*conn{},
		all: map[*conn]struct{}{}, backoffs: map[string]*crashes{}, running: map[string]int{},
		limits: process.NewLimits(cfg.Processes, cfg.PerUser),
	}, nil
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodDelete}

// ServeHTTP serves a request of MCP's Streamable HTTP transport.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, ok := principal.FromContext(r.Context())
	if !ok {
		panic("a request without a principal reached an upstream")
	}
	switch method := r.Method; {
	case method != http.MethodPost && r.Header.Get(versionHeader) == stateless:
		w.Header().Set("Allow", http.MethodPost)
		u.fail(w, r, nil, gateway.ErrMethod)
	case method == http.MethodPost:
		u.post(w, r, p)
	case method == http.MethodGet:
		u.get(w, r, p)
	case method == http.MethodDelete:
		u.delete(w, r, p)
	default:
		w.Header().Set("Allow", strings.Join(methods, ", "))
		u.fail(w, r, nil, gateway.ErrMethod)
	}
}

// delete ends a session.
func (u *Upstream) delete(w http.ResponseWriter, r *http.Request, p principal.Principal) {
	s, err := u.sessionOf(r, p)
	if err != nil {
		u.fail(w, r, nil, err)
		return
	}
	u.finish(s, errSessionEnd)
	w.WriteHeader(http.StatusOK)
}

const sessionHeader = "Mcp-Session-Id"

// sessionOf returns the session of a request.
func (u *Upstream) sessionOf(r *http.Request, p principal.Principal) (*session, error) {
	values := r.Header[sessionHeader]
	switch {
	case len(values) == 0:
		return nil, errNeedsID
	case len(values) > 1:
		return nil, gateway.ErrNoSession
	}
	u.mu.Lock()
	s := u.sessions[values[0]]
	u.mu.Unlock()
	if s == nil || !s.belongsTo(p) {
		return nil, gateway.ErrNoSession
	}
	s.touch(p)
	return s, nil
}

// finish ends a session.
func (u *Upstream) finish(s *session, cause error) {
	u.mu.Lock()
	delete(u.sessions, s.id)
	u.mu.Unlock()
	s.leave(cause)
}

// Processes is how many processes run.
func (u *Upstream) Processes() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.all)
}

// Health returns what the traffic showed last. It asks nothing.
func (u *Upstream) Health() gateway.Health { return u.traffic.Health() }

// Vouch sets nothing: the environment of a process says whom it works for, not a header.
func (*Upstream) Vouch(context.Context, http.Header, principal.Principal) error { return nil }

// End ends all sessions and processes: the server is no longer configured. Later requests
// get 404.
func (u *Upstream) End() {
	u.mu.Lock()
	u.gone = true
	conns := slices.Collect(maps.Keys(u.all))
	u.mu.Unlock()
	for _, c := range conns {
		c.stop(errStopped)
	}
}

// Close ends all sessions, and returns when nothing of their processes is left.
func (u *Upstream) Close() {
	u.End()
	u.processes.Wait()
}

// reserve counts the calls that a user begins, up to a limit.
func (u *Upstream) reserve(user string, n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running[user]+n > u.MaxConcurrent {
		return false
	}
	if n > 0 {
		u.running[user] += n
	}
	return true
}

// release counts a call that has ended.
func (u *Upstream) release(user string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running[user]--; u.running[user] <= 0 {
		delete(u.running, user)
	}
}

// record notes a call of a tool.
func (u *Upstream) record(p principal.Principal, m message, reference, outcome string, took time.Duration) {
	if u.Called == nil || m.method != "tools/call" {
		return
	}
	call := gateway.CallBy(p, u.Name, reference)
	call.Tool, call.Outcome, call.Took = m.params().text("name"), outcome, took
	u.Called(call)
}
