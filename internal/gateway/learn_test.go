package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// hinting is an upstream whose list of tools has two pages. What it calls read-only is
// what readOnly says.
type hinting struct {
	stream   bool
	readOnly atomic.Value // the name of a tool
}

func (h *hinting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buffer := make([]byte, 1<<12)
	n, _ := r.Body.Read(buffer)
	body := string(buffer[:n])
	var content string
	switch {
	case !strings.Contains(body, `"tools/list"`):
		answer(w, r)
		return
	case strings.Contains(body, `"cursor":"2"`):
		content = result(`"tools":[` + h.tool("get_b") + `]`)
	default:
		content = result(`"tools":[` + h.tool("get_a") + `],"nextCursor":"2"`)
	}
	if !h.stream {
		respond(w, "application/json", content)
		return
	}
	respond(w, "text/event-stream", `data: {"method":"notifications/message"}`+"\n\ndata: "+content+"\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done() // it does not end its streams
}

func (h *hinting) tool(name string) string {
	return fmt.Sprintf(`{"name":%q,"annotations":{"readOnlyHint":%v}}`, name, h.readOnly.Load() == name)
}

// TestReadOnly: the upstream is asked, in the caller's name and session, about a tool of which
// nothing is known. A list that says something else counts.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		h := &hinting{stream: stream}
		h.readOnly.Store("get_b")
		s := ruled(t, h.ServeHTTP, rules.Rule{Tools: []string{"*"}, ReadOnly: true})
		call := request("tools/call", `{"name":"get_b","_meta":{"progressToken":1,"v":2}}`)
		if _, got := s.post(t, call, "Mcp-Method", "tools/call", "Mcp-Name", "get_b", "Mcp-Protocol-Version", "2026-07-28", "Mcp-Param-X", "1"); got != `{"jsonrpc":"2.0","id":1,"result":{}}` {
			t.Fatalf("a read-only tool: %s", got)
		}
		crossed := s.took()
		if len(crossed) != 3 || !strings.Contains(crossed[0], `"params":{"_meta":{"v":2}}`) || crossed[2] != call {
			t.Errorf("the upstream got %q", crossed)
		}
		if _, got := s.post(t, toolCall("get_b")); strings.Contains(got, "error") || len(s.took()) != 1 {
			t.Errorf("a tool that is known: %s", got)
		}
		for _, name := range []string{"get_a", "other"} {
			if _, got := s.post(t, toolCall(name)); !strings.Contains(got, "Unknown tool: "+name) {
				t.Errorf("%s: %s", name, got)
			}
		}
		for _, body := range s.took() {
			if strings.Contains(body, "tools/call") {
				t.Errorf("crossed: %s", body)
			}
		}
		h.readOnly.Store("get_a")
		if !stream { // whose streams do not end
			_, _ = s.post(t, request("tools/list", `{}`))
			_, _ = s.post(t, request("tools/list", `{"cursor":"2"}`))
			if _, got := s.post(t, toolCall("get_b")); !strings.Contains(got, "Unknown tool") {
				t.Errorf("a hint that changed: %s", got)
			}
			if _, got := s.post(t, toolCall("get_a")); strings.Contains(got, "error") {
				t.Errorf("a hint that changed: %s", got)
			}
		}
	}
}

// TestReadOnlyHeaders: the question has the headers that its own body needs.
func TestReadOnlyHeaders(t *testing.T) {
	t.Parallel()
	asked := make(chan http.Header, 10)
	s := ruled(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Clone()
		respond(w, "application/json", result(`"tools":[]`))
	}, rules.Rule{Tools: []string{"*"}, ReadOnly: true})
	_, _ = s.post(t, toolCall("a"), "Mcp-Method", "tools/call", "Mcp-Name", "a", "Mcp-Param-X", "1", "Mcp-Protocol-Version", "2026-07-28")
	h := eventually(t, asked, "the question")
	if h.Get("Mcp-Method") != "tools/list" || h.Get("Mcp-Name") != "" || h.Get("Mcp-Param-X") != "" || h.Get("Mcp-Protocol-Version") != "2026-07-28" || h.Get("X-Mcpkeep-User") == "" {
		t.Errorf("the question has %v", h)
	}
}

// TestNoHints: a call is never let through on missing knowledge.
func TestNoHints(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		content string
		want    int
	}{
		"error":    {200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}`, 502},
		"nothing":  {200, ``, 502},
		"no JSON":  {200, `{"result":{"tools":[{"name":"a","annotations":{"readOnlyHint":true}}],"x":NaN}}`, 502},
		"failed":   {500, `{}`, 502},
		"session":  {404, `{}`, 404},
		"endless":  {200, result(`"tools":[],"nextCursor":"1"`), 502},
		"unsigned": {401, ``, 502},
		"twice":    {200, result(`"tools":[{"name":"a","annotations":{"readOnlyHint":false}},{"name":"a","annotations":{"readOnlyHint":true}}]`), 200},
		"text":     {200, result(`"tools":[{"name":"a","annotations":{"readOnlyHint":"true"}}]`), 200},
	} {
		s := ruled(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.content))
		}, rules.Rule{Tools: []string{"*"}, ReadOnly: true})
		response, got := s.post(t, toolCall("a"))
		if response.StatusCode != tt.want || !strings.Contains(got, `"error"`) {
			t.Errorf("%s: %d %s", name, response.StatusCode, got)
		}
		for _, body := range s.took() {
			if strings.Contains(body, "tools/call") {
				t.Errorf("%s: crossed: %s", name, body)
			}
		}
	}
}

// TestChangedList: after a notice that the list has changed, the upstream is asked again.
func TestChangedList(t *testing.T) {
	t.Parallel()
	h := new(hinting)
	h.readOnly.Store("get_a")
	s := ruled(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			respond(w, "text/event-stream", `data: {"method":"notifications/tools/list_changed"}`+"\n\n")
			return
		}
		h.ServeHTTP(w, r)
	}, rules.Rule{Tools: []string{"*"}, ReadOnly: true})
	_, _ = s.post(t, toolCall("get_a"))
	h.readOnly.Store("")
	if _, got := s.post(t, toolCall("get_a")); strings.Contains(got, "error") {
		t.Errorf("before the notice: %s", got)
	}
	if _, got := send(t, http.MethodGet, s.url, ""); !strings.Contains(got, "list_changed") {
		t.Errorf("the stream: %q", got)
	}
	if _, got := s.post(t, toolCall("get_a")); !strings.Contains(got, "Unknown tool") {
		t.Errorf("after the notice: %s", got)
	}
}
