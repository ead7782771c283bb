package stdio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

const revision = "2026-07-28"

// modernRequest is a request of the revision without sessions, and its headers.
func modernRequest(id any, method string, params object, meta object) (body string, headers []string) {
	all := object{"io.modelcontextprotocol/protocolVersion": revision, "io.modelcontextprotocol/clientCapabilities": object{"elicitation": object{}},
		"io.modelcontextprotocol/clientInfo": object{"name": "m", "version": "2"}}
	for name, value := range meta {
		all[name] = value
	}
	with := object{"_meta": all}
	for name, value := range params {
		with[name] = value
	}
	headers = []string{"Mcp-Protocol-Version", revision, "Mcp-Method", method}
	for _, name := range []string{"name", "uri"} {
		if value, ok := params[name].(string); ok {
			headers = append(headers, "Mcp-Name", value)
		}
	}
	return request(id, method, with), headers
}

// modern sends a request and returns what comes.
func (c *client) modern(ctx context.Context, id any, method string, params, meta object) *stream {
	c.t.Helper()
	body, headers := modernRequest(id, method, params, meta)
	return c.stream(ctx, http.MethodPost, body, headers...)
}

func result(m object) object {
	r, _ := m["result"].(object)
	return r
}

// old is a server of 2025-11-25, with what is asked about.
func old(p *peer, m object) {
	params, _ := m["params"].(object)
	switch m["method"] {
	case "initialize":
		p.say(object{"id": m["id"], "result": object{"protocolVersion": "2025-11-25", "serverInfo": object{"name": "old"}, "seen": params["capabilities"],
			"instructions": "be nice", "capabilities": object{"logging": object{}, "tools": object{"listChanged": true}, "resources": object{"subscribe": true}}}})
	case "resources/read":
		p.say(object{"id": m["id"], "error": object{"code": -32002, "message": "no such resource"}})
	case "x/unknown":
		p.say(object{"id": m["id"], "error": object{"code": -32601, "message": "Method not found"}})
	case "tools/list":
		p.say(object{"id": m["id"], "result": object{"tools": []any{}, "params": params}})
	default:
		everything(p, m)
	}
}

// TestModern: a client without sessions uses an older server. It gets results of its revision,
// and the process sees nothing of the revision.
func TestModern(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: old}
	s, _ := front(t, config(f, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	m := result(c.modern(t.Context(), 1, "server/discover", nil, nil).next())
	if fmt.Sprint(m["supportedVersions"]) != "[2026-07-28 2025-11-25 2025-06-18 2025-03-26 2024-11-05]" || m["resultType"] != "complete" || m["cacheScope"] != "private" || m["instructions"] != "be nice" {
		t.Errorf("discovery: %v", m)
	}
	m = result(c.modern(t.Context(), 2, "tools/list", object{"cursor": "x"}, object{"mine": 1}).next())
	if m["resultType"] != "complete" || m["cacheScope"] != "private" || fmt.Sprint(m["ttlMs"]) != "0" || fmt.Sprint(m["params"]) != "map[_meta:map[mine:1] cursor:x]" ||
		!strings.Contains(fmt.Sprint(m["_meta"]), "name:old") {
		t.Errorf("a list: %v", m)
	}
	st := c.modern(t.Context(), 3, "tools/call", callOf("progress", nil), object{"progressToken": "p"})
	for range 3 {
		if n := st.next(); !strings.Contains(fmt.Sprint(n["params"]), "progressToken:p") {
			t.Errorf("progress: %v", n)
		}
	}
	if m := st.next(); m["id"] != 3.0 || result(m)["done"] != true || st.lastID != "" {
		t.Errorf("the call: %v, event %q", m, st.lastID)
	}
	if m := c.modern(t.Context(), 4, "resources/read", object{"uri": "x:y"}, nil).next(); !strings.Contains(text(m), "-32602") {
		t.Errorf("a resource that does not exist: %v", m)
	}
	if f.started.Load() != 1 {
		t.Errorf("%d processes for one client", f.started.Load())
	}
	_ = c.modern(t.Context(), 5, "tools/list", nil, object{"io.modelcontextprotocol/clientCapabilities": object{}}).next()
	if f.started.Load() != 2 {
		t.Errorf("%d processes, for two kinds of capabilities", f.started.Load())
	}
	for _, method := range []string{"ping", "logging/setLevel", "resources/subscribe", "initialize", "x/unknown"} {
		body, headers := modernRequest(1, method, nil, nil)
		refused(t, method, c.send(t.Context(), http.MethodPost, body, headers...), http.StatusNotFound, "-32601")
	}
}

// TestModernRefused: headers have to agree with the request, which has to say what the revision
// demands.
func TestModernRefused(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: old}
	s, _ := front(t, config(f, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	body, right := modernRequest(1, "tools/call", callOf("echo", nil), nil)
	for name, headers := range map[string][]string{
		"method":  {"Mcp-Protocol-Version", revision, "Mcp-Method", "tools/list", "Mcp-Name", "echo"},
		"name":    {"Mcp-Protocol-Version", revision, "Mcp-Method", "tools/call", "Mcp-Name", "other"},
		"no name": {"Mcp-Protocol-Version", revision, "Mcp-Method", "tools/call"},
		"version": {"Mcp-Protocol-Version", "2025-11-25", "Mcp-Method", "tools/call", "Mcp-Name", "echo"},
		"nothing": nil,
	} {
		refused(t, name, c.send(t.Context(), http.MethodPost, body, headers...), http.StatusBadRequest, `"code":-32020`)
	}
	encoded := slices.Concat(right[:4], []string{"Mcp-Name", "=?base64?ZWNobw==?="})
	if response := c.send(t.Context(), http.MethodPost, body, encoded...); response.StatusCode != http.StatusOK {
		t.Errorf("a name in Base64: %d %s", response.StatusCode, read(t, response))
	}
	later := strings.ReplaceAll(body, revision, "2099-01-01")
	refused(t, "a later revision", c.send(t.Context(), http.MethodPost, later, "Mcp-Protocol-Version", "2099-01-01"), http.StatusBadRequest, `"supported":["2026-07-28"`)
	without, headers := modernRequest(1, "tools/list", nil, object{"io.modelcontextprotocol/clientCapabilities": nil})
	refused(t, "no capabilities", c.send(t.Context(), http.MethodPost, without, headers...), http.StatusBadRequest, "-32602")
	refused(t, "a batch", c.send(t.Context(), http.MethodPost, "["+body+","+body+"]", right...), http.StatusBadRequest, "comes alone")
	refused(t, "GET", c.send(t.Context(), http.MethodGet, "", "Mcp-Protocol-Version", revision), http.StatusMethodNotAllowed, "not allowed")
}

// TestRounds: TM-10, D3. A question becomes the result of the call. The answer comes with the next request
// and finds the process: once, and from no one else.
func TestRounds(t *testing.T) {
	t.Parallel()
	s, _ := front(t, config(&fleet{handle: old}, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	params := callOf("ask", object{"method": "elicitation/create", "text": "who?"})
	first := c.modern(t.Context(), 1, "tools/call", params, nil).next()
	state, _ := result(first)["requestState"].(string)
	questions, _ := result(first)["inputRequests"].(object)
	if result(first)["resultType"] != "input_required" || state == "" || fmt.Sprint(questions) != "map[qquestion-1:map[method:elicitation/create params:map[message:who?]]]" {
		t.Fatalf("the first round: %v", first)
	}
	again := func(state string, answers object) object {
		next := object{"requestState": state, "inputResponses": answers}
		for name, value := range params {
			next[name] = value
		}
		return next
	}
	answers := object{"qquestion-1": object{"action": "accept"}}
	other := callOf("echo", nil)
	other["requestState"] = state
	forged := func(name string, value any) string {
		text, _ := plain{}.Open(state)
		said := object{}
		if err := json.Unmarshal(text, &said); err != nil || said[name] == nil {
			t.Fatalf("a state without %s: %s", name, text)
		}
		said[name] = value
		text, _ = json.Marshal(said)
		changed, _ := plain{}.Seal(text)
		return changed
	}
	for name, test := range map[string]struct {
		caller string
		params object
	}{
		"another user":    {"u_mallory c_1", again(state, answers)},
		"another client":  {"u_alice c_2", again(state, answers)},
		"another request": {"", other},
		"no state":        {"", again("x", answers)},
		"another label":   {"", again(forged("label", "a"), answers)},
		"another process": {"", again(forged("process", "a"), answers)},
		"another call":    {"", again(forged("call", 99), answers)},
		"a later round":   {"", again(forged("round", 2), answers)},
		"another digest":  {"", again(forged("digest", "AAAA"), answers)},
	} {
		body, headers := modernRequest(2, "tools/call", test.params, nil)
		response := (&client{t: t, url: s.URL, caller: test.caller}).send(t.Context(), http.MethodPost, body, headers...)
		refused(t, name, response, http.StatusBadRequest, "request state")
	}
	second := c.modern(t.Context(), 2, "tools/call", again(state, object{}), nil).next()
	asked, _ := result(second)["requestState"].(string)
	if result(second)["resultType"] != "input_required" || asked == state {
		t.Fatalf("without an answer: %v", second)
	}
	body, headers := modernRequest(3, "tools/call", again(state, answers), nil)
	refused(t, "the state of an earlier round", c.send(t.Context(), http.MethodPost, body, headers...), http.StatusBadRequest, "request state")
	last := c.modern(t.Context(), 3, "tools/call", again(asked, answers), nil).next()
	if last["id"] != 3.0 || fmt.Sprint(result(last)["answer"]) != "map[action:accept]" || result(last)["resultType"] != "complete" {
		t.Errorf("the last round: %v", last)
	}
	for _, spent := range []string{state, asked} {
		body, headers := modernRequest(4, "tools/call", again(spent, answers), nil)
		refused(t, "a spent state", c.send(t.Context(), http.MethodPost, body, headers...), http.StatusBadRequest, "request state")
	}
	unable := callOf("ask", object{"method": "sampling/createMessage"})
	if m := c.modern(t.Context(), 5, "tools/call", unable, nil).next(); !strings.Contains(fmt.Sprint(result(m)["error"]), "-32601") {
		t.Errorf("a question that the client cannot answer: %v", m)
	}
}

// TestModernHangUp: who hangs up has canceled the call.
func TestModernHangUp(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 10)
	f := &fleet{handle: old, received: func(m object) { seen <- fmt.Sprint(m["method"]) }}
	s, _ := front(t, config(f, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	ctx, hangUp := context.WithCancel(t.Context())
	_ = c.modern(ctx, 1, "tools/call", callOf("never", nil), nil)
	hangUp()
	for {
		select {
		case method := <-seen:
			if method == cancellation {
				return
			}
		case <-t.Context().Done():
			t.Fatal("no cancellation")
		}
	}
}

// TestListen: a client hears of what it asked for, on its own stream, and of nothing else.
func TestListen(t *testing.T) {
	t.Parallel()
	processes := make(chan *peer, 1)
	f := &fleet{handle: old, began: func(p *peer) { processes <- p }}
	s, _ := front(t, config(f, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	filter := object{"notifications": object{"toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": []string{"x:1"}}}
	st := c.modern(t.Context(), "sub", "subscriptions/listen", filter, nil)
	const id = "_meta:map[io.modelcontextprotocol/subscriptionId:sub]"
	if m := st.next(); m["method"] != "notifications/subscriptions/acknowledged" || fmt.Sprint(m["params"]) != "map["+id+" notifications:map[resourceSubscriptions:[x:1] toolsListChanged:true]]" {
		t.Errorf("acknowledged: %v", m)
	}
	process := <-processes
	for _, m := range []object{
		{"method": "notifications/message", "params": object{"data": "x"}},
		{"method": "notifications/prompts/list_changed"},
		{"method": "notifications/resources/updated", "params": object{"uri": "x:2"}},
		{"method": "notifications/resources/updated", "params": object{"uri": "x:1"}},
		{"method": "notifications/tools/list_changed"},
	} {
		process.say(m)
	}
	for _, want := range []string{"notifications/resources/updated", "notifications/tools/list_changed"} {
		if m := st.next(); m["method"] != want || !strings.Contains(fmt.Sprint(m["params"]), id) {
			t.Errorf("the stream has %v, want %s", m, want)
		}
	}
	nothing := c.modern(t.Context(), "none", "subscriptions/listen", object{"notifications": object{"promptsListChanged": true}}, nil)
	if m, n := nothing.next(), nothing.next(); m["method"] != "notifications/subscriptions/acknowledged" || result(n)["resultType"] != "complete" {
		t.Errorf("nothing to hear of: %v, %v", m, n)
	}
}
