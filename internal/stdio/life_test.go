package stdio_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// everything is a server with a bit of all that MCP has.
func everything(p *peer, m object) {
	params, _ := m["params"].(object)
	if m["id"] == nil {
		return
	}
	result := object{}
	switch m["method"] {
	case "initialize":
		result = object{"protocolVersion": params["protocolVersion"], "capabilities": object{"tools": object{}, "logging": object{}, "tasks": object{}}, "serverInfo": object{"name": "t", "version": "1"}, "seen": params["capabilities"]}
	case "tools/call":
		result = tool(p, m, params)
	}
	if result != nil {
		p.say(object{"id": m["id"], "result": result})
	}
}

func tool(p *peer, m, params object) object {
	arguments, _ := params["arguments"].(object)
	meta, _ := params["_meta"].(object)
	switch params["name"] {
	case "echo":
		return object{"user": p.user, "echo": arguments["text"]}
	case "ask": // the ids of each process are the same
		answer := p.ask("question-1", arguments["method"].(string), object{"message": arguments["text"]})
		return object{"user": p.user, "answer": answer["result"], "error": answer["error"]}
	case "progress":
		for i := range 3 {
			p.say(object{"method": "notifications/progress", "params": object{"progressToken": meta["progressToken"], "progress": i}})
		}
		return object{"done": true}
	case "crash":
		p.die()
		return nil
	case "never":
		return nil
	}
	return object{"unknown": params["name"]}
}

func callOf(name string, arguments object) object {
	return object{"name": name, "arguments": arguments}
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(tick); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %v: %s", tick, what)
		}
	}
}

// TestLife: a session has its process from initialize to DELETE.
func TestLife(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: everything}
	s, u := front(t, config(f, stdio.PerSession))
	if h := u.Health(); h.Status != "unknown" || f.started.Load() != 0 {
		t.Errorf("before the first session: %v, %d processes", h, f.started.Load())
	}
	c := connect(t, s.URL, "")
	response, before := c.call("a", "tools/call", callOf("echo", object{"text": "héllo\n\u2028"}))
	if response["id"] != "a" || text(response) != "map[echo:héllo\n\u2028 user:u_alice] <nil>" || len(before) != 0 {
		t.Errorf("echo: %v, before it %v", response, before)
	}
	response, before = c.call(7, "tools/call", object{"name": "progress", "_meta": object{"progressToken": "tok"}})
	if len(before) != 3 || before[0]["params"].(object)["progressToken"] != "tok" || text(response) != "map[done:true] <nil>" {
		t.Errorf("progress: %v, before it %v", response, before)
	}
	if h := u.Health(); h.Status != "ok" {
		t.Errorf("health: %v", h)
	}
	if response := c.send(t.Context(), http.MethodDelete, ""); response.StatusCode != http.StatusOK {
		t.Errorf("DELETE: %d %s", response.StatusCode, read(t, response))
	}
	until(t, "the process has ended", func() bool { return f.running.Load() == 0 })
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		body := ""
		if method == http.MethodPost {
			body = request("x", "ping", nil)
		}
		response := c.send(t.Context(), method, body)
		if text := read(t, response); response.StatusCode != http.StatusNotFound || !strings.Contains(text, `"code":-32001`) {
			t.Errorf("%s after DELETE: %d %s", method, response.StatusCode, text)
		}
	}
}

// TestQuestions: what a process asks reaches its own client in the stream of the call, and
// the answer finds the process.
func TestQuestions(t *testing.T) {
	t.Parallel()
	s, _ := front(t, config(&fleet{handle: everything}, stdio.PerSession))
	c := connect(t, s.URL, "")
	for _, method := range []string{"sampling/createMessage", "elicitation/create", "roots/list"} {
		st := c.open(t.Context(), request(method, "tools/call", callOf("ask", object{"method": method, "text": "q"})))
		question := st.next()
		if question["method"] != method || question["id"] == nil {
			t.Fatalf("%s: the client got %v", method, question)
		}
		answer := c.send(t.Context(), http.MethodPost, fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{"to":%q}}`, question["id"], method))
		if answer.StatusCode != http.StatusAccepted {
			t.Errorf("%s: the answer got %d", method, answer.StatusCode)
		}
		if m := st.next(); !strings.Contains(text(m), "answer:map[to:"+method+"]") {
			t.Errorf("%s: %v", method, m)
		}
	}
}

// TestForeignSession: a session means nothing to another user, and to another client of the
// same user.
func TestForeignSession(t *testing.T) {
	t.Parallel()
	var seen []string
	f := &fleet{handle: func(p *peer, m object) {
		if m["method"] == "tools/call" {
			seen = append(seen, "x")
		}
		everything(p, m)
	}}
	s, _ := front(t, config(f, stdio.PerSession))
	c := connect(t, s.URL, "")
	for _, caller := range []string{"u_mallory c_1", "u_alice c_2"} {
		other := &client{t: t, url: s.URL, caller: caller, session: c.session}
		for method, body := range map[string]string{http.MethodPost: request(1, "tools/call", callOf("echo", nil)), http.MethodGet: "", http.MethodDelete: ""} {
			response := other.send(t.Context(), method, body)
			if response.StatusCode != http.StatusNotFound { // unread: a stream has no end
				t.Errorf("%s by %s: %d", method, caller, response.StatusCode)
			}
			_ = response.Body.Close()
		}
	}
	if m, _ := c.call(1, "ping", nil); m["error"] != nil || len(seen) > 0 {
		t.Errorf("the session's own client: %v; the process saw %d calls of others", m, len(seen))
	}
}

// TestProcessEnds: every request in flight gets an error, and the session is gone.
func TestProcessEnds(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: everything}
	s, u := front(t, config(f, stdio.PerSession))
	c := connect(t, s.URL, "")
	waiting := c.open(t.Context(), request("w", "tools/call", callOf("never", nil)))
	began := time.Now()
	crashing, _ := c.call("c", "tools/call", callOf("crash", nil))
	for name, m := range map[string]object{"the call that crashed": crashing, "another": waiting.next()} {
		if !strings.Contains(text(m), "has ended") || !strings.Contains(text(m), "ref123") {
			t.Errorf("%s: %v", name, m)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the errors came after %v", took)
	}
	if response := c.send(t.Context(), http.MethodPost, request("x", "ping", nil)); response.StatusCode != http.StatusNotFound {
		t.Errorf("the session: %d", response.StatusCode)
	}
	if h := u.Health(); h.Status != "failing" {
		t.Errorf("health: %v", h)
	}
	if m, _ := connect(t, s.URL, "").call(1, "ping", nil); m["error"] != nil {
		t.Errorf("a new session: %v", m)
	}
}
