package stdio_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// steps is a server whose calls proceed when a test says so.
type steps struct {
	fleet
	proceed chan string
}

func newSteps() *steps {
	s := &steps{proceed: make(chan string)}
	s.handle = func(p *peer, m object) {
		if m["method"] != "tools/call" {
			everything(p, m)
			return
		}
		for text := range s.proceed {
			if text == "" {
				break
			}
			p.say(object{"method": "notifications/message", "params": object{"data": text}})
		}
		p.say(object{"id": m["id"], "result": object{"done": true}})
	}
	return s
}

func data(m object) string {
	params, _ := m["params"].(object)
	return fmt.Sprint(params["data"])
}

// TestResume: a call continues when its client hangs up. The client gets the rest of that
// stream, and of no other, with the id of the last event that it has.
func TestResume(t *testing.T) {
	t.Parallel()
	f := newSteps()
	s, _ := front(t, config(&f.fleet, stdio.PerSession))
	c := connect(t, s.URL, "")
	ctx, hangUp := context.WithCancel(t.Context())
	first := c.open(ctx, request("r", "tools/call", callOf("x", nil)))
	f.proceed <- "one"
	if m := first.next(); data(m) != "one" {
		t.Fatalf("first: %v", m)
	}
	last := first.lastID
	hangUp()
	_ = first.next()
	f.proceed <- "two"
	f.proceed <- ""
	other, _ := c.call("o", "ping", nil)
	if other["id"] != "o" {
		t.Errorf("another call: %v", other)
	}
	for range 2 { // as often as the client needs it
		resumed := c.listen("Last-Event-ID", last)
		two, done := resumed.next(), resumed.next()
		if data(two) != "two" || done["id"] != "r" || text(done) != "map[done:true] <nil>" {
			t.Errorf("resumed: %v, then %v", two, done)
		}
		if m := resumed.next(); m != nil {
			t.Errorf("after the response: %v", m)
		}
	}
	for _, id := range []string{"x", "9-1", last + "0000", "-1-0", ""} {
		response := c.send(t.Context(), http.MethodGet, "", "Last-Event-ID", id)
		if text := read(t, response); response.StatusCode != http.StatusBadRequest {
			t.Errorf("Last-Event-ID %q: %d %s", id, response.StatusCode, text)
		}
	}
}

// TestResumeBeforeAnything: a stream that breaks before its first message can be resumed by
// clients of 2025-11-25. Older ones get nothing that they take for a message.
func TestResumeBeforeAnything(t *testing.T) {
	t.Parallel()
	f := newSteps()
	s, _ := front(t, config(&f.fleet, stdio.PerSession))
	c := connect(t, s.URL, "")
	first := c.open(t.Context(), request("r", "tools/call", callOf("x", nil)))
	for first.lastID == "" && first.lines.Scan() {
		if id, ok := strings.CutPrefix(first.lines.Text(), "id: "); ok {
			first.lastID = id
		}
	}
	first.close()
	f.proceed <- ""
	if m := c.listen("Last-Event-ID", first.lastID).next(); m["id"] != "r" {
		t.Errorf("resumed: %v", m)
	}
	old := &client{t: t, url: s.URL}
	response := old.send(t.Context(), http.MethodPost, strings.Replace(hello, "2025-11-25", "2025-06-18", 1))
	_ = read(t, response)
	old.session = response.Header.Get("Mcp-Session-Id")
	stream := old.open(t.Context(), request("r", "tools/call", callOf("x", nil)))
	if stream.lines.Scan(); stream.lines.Text() != ":" {
		t.Errorf("the first line for an older client: %q", stream.lines.Text())
	}
	f.proceed <- ""
	if m := stream.next(); m["id"] != "r" {
		t.Errorf("the response: %v", m)
	}
}

// TestKept: what a process says while no stream is open waits for the next one, and is
// delivered once.
func TestKept(t *testing.T) {
	t.Parallel()
	var process *peer
	f := &fleet{handle: everything, began: func(p *peer) {
		process = p
		p.say(object{"method": "notifications/message", "params": object{"data": "early"}})
	}}
	s, _ := front(t, config(f, stdio.PerSession))
	c := connect(t, s.URL, "")
	first := c.listen()
	if m := first.next(); data(m) != "early" {
		t.Errorf("before the handshake: %v", m)
	}
	first.close()
	process.say(object{"method": "notifications/tools/list_changed"})
	process.say(object{"id": 5, "method": "roots/list"})
	second := c.listen("Last-Event-ID", first.lastID)
	if m := second.next(); m["method"] != "notifications/tools/list_changed" {
		t.Errorf("between two streams: %v", m)
	}
	if m := second.next(); m["method"] != "roots/list" || fmt.Sprint(m["id"]) != "5" {
		t.Errorf("a question: %v", m)
	}
	third := c.listen("Last-Event-ID", second.lastID)
	process.say(object{"method": "notifications/prompts/list_changed"})
	if m := third.next(); m["method"] != "notifications/prompts/list_changed" {
		t.Errorf("resumed: %v", m)
	}
	if m := second.next(); m != nil {
		t.Errorf("the stream that another one replaced: %v", m)
	}
}

// TestBounded: a session keeps the last 1,000 events.
func TestBounded(t *testing.T) {
	t.Parallel()
	var process *peer
	s, _ := front(t, config(&fleet{handle: everything, began: func(p *peer) { process = p }}, stdio.PerSession))
	c := connect(t, s.URL, "")
	const most, more = 1000, 25
	for i := range most + more {
		process.say(object{"method": "notifications/message", "params": object{"data": i}})
	}
	if m, _ := c.call(1, "ping", nil); m["error"] != nil { // it is read after all these
		t.Fatal(m)
	}
	stream := c.listen()
	m := stream.next()
	if data(m) == fmt.Sprint(more) || data(m) == fmt.Sprint(more+1) { // the response to ping was an event as well
		return
	}
	t.Errorf("the oldest event that is kept: %v", m)
}
