package stdio_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// tasked is a server without sessions that has the extension for tasks, and makes one of each call
// of a client that has it too.
func tasked(p *peer, m object) {
	params, _ := m["params"].(object)
	meta, _ := params["_meta"].(object)
	can, _ := meta[prefix+"clientCapabilities"].(object)
	extensions, _ := can["extensions"].(object)
	task := object{"taskId": "t-1", "status": "working", "ttlMs": 60000, "resultType": "complete"}
	switch {
	case meta[prefix+"protocolVersion"] != revision:
		newer(p, m)
		return
	case m["method"] == "server/discover":
		p.say(object{"id": m["id"], "result": object{"resultType": "complete", "supportedVersions": []string{revision}, "ttlMs": 0, "cacheScope": "public",
			"capabilities": object{"tools": object{}, "extensions": object{prefix + "tasks": object{}, prefix + "ui": object{}}}}})
		return
	case m["method"] == "tools/list":
		p.say(object{"id": m["id"], "result": object{"tools": []any{}, "resultType": "complete", "ttlMs": 0, "cacheScope": "public"}})
		return
	case m["method"] == "subscriptions/listen" && extensions[prefix+"tasks"] != nil:
		filter, _ := params["notifications"].(object)
		about := object{prefix + "subscriptionId": m["id"]}
		p.say(object{"method": "notifications/tasks", "params": object{"taskId": "t-0", "_meta": about}}) // too early
		p.say(object{"method": "notifications/subscriptions/acknowledged", "params": object{"notifications": filter, "_meta": about}})
		p.say(object{"method": "notifications/tasks", "params": object{"taskId": filter["taskIds"].([]any)[0], "_meta": about}})
		return
	case extensions[prefix+"tasks"] == nil:
		p.say(object{"id": m["id"], "error": object{"code": -32021, "message": "no tasks"}})
		return
	case m["method"] == "tools/call":
		task["resultType"] = "task"
	case m["method"] == "tasks/get":
		task["status"], task["inputRequests"] = "input_required", object{"q": object{"method": "elicitation/create"}}
	case m["method"] == "tasks/update":
		task["answered"] = params["inputResponses"]
	}
	p.say(object{"id": m["id"], "result": task})
}

// tasking are the capabilities of a client that has the extension.
var tasking = object{prefix + "clientCapabilities": object{"extensions": object{prefix + "tasks": object{}}}}

// TestExtension: D3. What extensions add crosses as it is, and with what each request says that its
// client can. Tasks of a shared server are everyone's, so that it offers none.
func TestExtension(t *testing.T) {
	t.Parallel()
	for _, mode := range []stdio.Mode{stdio.PerSession, stdio.PerPerson} {
		s, _ := front(t, config(&fleet{handle: tasked}, mode))
		c := &client{t: t, url: s.URL}
		body, headers := modernRequest(1, "tools/call", callOf("x", nil), nil)
		c.accept = "application/json" // so that no stream has begun
		refused(t, "a client without tasks", c.send(t.Context(), http.MethodPost, body, headers...), http.StatusBadRequest, "-32021")
		c.accept = ""
		if m := result(c.modern(t.Context(), 2, "server/discover", nil, tasking).next()); !strings.Contains(fmt.Sprint(m["capabilities"]), "extensions:map["+prefix+"tasks:map[] "+prefix+"ui:map[]]") {
			t.Errorf("%s, discovery: %v", mode, m)
		}
		for method, want := range map[string]string{
			"tools/call":   "map[resultType:task status:working taskId:t-1 ttlMs:60000]",
			"tasks/get":    "map[inputRequests:map[q:map[method:elicitation/create]] resultType:complete status:input_required taskId:t-1 ttlMs:60000]",
			"tasks/update": "map[answered:map[q:map[action:accept]] resultType:complete status:working taskId:t-1 ttlMs:60000]",
		} {
			params := object{"name": "x", "taskId": "t-1", "inputResponses": object{"q": object{"action": "accept"}}}
			body, headers := modernRequest(3, method, params, tasking)
			headers[5] = map[bool]string{true: "x", false: "t-1"}[method == "tools/call"]
			m := result(decode(t, read(t, c.send(t.Context(), http.MethodPost, body, headers...))))
			if delete(m, "_meta"); fmt.Sprint(m) != want {
				t.Errorf("%s, %s: %v", mode, method, m)
			}
		}
		body, headers = modernRequest(4, "tasks/get", object{"name": "x", "taskId": "t-1"}, tasking)
		refused(t, "another task in the header", c.send(t.Context(), http.MethodPost, body, headers...), http.StatusBadRequest, "-32020")
	}
	s, _ := front(t, config(&fleet{handle: tasked}, stdio.Shared))
	c := &client{t: t, url: s.URL}
	if m := result(c.modern(t.Context(), 1, "server/discover", nil, tasking).next()); !strings.Contains(fmt.Sprint(m["capabilities"]), "extensions:map["+prefix+"ui:map[]]") {
		t.Errorf("discovery of a shared server: %v", m)
	}
	for _, method := range []string{"tasks/get", "tasks/list", "tasks/result"} {
		body, headers := modernRequest(2, method, object{"taskId": "t-1"}, tasking)
		refused(t, method, c.send(t.Context(), http.MethodPost, body, headers...), http.StatusNotFound, "-32601")
	}
	body, headers := modernRequest(3, "tools/call", callOf("x", nil), tasking)
	c.accept = "application/json"
	refused(t, "a task of a shared server", c.send(t.Context(), http.MethodPost, body, headers...), http.StatusBadRequest, "-32021")
}

// TestExtensionWithSessions: the same for clients with sessions.
func TestExtensionWithSessions(t *testing.T) {
	t.Parallel()
	s, _ := front(t, config(&fleet{handle: tasked}, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	body := strings.Replace(hello, `"sampling":{}`, `"extensions":{"`+prefix+`tasks":{}}`, 1)
	response := c.send(t.Context(), http.MethodPost, body)
	if answer := read(t, response); !strings.Contains(answer, prefix+"tasks") {
		t.Errorf("initialize: %s", answer)
	}
	c.session, c.version = response.Header.Get("Mcp-Session-Id"), "2025-11-25"
	if m, _ := c.call(1, "tools/call", callOf("x", nil)); fmt.Sprint(result(m)) != "map[resultType:task status:working taskId:t-1 ttlMs:60000]" {
		t.Errorf("a task: %v", m)
	}
	if m, _ := c.call(2, "tasks/update", object{"taskId": "t-1", "inputResponses": 1}); fmt.Sprint(result(m)) != "map[answered:1 status:working taskId:t-1 ttlMs:60000]" {
		t.Errorf("an update: %v", m)
	}
}

// TestExtensionOfAnOlderServer: an older server hears of extensions in the handshake.
func TestExtensionOfAnOlderServer(t *testing.T) {
	t.Parallel()
	seen := make(chan object, 10)
	s, _ := front(t, config(&fleet{handle: old, received: func(m object) { seen <- m }}, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	_ = c.modern(t.Context(), 1, "tools/list", nil, tasking).next()
	if m := next(t, seen); !strings.Contains(fmt.Sprint(m["params"]), "capabilities:map[extensions:map["+prefix+"tasks:map[]]]") {
		t.Errorf("the handshake: %v", m)
	}
}

// TestListenToTasks: what only an extension knows can be listened to, while the client does.
func TestListenToTasks(t *testing.T) {
	t.Parallel()
	seen := make(chan object, 20)
	s, _ := front(t, config(&fleet{handle: tasked, received: func(m object) { seen <- m }}, stdio.PerPerson))
	c := &client{t: t, url: s.URL}
	filter := object{"notifications": object{"taskIds": []string{"t-1"}, "toolsListChanged": true}}
	st := c.modern(t.Context(), "sub", "subscriptions/listen", filter, tasking)
	const about = "map[_meta:map[" + prefix + "subscriptionId:sub] "
	if m := st.next(); fmt.Sprint(m["params"]) != about+"notifications:map[taskIds:[t-1]]]" {
		t.Errorf("acknowledged: %v", m)
	}
	for _, task := range []string{"t-0", "t-1"} {
		if m := st.next(); m["method"] != "notifications/tasks" || fmt.Sprint(m["params"]) != about+"taskId:"+task+"]" {
			t.Errorf("the notification about %s: %v", task, m)
		}
	}
	st.close()
	for m := next(t, seen); m["method"] != cancellation; m = next(t, seen) {
		if m["method"] == nil {
			t.Errorf("the process got %v", m)
		}
	}
	body, headers := modernRequest("sub", "subscriptions/listen", filter, nil)
	response := c.send(t.Context(), http.MethodPost, body, headers...)
	if answer := read(t, response); response.StatusCode != http.StatusBadRequest || !strings.Contains(answer, `"code":-32021`) || !strings.Contains(answer, `"id":"sub"`) {
		t.Errorf("a client without tasks: %d %s", response.StatusCode, answer)
	}
}
