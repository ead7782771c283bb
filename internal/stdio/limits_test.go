package stdio_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// refused checks an error response.
func refused(t *testing.T, what string, response *http.Response, status int, words string) {
	t.Helper()
	body := read(t, response)
	if response.StatusCode != status || !strings.Contains(body, words) || !strings.HasPrefix(body, `{"`) || !strings.Contains(body, `"error":{"code":-3`) {
		t.Errorf("%s: %d %s", what, response.StatusCode, body)
	}
	limited := status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
	if retry := response.Header.Get("Retry-After"); (retry != "") != limited {
		t.Errorf("%s: Retry-After %q", what, retry)
	}
}

// TestLimits: at a limit a new session gets 503, and what is open is not disturbed.
func TestLimits(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: everything}
	cfg := config(f, stdio.PerSession)
	cfg.Processes, cfg.PerUser = 3, 2
	s, _ := front(t, cfg)
	open := []*client{connect(t, s.URL, "u_1 c"), connect(t, s.URL, "u_1 c")}
	try := func(caller string) *http.Response {
		return (&client{t: t, url: s.URL, caller: caller}).send(t.Context(), http.MethodPost, hello)
	}
	refused(t, "a third session of one user", try("u_1 c"), http.StatusServiceUnavailable, `"id":"init"`)
	open = append(open, connect(t, s.URL, "u_2 c"))
	refused(t, "a fourth session", try("u_3 c"), http.StatusServiceUnavailable, "Too many sessions")
	for i, c := range open {
		if m, _ := c.call(1, "ping", nil); m["error"] != nil {
			t.Errorf("session %d: %v", i, m)
		}
	}
	_ = read(t, open[0].send(t.Context(), http.MethodDelete, ""))
	until(t, "there is room again", func() bool {
		response := try("u_3 c")
		_ = read(t, response)
		return response.StatusCode == http.StatusOK
	})
}

// TestConcurrentCalls: a user has so many calls running, and an event for each that is refused.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	var refusals atomic.Int32
	cfg := config(&fleet{handle: everything}, stdio.PerSession)
	cfg.MaxConcurrent = 2
	cfg.Called = func(c audit.Call) {
		if c.Outcome == audit.Error && c.Tool == "never" && c.UserID == "u_alice" {
			refusals.Add(1)
		}
	}
	s, _ := front(t, cfg)
	c := connect(t, s.URL, "")
	call := request(1, "tools/call", callOf("never", nil))
	running := []*stream{c.open(t.Context(), call), c.open(t.Context(), call)}
	refused(t, "a third call", c.send(t.Context(), http.MethodPost, call), http.StatusTooManyRequests, "calls are running")
	if m, _ := connect(t, s.URL, "u_2 c").call(1, "ping", nil); m["error"] != nil {
		t.Errorf("another user: %v", m)
	}
	_ = read(t, c.send(t.Context(), http.MethodDelete, ""))
	for _, st := range running {
		if m := st.next(); !strings.Contains(text(m), "Session not found") {
			t.Errorf("a call whose session ended: %v", m)
		}
	}
	if m, _ := connect(t, s.URL, "").call(1, "ping", nil); m["error"] != nil || refusals.Load() != 1 {
		t.Errorf("afterwards: %v, %d refusals are on record", m, refusals.Load())
	}
}

// TestRecorded: a call's event has its outcome and tool.
func TestRecorded(t *testing.T) {
	t.Parallel()
	calls := make(chan audit.Call, 10)
	cfg := config(&fleet{handle: everything}, stdio.PerSession)
	cfg.Called = func(c audit.Call) { calls <- c }
	s, _ := front(t, cfg)
	c := connect(t, s.URL, "")
	_, _ = c.call(1, "tools/call", callOf("echo", nil))
	got := <-calls
	if got.Tool != "echo" || got.Outcome != audit.OK || got.UserID != "u_alice" || got.ClientID != "c_1" || got.GrantID != "g_1" || got.Upstream != "test" || got.Reference != "ref123" {
		t.Errorf("a call: %+v", got)
	}
	_, _ = c.call(1, "tools/call", callOf("crash", nil))
	if got := <-calls; got.Tool != "crash" || got.Outcome != audit.Failed {
		t.Errorf("a call that failed: %+v", got)
	}
}

// TestIdle: a session ends when its client is not there and nothing happens, not before.
func TestIdle(t *testing.T) {
	t.Parallel()
	for _, mode := range []stdio.Mode{stdio.PerSession, stdio.PerPerson, stdio.Shared} {
		f := &fleet{handle: everything}
		cfg := config(f, mode)
		cfg.Idle = 200 * time.Millisecond // in which a slow machine begins a session
		s, _ := front(t, cfg)
		c := connect(t, s.URL, "")
		listening := c.listen()
		alone := connect(t, s.URL, "u_2 c")
		until(t, string(mode)+": the idle session has ended", func() bool {
			response := alone.send(t.Context(), http.MethodGet, "", "Last-Event-ID", "x")
			defer func() { time.Sleep(4 * cfg.Idle) }() // each request is something that happens
			return read(t, response) != "" && response.StatusCode == http.StatusNotFound
		})
		if m, _ := c.call(1, "ping", nil); m["error"] != nil {
			t.Errorf("%s: the session of a client that listens: %v", mode, m)
		}
		listening.close()
		until(t, string(mode)+": all processes have ended", func() bool { return f.running.Load() == 0 })
	}
}

// TestRevoked: the sessions of a grant that is revoked end, with their processes.
func TestRevoked(t *testing.T) {
	t.Parallel()
	var revoked atomic.Bool
	f := &fleet{handle: everything}
	cfg := config(f, stdio.PerSession)
	cfg.Live = func(_ context.Context, grant string) bool { return grant != "g_u_1" || !revoked.Load() }
	s, _ := front(t, cfg)
	c, other := connect(t, s.URL, "u_1 c"), connect(t, s.URL, "u_2 c")
	stream := c.listen()
	revoked.Store(true)
	began := time.Now()
	if m := stream.next(); m != nil {
		t.Errorf("the stream: %v", m)
	}
	until(t, "the process has ended", func() bool { return f.running.Load() == 1 })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("after %v", took)
	}
	refused(t, "the session", c.send(t.Context(), http.MethodPost, request(1, "ping", nil)), http.StatusNotFound, "Session not found")
	if m, _ := other.call(1, "ping", nil); m["error"] != nil {
		t.Errorf("another user's session: %v", m)
	}
}

// TestRevokedProcess: a process that sessions of one user share ends with the user's access, also
// after the session has ended, and for clients without sessions. Another user's does not.
func TestRevokedProcess(t *testing.T) {
	t.Parallel()
	ways := map[string]func(t *testing.T, url string){
		"in a session": func(t *testing.T, url string) { connect(t, url, "u_1 c").listen() },
		"after a session": func(t *testing.T, url string) {
			_ = read(t, connect(t, url, "u_1 c").send(t.Context(), http.MethodDelete, ""))
		},
		"without sessions": func(t *testing.T, url string) {
			(&client{t: t, url: url, caller: "u_1 c"}).modern(t.Context(), 1, "tools/list", nil, nil).next()
		},
	}
	for _, mode := range []stdio.Mode{stdio.PerSession, stdio.PerPerson} {
		for name, use := range ways {
			t.Run(string(mode)+", "+name, func(t *testing.T) {
				t.Parallel()
				var revoked atomic.Bool
				f := &fleet{handle: everything}
				cfg := config(f, mode)
				cfg.Live = func(_ context.Context, grant string) bool { return grant != "g_u_1" || !revoked.Load() }
				s, _ := front(t, cfg)
				other := connect(t, s.URL, "u_2 c")
				use(t, s.URL)
				if mode == stdio.PerPerson && f.running.Load() != 2 {
					t.Errorf("%d processes before", f.running.Load())
				}
				revoked.Store(true)
				until(t, "one process is left", func() bool { return f.running.Load() == 1 })
				if m, _ := other.call(1, "ping", nil); m["error"] != nil {
					t.Errorf("another user's session: %v", m)
				}
			})
		}
	}
}

// TestEnd: an upstream that is no longer configured ends everything.
func TestEnd(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: everything}
	s, u := front(t, config(f, stdio.PerSession))
	c := connect(t, s.URL, "")
	stream, call := c.listen(), c.open(t.Context(), request(1, "tools/call", callOf("never", nil)))
	u.End()
	if m, n := stream.next(), call.next(); m != nil || !strings.Contains(text(n), "Session not found") {
		t.Errorf("the stream: %v, the call: %v", m, n)
	}
	refused(t, "a new session", (&client{t: t, url: s.URL}).send(t.Context(), http.MethodPost, hello), http.StatusNotFound, "Session not found")
	until(t, "the process has ended", func() bool { return f.running.Load() == 0 })
}

// TestNoStart: a command that cannot be started is an error without its reason, and one that
// keeps failing is not started all the time.
func TestNoStart(t *testing.T) {
	t.Parallel()
	cfg := config(&fleet{}, stdio.PerSession)
	cfg.Launch = func(context.Context, principal.Principal, string) (stdio.Process, error) {
		return stdio.Process{}, errors.New("the command /opt/secret is not found")
	}
	s, u := front(t, cfg)
	first := (&client{t: t, url: s.URL}).send(t.Context(), http.MethodPost, hello)
	refused(t, "the first", first, http.StatusBadGateway, "cannot be started. Reference: ref123.")
	_ = read(t, (&client{t: t, url: s.URL}).send(t.Context(), http.MethodPost, hello))
	refused(t, "the third", (&client{t: t, url: s.URL}).send(t.Context(), http.MethodPost, hello), http.StatusServiceUnavailable, "keeps failing")
	if h := u.Health(); h.Status != "failing" || strings.Contains(h.Error, "secret") {
		t.Errorf("health: %v", h)
	}
}
