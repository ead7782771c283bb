package stdio_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// TestShared: one process for all, which no one can be asked by. Ids and progress tokens of
// clients do not meet, and what is about no one in particular goes to no one.
func TestShared(t *testing.T) {
	t.Parallel()
	var process *peer
	f := &fleet{handle: everything, began: func(p *peer) { process = p }}
	s, _ := front(t, config(f, stdio.Shared))
	first := &client{t: t, url: s.URL, caller: "u_1 c"}
	response := first.send(t.Context(), http.MethodPost, hello)
	greeting := read(t, response)
	if strings.Contains(greeting, "logging") || strings.Contains(greeting, "tasks") || !strings.Contains(greeting, `"seen":{}`) || !strings.Contains(greeting, `"id":"init"`) {
		t.Errorf("the greeting: %s", greeting)
	}
	a, b := connect(t, s.URL, "u_1 c"), connect(t, s.URL, "u_2 c")
	if f.started.Load() != 1 {
		t.Fatalf("%d processes", f.started.Load())
	}
	streamA, streamB := a.listen(), b.listen()
	process.say(object{"method": "notifications/message", "params": object{"data": "about someone"}})
	process.say(object{"method": "notifications/tools/list_changed"})
	for name, st := range map[string]*stream{"a": streamA, "b": streamB} {
		if m := st.next(); m["method"] != "notifications/tools/list_changed" {
			t.Errorf("%s got %v", name, m)
		}
	}
	m, before := a.call(1, "tools/call", callOf("ask", object{"method": "sampling/createMessage"}))
	if !strings.Contains(text(m), "-32601") || len(before) > 0 {
		t.Errorf("a question: %v, %v", m, before)
	}
	for _, method := range []string{"tasks/list", "logging/setLevel"} {
		if m, _ := a.call(1, method, nil); !strings.Contains(text(m), "-32601") {
			t.Errorf("%s: %v", method, m)
		}
	}
}

// TestSubscriptionsShared: an update reaches those who asked for it, and the process hears
// that no one wants one when the last has gone.
func TestSubscriptionsShared(t *testing.T) {
	t.Parallel()
	var process *peer
	var mu sync.Mutex
	var heard []string
	f := &fleet{handle: everything, began: func(p *peer) { process = p }, received: func(m object) {
		if method := fmt.Sprint(m["method"]); strings.Contains(method, "subscribe") {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, method)
		}
	}}
	s, _ := front(t, config(f, stdio.Shared))
	a, b, c := connect(t, s.URL, "u_1 c"), connect(t, s.URL, "u_2 c"), connect(t, s.URL, "u_3 c")
	streams := []*stream{a.listen(), b.listen(), c.listen()}
	about := object{"uri": "x:1"}
	_, _ = a.call(1, "resources/subscribe", about)
	_, _ = b.call(1, "resources/subscribe", about)
	process.say(object{"method": "notifications/resources/updated", "params": about})
	process.say(object{"method": "notifications/resources/list_changed"})
	for i, want := range []string{"notifications/resources/updated", "notifications/resources/updated", "notifications/resources/list_changed"} {
		if m := streams[i].next(); m["method"] != want {
			t.Errorf("client %d got %v, want %s", i, m, want)
		}
	}
	_, _ = a.call(2, "resources/unsubscribe", about)
	_ = read(t, b.send(t.Context(), http.MethodDelete, ""))
	until(t, "the process hears that no one is subscribed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(heard, " ") == "resources/subscribe resources/subscribe resources/unsubscribe"
	})
}

// TestPerson: the sessions of a user and client share a process. Others have their own.
func TestPerson(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: everything}
	s, _ := front(t, config(f, stdio.PerPerson))
	a, b, other := connect(t, s.URL, "u_1 c"), connect(t, s.URL, "u_1 c"), connect(t, s.URL, "u_1 d")
	if f.started.Load() != 2 {
		t.Errorf("%d processes", f.started.Load())
	}
	_ = read(t, a.send(t.Context(), http.MethodDelete, ""))
	for _, c := range []*client{b, other} {
		if m, _ := c.call(1, "tools/call", callOf("echo", nil)); !strings.Contains(text(m), "u_1") {
			t.Errorf("after another session's end: %v", m)
		}
	}
	if f.running.Load() != 2 {
		t.Errorf("%d processes run", f.running.Load())
	}
}

// TestIsolation: calls of many users run at the same time, with the same ids and questions in
// flight. Each gets what is theirs.
func TestIsolation(t *testing.T) {
	t.Parallel()
	for _, mode := range []stdio.Mode{stdio.PerSession, stdio.PerPerson} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s, _ := front(t, config(&fleet{handle: everything}, mode))
			everyone(t, 50, func(i int) {
				me := fmt.Sprintf("u_%d", i)
				c := connect(t, s.URL, me+" c")
				for round := range 10 {
					secret := fmt.Sprintf("secret of %s in round %d", me, round)
					st := c.open(t.Context(), request(round, "tools/call", callOf("ask", object{"method": "elicitation/create", "text": secret})))
					question := st.next()
					if !strings.Contains(fmt.Sprint(question["params"]), secret) {
						t.Errorf("%s was asked %v", me, question)
						return
					}
					_ = read(t, c.send(t.Context(), http.MethodPost, fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{"is":%q}}`, question["id"], secret)))
					if m := st.next(); text(m) != fmt.Sprintf("map[answer:map[is:%s] error:<nil> user:%s] <nil>", secret, me) {
						t.Errorf("%s got %v", me, m)
					}
				}
			})
		})
	}
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		s, _ := front(t, config(&fleet{handle: everything}, stdio.Shared))
		everyone(t, 50, func(i int) {
			me := fmt.Sprintf("u_%d", i)
			c := connect(t, s.URL, me+" c")
			for round := range 20 {
				secret := fmt.Sprintf("secret of %s in round %d", me, round)
				m, before := c.call(round, "tools/call", object{"name": "echo", "arguments": object{"text": secret}})
				if len(before) > 0 || text(m) != fmt.Sprintf("map[echo:%s user:] <nil>", secret) {
					t.Errorf("%s got %v, %v", me, before, m)
				}
				_, before = c.call(round, "tools/call", object{"name": "progress", "_meta": object{"progressToken": me}})
				for _, n := range before {
					if !strings.Contains(fmt.Sprint(n["params"]), me) {
						t.Errorf("%s got %v", me, n)
					}
				}
			}
		})
	})
}

func everyone(t *testing.T, n int, do func(i int)) {
	t.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}
