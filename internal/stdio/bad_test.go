package stdio_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// TestBadProcess: whatever a process writes, its client gets what is meant for it, or an
// error.
func TestBadProcess(t *testing.T) {
	t.Parallel()
	const pong = `{"jsonrpc":"2.0","id":%v,"result":{"ok":true}}`
	for name, answer := range map[string]func(p *peer, id any){
		"banner": func(p *peer, id any) { p.write("Server ready!\n\n\n" + fmt.Sprintf(pong, id) + "\n") },
		"split":  func(p *peer, id any) { s := fmt.Sprintf(pong, id); p.write(s[:9]); p.write(s[9:] + "\n") },
		"joined": func(p *peer, id any) {
			s := fmt.Sprintf(pong, id)
			p.write(`{"jsonrpc":"2.0","method":"x"}` + "\n" + s + "\n")
		},
		"carriage return": func(p *peer, id any) { p.write(strings.Replace(fmt.Sprintf(pong, id), ",", ",\r", 1) + "\r\n") },
		"a batch":         func(p *peer, id any) { p.write("[" + fmt.Sprintf(pong, id) + "]\n") },
		"foreign ids": func(p *peer, id any) {
			for _, other := range []string{"0", "999", "-1", `"x"`, "null", "1.5", "{}", "true"} {
				p.write(fmt.Sprintf(pong, other) + "\n")
			}
			p.write(fmt.Sprintf(pong, id) + "\n" + fmt.Sprintf(pong, id) + "\n")
		},
		"not UTF-8": func(p *peer, id any) {
			p.write("\xff\xfe\n" + strings.Replace(fmt.Sprintf(pong, id), "ok", "ok\xff", 1) + "\n")
		},
		"no JSON-RPC": func(p *peer, id any) {
			p.write("[]\n{}\n1\n\"x\"\nnull\n[1]\n{\"id\":1}\n{\"jsonrpc\":\"1.0\"}\n" + fmt.Sprintf(pong, id) + "\n")
		},
		"repeated member": func(p *peer, id any) {
			p.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%v,"Id":77,"result":{}}`, id) + "\n" + fmt.Sprintf(pong, id) + "\n")
		},
		"lost error": func(p *peer, id any) {
			p.write(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}` + "\n" + fmt.Sprintf(pong, id) + "\n")
		},
		"no newline": func(p *peer, id any) { p.write(fmt.Sprintf(pong, id)); p.die() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := front(t, config(&fleet{handle: func(p *peer, m object) {
				if m["method"] == "ping" {
					answer(p, m["id"])
					return
				}
				everything(p, m)
			}}, stdio.PerSession))
			m, _ := connect(t, s.URL, "").call("mine", "ping", nil)
			if m["id"] != "mine" || !strings.HasPrefix(text(m), "map[ok") || !strings.HasSuffix(text(m), ":true] <nil>") {
				t.Errorf("the client got %v", m)
			}
		})
	}
}

// TestLongLine: a message beyond the limit ends the process with an error.
func TestLongLine(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: func(p *peer, m object) {
		if m["method"] == "ping" {
			go p.write(strings.Repeat("x", 17<<20))
			return
		}
		everything(p, m)
	}}
	s, _ := front(t, config(f, stdio.PerSession))
	m, _ := connect(t, s.URL, "").call(1, "ping", nil)
	if !strings.Contains(text(m), "too large") {
		t.Errorf("the client got %v", m)
	}
	until(t, "the process has ended", func() bool { return f.running.Load() == 0 })
}

// TestBadStart: a process that ends, says nothing or refuses during the handshake.
func TestBadStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handle func(p *peer, m object)
		status int
		words  string
	}{
		"ends":         {func(p *peer, _ object) { p.die() }, http.StatusBadGateway, "has ended"},
		"says nothing": {func(*peer, object) {}, http.StatusGatewayTimeout, "did not start in time"},
		"refuses": {func(p *peer, m object) {
			p.say(object{"id": m["id"], "error": object{"code": -32602, "message": "no such revision"}})
		}, http.StatusOK, "no such revision"},
		"no result": {func(p *peer, m object) { p.say(object{"id": m["id"], "result": 1}) }, http.StatusBadGateway, "not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fleet{handle: test.handle}
			cfg := config(f, stdio.PerSession)
			cfg.Start = 100 * time.Millisecond
			s, _ := front(t, cfg)
			response := (&client{t: t, url: s.URL}).send(t.Context(), http.MethodPost, hello)
			if id := response.Header.Get("Mcp-Session-Id"); id != "" {
				t.Errorf("there is a session %q", id)
			}
			refused(t, name, response, test.status, test.words)
			until(t, "the process has ended", func() bool { return f.running.Load() == 0 })
		})
	}
}

// TestBadRequests: a request that is not as the transport demands gets an error, and disturbs
// nothing.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: everything}
	s, _ := front(t, config(f, stdio.PerSession))
	c := connect(t, s.URL, "")
	ping := request(1, "ping", nil)
	for name, test := range map[string]struct {
		method, body string
		status       int
		headers      []string
	}{
		"method":                {http.MethodPut, ping, http.StatusMethodNotAllowed, nil},
		"no session":            {http.MethodPost, ping, http.StatusNotFound, []string{"Mcp-Session-Id", ""}},
		"an unknown session":    {http.MethodPost, ping, http.StatusNotFound, []string{"Mcp-Session-Id", "x"}},
		"revision":              {http.MethodPost, ping, http.StatusBadRequest, []string{"Mcp-Protocol-Version", "1999-01-01"}},
		"revision of a stream":  {http.MethodGet, "", http.StatusBadRequest, []string{"Mcp-Protocol-Version", "x"}},
		"media type":            {http.MethodPost, ping, http.StatusUnsupportedMediaType, []string{"Content-Type", "text/plain"}},
		"accept":                {http.MethodPost, ping, http.StatusNotAcceptable, []string{"Accept", "text/html"}},
		"accept of a stream":    {http.MethodGet, "", http.StatusNotAcceptable, []string{"Accept", "application/json"}},
		"no JSON":               {http.MethodPost, "{", http.StatusBadRequest, nil},
		"nothing":               {http.MethodPost, "", http.StatusBadRequest, nil},
		"not UTF-8":             {http.MethodPost, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", http.StatusBadRequest, nil},
		"no message":            {http.MethodPost, `{"jsonrpc":"2.0"}`, http.StatusBadRequest, nil},
		"an empty batch":        {http.MethodPost, `[]`, http.StatusBadRequest, nil},
		"a null id":             {http.MethodPost, `{"jsonrpc":"2.0","id":null,"method":"ping"}`, http.StatusBadRequest, nil},
		"a repeated member":     {http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"ping","method":"x"}`, http.StatusBadRequest, nil},
		"members alike":         {http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"ping","Method":"x"}`, http.StatusBadRequest, nil},
		"more after it":         {http.MethodPost, ping + ping, http.StatusBadRequest, nil},
		"a second initialize":   {http.MethodPost, hello, http.StatusBadRequest, nil},
		"initialize in a batch": {http.MethodPost, "[" + hello + "]", http.StatusBadRequest, nil},
		"too large":             {http.MethodPost, `"` + strings.Repeat("x", 4<<20) + `"`, http.StatusRequestEntityTooLarge, nil},
	} {
		response := c.send(t.Context(), test.method, test.body, test.headers...)
		refused(t, name, response, test.status, "ref123")
	}
	response := (&client{t: t, url: s.URL}).send(t.Context(), http.MethodPost, ping)
	refused(t, "without the header", response, http.StatusBadRequest, "Mcp-Session-Id is missing")
	if m, _ := c.call(1, "ping", nil); m["error"] != nil || f.started.Load() != 1 {
		t.Errorf("afterwards: %v, %d processes", m, f.started.Load())
	}
}

// TestForms: batches of 2025-03-26, and clients that take JSON alone or streams alone.
func TestForms(t *testing.T) {
	t.Parallel()
	s, _ := front(t, config(&fleet{handle: everything}, stdio.PerSession))
	c := connect(t, s.URL, "")
	progress := request(1, "tools/call", object{"name": "progress", "_meta": object{"progressToken": 5}})
	batch := "[" + progress + "," + request(nil, "notifications/x", nil) + "," + request("b", "ping", nil) + "]"
	c.accept = "application/json"
	if body := read(t, c.send(t.Context(), http.MethodPost, progress)); body != `{"jsonrpc":"2.0","id":1,"result":{"done":true}}` && body != `{"id":1,"jsonrpc":"2.0","result":{"done":true}}` {
		t.Errorf("JSON alone: %s", body)
	}
	body := read(t, c.send(t.Context(), http.MethodPost, batch))
	if !strings.HasPrefix(body, "[{") || !strings.Contains(body, `"id":1`) || !strings.Contains(body, `"id":"b"`) || strings.Contains(body, "progress") {
		t.Errorf("a batch as JSON: %s", body)
	}
	c.accept = "text/event-stream"
	body = read(t, c.send(t.Context(), http.MethodPost, batch))
	if strings.Count(body, "data: {") != 5 || !strings.Contains(body, `"progressToken":5`) {
		t.Errorf("a batch as a stream: %s", body)
	}
	response := (&client{t: t, url: s.URL, accept: "text/event-stream"}).send(t.Context(), http.MethodPost, hello)
	if body := read(t, response); !strings.HasPrefix(body, "event: message\ndata: {") {
		t.Errorf("initialize as a stream: %s", body)
	}
}

const cancellation = "notifications/cancelled"

// TestCancel: a cancellation reaches the process with the id that the process knows. The
// stream of the call does not stay open forever.
func TestCancel(t *testing.T) {
	t.Parallel()
	ids := make(chan any, 2)
	f := &fleet{handle: everything, received: func(m object) {
		params, _ := m["params"].(object)
		switch m["method"] {
		case "tools/call":
			ids <- m["id"]
		case cancellation:
			ids <- params["requestId"]
		}
	}}
	s, u := front(t, config(f, stdio.PerSession))
	stdio.SetCanceledFor(u, 10*time.Millisecond)
	c := connect(t, s.URL, "")
	call := c.open(t.Context(), request("mine", "tools/call", callOf("never", nil)))
	for _, id := range []any{"other", "mine"} {
		_ = read(t, c.send(t.Context(), http.MethodPost, request(nil, cancellation, object{"requestId": id})))
	}
	if a, b := <-ids, <-ids; a != b || a == "mine" {
		t.Errorf("the call has the id %v, the cancellation %v", a, b)
	}
	if m := call.next(); m["id"] != "mine" || !strings.Contains(text(m), "canceled") {
		t.Errorf("the call: %v", m)
	}
}
