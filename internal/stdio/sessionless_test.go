package stdio_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

const prefix = "io.modelcontextprotocol/"

// newer is a server of 2026-07-28: it knows no handshake, and demands what each request says.
func newer(p *peer, m object) {
	if m["id"] == nil {
		return
	}
	params, _ := m["params"].(object)
	meta, _ := params["_meta"].(object)
	result := object{"resultType": "complete", "ttlMs": 5, "cacheScope": "public", "_meta": object{prefix + "serverInfo": object{"name": "newer", "version": "3"}}}
	switch {
	case meta[prefix+"protocolVersion"] != revision || meta[prefix+"clientCapabilities"] == nil:
		p.say(object{"id": m["id"], "error": object{"code": -32022, "message": "only " + revision}})
		return
	case m["method"] == "server/discover":
		result["supportedVersions"], result["instructions"] = []string{revision}, "be new"
		result["capabilities"] = object{"logging": object{}, "tools": object{"listChanged": true}, "resources": object{"subscribe": true}}
	case m["method"] == "subscriptions/listen":
		p.listened(m["id"], params)
		return
	case m["method"] == "resources/read":
		p.say(object{"id": m["id"], "error": object{"code": -32602, "message": "no such resource", "data": object{"uri": params["uri"]}}})
		return
	case m["method"] == "tools/call":
		result = inputs(p, params, meta, result)
	}
	if result != nil {
		p.say(object{"id": m["id"], "result": result})
	}
}

// listened acknowledges a subscription, but for resources that are not x:.
func (p *peer) listened(id any, params object) {
	filter, _ := params["notifications"].(object)
	if uris := fmt.Sprint(filter["resourceSubscriptions"]); strings.Contains(uris, "y:") {
		filter = object{}
	}
	about := object{prefix + "subscriptionId": id}
	p.say(object{"method": "notifications/subscriptions/acknowledged", "params": object{"notifications": filter, "_meta": about}})
	if filter["toolsListChanged"] == true {
		p.say(object{"method": "notifications/tools/list_changed", "params": object{"_meta": about}})
		return
	}
	p.say(object{"method": "notifications/resources/updated", "params": object{"uri": "x:1", "_meta": about}})
}

// inputs is a tool that wants input, in as many rounds as its arguments say.
func inputs(p *peer, params, meta, result object) object {
	arguments, _ := params["arguments"].(object)
	answers, _ := params["inputResponses"].(object)
	switch round := fmt.Sprint(params["requestState"]); {
	case params["name"] == "never":
		return nil
	case params["name"] == "log":
		p.say(object{"method": "notifications/message", "params": object{"level": meta[prefix+"logLevel"], "data": "logged"}})
	case params["name"] == "endless":
		return object{"resultType": "input_required", "requestState": round + "."}
	case params["name"] != "ask":
		return tool(p, object{}, params)
	case round == "<nil>":
		return object{"resultType": "input_required", "requestState": "one", "inputRequests": object{
			"a": object{"method": "elicitation/create", "params": object{"message": arguments["text"]}}, "b": object{"method": "roots/list"},
		}}
	case round == "one":
		return object{"resultType": "input_required", "requestState": "two", "inputRequests": object{
			"c": object{"method": "sampling/createMessage", "params": object{"before": answers}},
		}}
	default:
		result["answers"], result["can"] = answers, meta[prefix+"clientCapabilities"]
	}
	return result
}

// TestSessionless: a client with sessions uses a server without them, and sees one of its revision.
func TestSessionless(t *testing.T) {
	t.Parallel()
	f := &fleet{handle: newer}
	s, _ := front(t, config(f, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	hello := strings.ReplaceAll(hello, "2025-11-25", "2025-06-18")
	response := c.send(t.Context(), http.MethodPost, hello)
	const want = `{"protocolVersion":"2025-06-18","capabilities":{"logging":{},"resources":{"subscribe":true},"tools":{"listChanged":true}},"serverInfo":{"name":"newer","version":"3"},"instructions":"be new"}`
	if body := read(t, response); !strings.Contains(body, want) {
		t.Fatalf("initialize: %s", body)
	}
	c.session, c.version = response.Header.Get("Mcp-Session-Id"), "2025-06-18"
	_ = read(t, c.send(t.Context(), http.MethodPost, `{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	for _, method := range []string{"ping", "tools/list"} {
		if m, _ := c.call(method, method, nil); text(m) != "map[] <nil>" {
			t.Errorf("%s: %v", method, m)
		}
	}
	m, before := c.call(1, "tools/call", object{"name": "progress", "_meta": object{"progressToken": "p"}})
	if len(before) != 3 || !strings.Contains(fmt.Sprint(before[2]), "progressToken:p") || text(m) != "map[done:true] <nil>" {
		t.Errorf("progress: %v, %v", before, m)
	}
	if m, _ := c.call(2, "resources/read", object{"uri": "x:y"}); !strings.Contains(text(m), "-32002") {
		t.Errorf("a resource that does not exist: %v", m)
	}
	if _, before := c.call(3, "tools/call", callOf("log", nil)); len(before) != 1 || !strings.Contains(fmt.Sprint(before), "level:<nil>") {
		t.Errorf("log messages before a level: %v", before)
	}
	_, _ = c.call(4, "logging/setLevel", object{"level": "info"})
	if _, before := c.call(5, "tools/call", callOf("log", nil)); len(before) != 1 || !strings.Contains(fmt.Sprint(before), "level:info") {
		t.Errorf("log messages: %v", before)
	}
	if m, _ := c.call(6, "tools/call", callOf("endless", nil)); !strings.Contains(text(m), "without end") {
		t.Errorf("a call that is never complete: %v", m)
	}
}

// TestInput: what a server without sessions wants to know, the client is asked, and the call is
// repeated with the answers.
func TestInput(t *testing.T) {
	t.Parallel()
	s, _ := front(t, config(&fleet{handle: newer}, stdio.PerSession))
	c := connect(t, s.URL, "")
	st := c.open(t.Context(), request(1, "tools/call", callOf("ask", object{"text": "who?"})))
	asked := map[any]any{}
	for range 2 {
		q := st.next()
		asked[q["method"]] = q["id"]
		if params := fmt.Sprint(q["params"]); q["method"] == "elicitation/create" && params != "map[message:who?]" {
			t.Errorf("the question has %s", params)
		}
	}
	c.answer(asked["roots/list"], object{"roots": []string{"r"}})
	c.answer(asked["elicitation/create"], object{"action": "accept"})
	q := st.next()
	if q["method"] != "sampling/createMessage" || fmt.Sprint(q["params"]) != "map[before:map[a:map[action:accept] b:map[roots:[r]]]]" {
		t.Errorf("the second round: %v", q)
	}
	c.answer(q["id"], object{"model": "m"})
	if m := st.next(); m["id"] != 1.0 || text(m) != "map[answers:map[c:map[model:m]] can:map[elicitation:map[] roots:map[] sampling:map[]]] <nil>" {
		t.Errorf("the response: %v", m)
	}
	st = c.open(t.Context(), request(2, "tools/call", callOf("ask", object{"text": "who?"})))
	q, other := st.next(), st.next()
	_ = read(t, c.send(t.Context(), http.MethodPost, fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"error":{"code":-1,"message":"no"}}`, q["id"])))
	if m := st.next(); m["method"] != cancellation || m["params"].(object)["requestId"] != other["id"] {
		t.Errorf("the other question was not withdrawn: %v", m)
	}
	if m := st.next(); m["id"] != 2.0 || !strings.Contains(text(m), "message:no") {
		t.Errorf("an error as the answer: %v", m)
	}
}

func (c *client) answer(id any, result object) {
	c.t.Helper()
	raw, err := json.Marshal(object{"jsonrpc": "2.0", "id": id, "result": result})
	if err != nil {
		c.t.Fatal(err)
	}
	if response := c.send(c.t.Context(), http.MethodPost, string(raw)); response.StatusCode != http.StatusAccepted {
		c.t.Errorf("an answer: %d %s", response.StatusCode, read(c.t, response))
	}
}

// TestSubscriptions: a client with sessions hears of lists and resources, for which mcpkeep listens.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	seen := make(chan object, 100)
	s, _ := front(t, config(&fleet{handle: newer, received: func(m object) { seen <- m }}, stdio.PerSession))
	c := connect(t, s.URL, "")
	st := c.listen()
	if m := st.next(); m["method"] != "notifications/tools/list_changed" || strings.Contains(fmt.Sprint(m), "subscriptionId") {
		t.Errorf("a changed list: %v", m)
	}
	if m, _ := c.call(1, "resources/subscribe", object{"uri": "x:1"}); text(m) != "map[] <nil>" {
		t.Errorf("subscribe: %v", m)
	}
	if m := st.next(); m["method"] != "notifications/resources/updated" || fmt.Sprint(m["params"]) != "map[uri:x:1]" {
		t.Errorf("a resource: %v", m)
	}
	if m, _ := c.call(2, "resources/subscribe", object{"uri": "y:1"}); !strings.Contains(text(m), "-32602") {
		t.Errorf("a resource that the server does not tell of: %v", m)
	}
	if m, _ := c.call(3, "resources/unsubscribe", object{"uri": "x:1"}); text(m) != "map[] <nil>" {
		t.Errorf("unsubscribe: %v", m)
	}
	ids := map[string]any{}
	for {
		m := next(t, seen)
		switch params, _ := m["params"].(object); m["method"] {
		case "subscriptions/listen":
			ids[fmt.Sprint(params["notifications"])] = m["id"]
		case cancellation:
			if params["requestId"] == ids["map[resourceSubscriptions:[x:1]]"] {
				return
			}
		}
	}
}

// next returns what a process got.
func next(t *testing.T, seen <-chan object) object {
	t.Helper()
	select {
	case m := <-seen:
		return m
	case <-time.After(tick):
		t.Fatal("the process got nothing more")
		return nil
	}
}

// TestSessionlessCanceled: the process sees that a call was canceled.
func TestSessionlessCanceled(t *testing.T) {
	t.Parallel()
	seen := make(chan object, 100)
	s, _ := front(t, config(&fleet{handle: newer, received: func(m object) { seen <- m }}, stdio.PerSession))
	c := connect(t, s.URL, "")
	_ = c.open(t.Context(), request("n", "tools/call", callOf("never", nil)))
	cancel := func(id string) {
		_ = read(t, c.send(t.Context(), http.MethodPost, `{"jsonrpc":"2.0","method":"`+cancellation+`","params":{"requestId":"`+id+`"}}`))
	}
	cancel("n")
	var id any
	for m := (object{}); m["method"] != cancellation; m = next(t, seen) {
		if m["method"] == "tools/call" {
			id = m["id"]
		}
	}
	if id == nil {
		t.Error("the cancellation came before the call")
	}
	st := c.open(t.Context(), request("a", "tools/call", callOf("ask", nil)))
	asked := map[any]bool{st.next()["id"]: true, st.next()["id"]: true}
	cancel("a")
	for range 2 {
		if m := st.next(); m["method"] != cancellation || !asked[m["params"].(object)["requestId"]] {
			t.Errorf("a question was not withdrawn: %v", m)
		}
	}
}

// TestSessionlessModern: a client and a server without sessions.
func TestSessionlessModern(t *testing.T) {
	t.Parallel()
	s, _ := front(t, config(&fleet{handle: newer}, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	can := object{prefix + "clientCapabilities": object{"elicitation": object{}, "roots": object{}, "sampling": object{}}}
	if m := result(c.modern(t.Context(), 1, "server/discover", nil, can).next()); m["instructions"] != "be new" {
		t.Errorf("discovery: %v", m)
	}
	if m := result(c.modern(t.Context(), 1, "tools/list", nil, can).next()); m["ttlMs"] != 5.0 || m["cacheScope"] != "private" || m["resultType"] != "complete" {
		t.Errorf("a list: %v", m)
	}
	params := callOf("ask", object{"text": "who?"})
	answers := map[string]object{"elicitation/create": {"action": "accept"}, "roots/list": {"roots": 1}, "sampling/createMessage": {"model": "m"}}
	for round := 1; ; round++ {
		m := result(c.modern(t.Context(), round, "tools/call", params, can).next())
		if m["resultType"] == "complete" {
			if !strings.Contains(fmt.Sprint(m["answers"]), "model:m") || round < 3 {
				t.Errorf("after %d rounds: %v", round, m)
			}
			return
		}
		responses := object{}
		wanted, _ := m["inputRequests"].(object)
		for key, q := range wanted {
			responses[key] = answers[q.(object)["method"].(string)]
		}
		if len(responses) == 0 {
			t.Fatalf("round %d: %v", round, m)
		}
		params["requestState"], params["inputResponses"] = m["requestState"], responses
	}
}
