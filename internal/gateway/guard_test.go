package gateway_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// guarded is an endpoint of this process with rules in front.
func guarded(t *testing.T, h http.HandlerFunc, list ...rules.Rule) (url string, n *notes) {
	t.Helper()
	n = new(notes)
	g := gateway.Guard(gateway.Config{
		Name: "test", MaxBody: 1 << 20, Rules: rules.New(list), Logger: slog.New(slog.DiscardHandler), Called: n.add,
		Challenge: func(_ principal.Principal, scope string) string { return "Bearer scope=" + scope },
	}, h)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.ServeHTTP(w, r.WithContext(principal.NewContext(r.Context(), alice)))
	}))
	t.Cleanup(s.Close)
	return s.URL, n
}

func postTo(t *testing.T, url, body string) (*http.Response, string) {
	t.Helper()
	return send(t, http.MethodPost, url, body, "Content-Type", "application/json")
}

// TestGuard: rules mean the same for an endpoint that this process serves itself.
func TestGuard(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 10)
	url, n := guarded(t, func(w http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 1<<12)
		length, _ := r.Body.Read(buffer)
		reached <- string(buffer[:length])
		answer(w, r)
	}, someRules...)
	for body, want := range map[string]string{
		toolCall("delete_a"): "Unknown tool: delete_a",
		toolCall("write"):    "mcp/www_authenticate",
		`{"id":1,"id":2,"method":"tools/call","params":{"name":"open"}}`: "-32600",
	} {
		if response, got := postTo(t, url, body); !strings.Contains(got, want) || len(reached) > 0 || (want[0] == 'm') != (response.StatusCode == http.StatusForbidden) {
			t.Errorf("%s: %d %s", body, response.StatusCode, got)
		}
	}
	for _, c := range n.take(t, 3) {
		if c.Outcome != audit.Error {
			t.Errorf("noted: %+v", c)
		}
	}
	if _, got := postTo(t, url, toolCall("open")); strings.Contains(got, "error") || eventually(t, reached, "the call") != toolCall("open") {
		t.Errorf("a call that is allowed: %s", got)
	}
}

// TestGuardedLists: lists are filtered in JSON and in events, also when a stream is resumed,
// and what cannot be filtered does not cross.
func TestGuardedLists(t *testing.T) {
	t.Parallel()
	list, want := result(`"tools":`+allTools), result(`"tools":`+someTools)
	for kind, tt := range map[string][2]string{
		"application/json":                {list, want},
		"text/event-stream":               {"id: 1\ndata: " + list + "\n\n", "id: 1\ndata: " + want + "\n\n"},
		"text/event-stream;charset=utf-8": {"data: " + list, "data: " + want + "\n"},
		"application/x+json":              {strings.Replace(list, "7", "NaN", 1), "error"},
		"text/event-stream;x=1":           {"data: " + strings.Replace(list, "7", "NaN", 1) + "\n\n", " <unexpected EOF>"},
		"text/plain":                      {list, ""},
	} {
		url, _ := guarded(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for piece := range pieces(tt[0], 5) {
				_, _ = w.Write([]byte(piece))
				_ = http.NewResponseController(w).Flush()
			}
		}, someRules...)
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			_, got := send(t, method, url, request("tools/list", "{}"), "Content-Type", "application/json")
			if tt[1] == "error" && (!strings.Contains(got, `"error"`) || strings.Contains(got, "delete_a")) || tt[1] != "error" && got != tt[1] {
				t.Errorf("%s %s: got %q, want %q", method, kind, got, tt[1])
			}
		}
	}
}

// TestGuardedHints: the endpoint is asked about a tool of which nothing is known.
func TestGuardedHints(t *testing.T) {
	t.Parallel()
	h := new(hinting)
	h.readOnly.Store("get_b")
	url, _ := guarded(t, h.ServeHTTP, rules.Rule{Tools: []string{"*"}, ReadOnly: true})
	if _, got := postTo(t, url, toolCall("get_b")); strings.Contains(got, "error") {
		t.Errorf("a read-only tool: %s", got)
	}
	if _, got := postTo(t, url, toolCall("get_a")); !strings.Contains(got, "Unknown tool") {
		t.Errorf("another tool: %s", got)
	}
	if plain := http.NotFoundHandler(); gateway.Guard(gateway.Config{}, plain) == nil {
		t.Error("without rules there is no endpoint")
	}
}
