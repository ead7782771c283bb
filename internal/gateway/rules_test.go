package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// bosses are who alice is not one of.
func bosses(p storage.Person) bool { return slices.Contains(p.Groups, "bosses") }

var someRules = []rules.Rule{
	{Tools: []string{"delete_*"}, Allow: bosses},
	{Tools: []string{"write"}, Scope: "t:write"},
	{Tools: []string{"get_*"}, ReadOnly: true},
	{Prompts: []string{"secret"}, Resources: []string{"docs://secret/*"}, Deny: true},
}

// server is an upstream with rules in front, which remembers what it got.
type server struct {
	url    string
	mu     sync.Mutex
	bodies []string
	header http.Header
}

func ruled(t *testing.T, h http.HandlerFunc, list ...rules.Rule) *server {
	t.Helper()
	s := new(server)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.bodies = append(s.bodies, string(content))
		s.header = r.Header.Clone()
		s.mu.Unlock()
		r.Body = io.NopCloser(strings.NewReader(string(content)))
		h(w, r)
	}))
	t.Cleanup(upstream.Close)
	cfg := config(t, upstream.URL+"/mcp")
	cfg.Rules = rules.New(list)
	cfg.Challenge = func(_ principal.Principal, scope string) string { return "Bearer scope=" + scope }
	s.url = front(t, open(t, cfg)).URL
	return s
}

// took returns what the upstream got since the last time.
func (s *server) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.bodies
	s.bodies = nil
	return got
}

func (s *server) lastHeader() http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header
}

func (s *server) post(t *testing.T, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	if !slices.Contains(headers, "Content-Type") {
		headers = append(headers, "Content-Type", "application/json")
	}
	return send(t, http.MethodPost, s.url, body, headers...)
}

func request(method, params string) string {
	return `{"jsonrpc":"2.0","id":7,"method":"` + method + `","params":` + params + `}`
}

func toolCall(name string) string { return request("tools/call", `{"name":"`+name+`","arguments":{}}`) }

// TestRules: a call that a rule refuses does not reach the upstream, and gets what a name
// gets that does not exist.
func TestRules(t *testing.T) {
	t.Parallel()
	s := ruled(t, answer, someRules...)
	const modern = "2026-07-28"
	for _, tt := range []struct {
		body, version string
		status        int
		want          string // of the response; "" for the upstream's
	}{
		{toolCall("open"), "", 200, ""},
		{toolCall("delete_a"), "", 200, `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown tool: delete_a"}}`},
		{request("prompts/get", `{"name":"secret"}`), "", 200, `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown prompt: secret"}}`},
		{request("prompts/get", `{"name":"open"}`), "", 200, ""},
		{request("resources/read", `{"uri":"docs://secret/a"}`), "", 200, `{"jsonrpc":"2.0","id":7,"error":{"code":-32002,"message":"Resource not found","data":{"uri":"docs://secret/a"}}}`},
		{request("resources/read", `{"uri":"docs://secret/a"}`), modern, 200, `{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Resource not found","data":{"uri":"docs://secret/a"}}}`},
		{request("resources/subscribe", `{"uri":"docs://secret/a"}`), "", 200, "-32002"},
		{request("resources/unsubscribe", `{"uri":"docs://secret/a"}`), "", 200, "-32002"},
		{request("resources/read", `{"uri":"docs://open/a"}`), "", 200, ""},
		{request("completion/complete", `{"ref":{"type":"ref/prompt","name":"secret"}}`), "", 200, "Unknown prompt: secret"},
		{request("completion/complete", `{"ref":{"type":"ref/resource","uri":"docs://secret/{x}"}}`), "", 200, "-32002"},
		{request("completion/complete", `{"ref":{"type":"ref/prompt","name":"open","uri":"docs://secret/{x}"}}`), "", 200, "-32002"},
		{request("completion/complete", `{"ref":{"type":"ref/prompt","name":"open"}}`), "", 200, ""},
		{request("completion/complete", `{"ref":{"type":"ref/prompt"}}`), "", 400, "-32602"},
		{request("subscriptions/listen", `{"notifications":{"resourceSubscriptions":["docs://open/a","docs://secret/a"]}}`), modern, 200, "-32602"},
		{request("subscriptions/listen", `{"notifications":{"resourceSubscriptions":["docs://open/a"]}}`), modern, 200, ""},
		{request("tools/call", `["delete_a"]`), "", 400, "-32602"},
		{request("tools/call", `{"name":7}`), "", 400, "-32602"},
		{`{"method":"tools/call","params":{"name":"delete_a"}}`, "", 202, ""},
		{`{"id":7,"result":{"method":"tools/call","params":{"name":"delete_a"}}}`, "", 200, ""},
		{toolCall("write"), "", 403, `"_meta":{"mcp/www_authenticate":["Bearer scope=t:write"]}`},
	} {
		headers := []string{}
		if tt.version != "" {
			headers = append(headers, "Mcp-Protocol-Version", tt.version)
		}
		response, got := s.post(t, tt.body, headers...)
		crossed := s.took()
		wantCrossed := tt.want == "" && tt.status == http.StatusOK
		if response.StatusCode != tt.status || !strings.Contains(got, tt.want) || (len(crossed) > 0) != wantCrossed {
			t.Errorf("%s: %d %s, crossed %q", tt.body, response.StatusCode, got, crossed)
		}
		if wantCrossed && (crossed[0] != tt.body || got != `{"jsonrpc":"2.0","id":1,"result":{}}`) {
			t.Errorf("%s became %s, and the response %s", tt.body, crossed[0], got)
		}
		if challenge := response.Header.Get("WWW-Authenticate"); (challenge == "Bearer scope=t:write") != (tt.status == http.StatusForbidden) {
			t.Errorf("%s: challenge %q", tt.body, challenge)
		}
	}
}

// TestBatches: each message of a batch is judged, and a batch of which one is refused does
// not reach the upstream.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := ruled(t, answer, someRules...)
	good := strings.Replace(toolCall("open"), "7", "8", 1)
	if _, got := s.post(t, "["+good+","+good+"]"); got != `{"jsonrpc":"2.0","id":1,"result":{}}` || len(s.took()) != 1 {
		t.Errorf("a batch: %s", got)
	}
	response, got := s.post(t, "["+good+","+toolCall("delete_a")+","+toolCall("write")+`,{"method":"notifications/x"}]`)
	var answers []struct {
		ID    int `json:"id"`
		Error struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(got), &answers); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v: %d %s", err, response.StatusCode, got)
	}
	if len(answers) != 3 || answers[0].ID != 8 || answers[0].Error.Code != -32600 || answers[1].ID != 7 || answers[1].Error.Code != -32602 {
		t.Errorf("answers: %s", got)
	}
	if response, got := s.post(t, "["+good+","+toolCall("write")+"]"); response.StatusCode != http.StatusForbidden || !strings.HasPrefix(got, "[") {
		t.Errorf("a scope is missing: %d %s", response.StatusCode, got)
	}
	if crossed := s.took(); len(crossed) != 0 {
		t.Errorf("crossed: %q", crossed)
	}
}

// TestWhatWasJudged: nothing that an upstream may read differently crosses.
func TestWhatWasJudged(t *testing.T) {
	t.Parallel()
	s := ruled(t, answer, someRules...)
	const invalid, parse = "-32600", "-32700"
	for body, want := range map[string]string{
		`{"id":7,"method":"tools/call","params":{"name":"open","name":"delete_a"}}`:                     invalid,
		`{"id":7,"method":"tools/call","params":{"name":"open","Name":"delete_a"}}`:                     invalid,
		`{"id":7,"method":"tools/call","params":{"Name":"delete_a"}}`:                                   invalid,
		`{"id":7,"method":"tools/call","params":{"name":"open"},"PARAMS":{}}`:                           invalid,
		`{"id":7,"method":"ping","method":"tools/call","params":{"name":"delete_a"}}`:                   invalid,
		`{"id":7,"Method":"tools/call","params":{"name":"delete_a"}}`:                                   invalid,
		`{"id":7,"method":"Tools/Call","params":{"name":"delete_a"}}`:                                   invalid,
		`{"id":7,"method":"tools/call","param\u017f":{"name":"delete_a"}}`:                              invalid,
		`{"id":7,"method":"tools/call","params":{"name":"open\u0000"}}`:                                 invalid,
		`{"id":7,"method":"tools/call","params":{"name":"open\ud800"}}`:                                 invalid,
		`{"id":7,"method":"tools/call","params":{"name\u0000":"a","name":"open"}}`:                      invalid,
		`{"id":7,"method":["tools/call"],"params":{"name":"delete_a"}}`:                                 invalid,
		`{"id":9007199254740992,"method":"ping"}`:                                                       invalid,
		`{"id":1.5,"method":"ping"}`:                                                                    invalid,
		`{"id":null,"method":"ping"}`:                                                                   invalid,
		`{"id":1,"ID":2,"method":"ping"}`:                                                               invalid,
		`[]`:                                                                                            invalid,
		`[7]`:                                                                                           invalid,
		`"tools/call"`:                                                                                  invalid,
		`{"id":7,"method":"ping"`:                                                                       parse,
		`{"id":7,"method":"ping"} {"method":"tools/call"}`:                                              parse,
		"{\"id\":7,\"method\":\"ping\",\"x\":\"\xff\"}":                                                 parse,
		"\ufeff" + `{"id":7,"method":"ping"}`:                                                           parse,
		`{"id":7,"method":"ping","x":NaN}`:                                                              parse,
		`{"id":7,"method":"ping","params":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`: parse,
		``: parse,
	} {
		response, got := s.post(t, body)
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(got, want) {
			t.Errorf("%.90q: %d %s", body, response.StatusCode, got)
		}
	}
	for _, headers := range [][]string{
		{"Content-Type", "application/json; charset=utf-7"},
		{"Content-Type", "application/json; charset=utf-8; charset=utf-7"},
		{"Content-Type", "text/plain"},
		{"Content-Type", "application/json", "Content-Type", "application/json;charset=utf-7"},
		{"Content-Type", ""},
		{"Content-Encoding", "gzip"},
	} {
		if response, got := s.post(t, toolCall("open"), headers...); response.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %d %s", headers, response.StatusCode, got)
		}
	}
	if crossed := s.took(); len(crossed) != 0 {
		t.Fatalf("crossed: %q", crossed)
	}
	if _, got := s.post(t, toolCall("open"), "Content-Type", `Application/JSON;charset="UTF-8"`); strings.Contains(got, "error") || s.lastHeader().Get("Content-Type") != "application/json" {
		t.Errorf("got %s, and the upstream %v", got, s.lastHeader())
	}
	large := request("tools/call", `{"name":"open","x":"`+strings.Repeat("x", 1<<20)+`"}`)
	s.took()
	if response, _ := s.post(t, large); response.StatusCode != http.StatusRequestEntityTooLarge || len(s.took()) != 0 {
		t.Errorf("a large body: %d", response.StatusCode)
	}
	_, _ = send(t, http.MethodDelete, s.url, toolCall("delete_a"))
	_, _ = send(t, http.MethodGet, s.url, toolCall("delete_a"))
	if got := s.took(); len(got) != 2 || got[0] != "" || got[1] != "" {
		t.Errorf("bodies of GET and DELETE: %q", got)
	}
}

// TestHeadersThatRepeat: headers that disagree with the body are refused in the revision
// that has them, and mean nothing before.
func TestHeadersThatRepeat(t *testing.T) {
	t.Parallel()
	s := ruled(t, answer, someRules...)
	for _, tt := range []struct {
		method, name string
		refused      bool
	}{
		{"tools/call", "open", false},
		{"tools/call", "=?base64?b3Blbg==?=", false},
		{"tools/list", "open", true},
		{"tools/call", "delete_a", true},
		{"tools/call", "=?base64?ZGVsZXRlX2E=?=", true},
	} {
		response, got := s.post(t, toolCall("open"), "Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", tt.method, "Mcp-Name", tt.name)
		if tt.refused != (response.StatusCode == http.StatusBadRequest && strings.Contains(got, "-32020")) || tt.refused == (len(s.took()) > 0) {
			t.Errorf("%+v: %d %s", tt, response.StatusCode, got)
		}
		_, _ = s.post(t, toolCall("open"), "Mcp-Protocol-Version", "2025-11-25", "Mcp-Method", tt.method, "Mcp-Name", tt.name)
		if crossed := s.took(); len(crossed) != 1 || (s.lastHeader().Get("Mcp-Name") == "") != tt.refused || (s.lastHeader().Get("Mcp-Method") == "") != tt.refused {
			t.Errorf("%+v before: %q %v", tt, crossed, s.lastHeader())
		}
	}
}

// TestUnruled: without rules nothing is read before it is sent, and nothing is judged.
func TestUnruled(t *testing.T) {
	t.Parallel()
	began, released := make(chan bool, 1), make(chan bool)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 1))
		began <- true
		<-released
		answer(w, r)
	}))
	t.Cleanup(upstream.Close)
	for _, policy := range []*rules.Policy{nil, rules.New(nil)} {
		cfg := config(t, upstream.URL+"/mcp")
		cfg.Rules = policy
		reader, writer := io.Pipe()
		go func() { _, _ = writer.Write([]byte(`{"Method":`)) }()
		url := front(t, open(t, cfg)).URL
		ended := make(chan int)
		go func() {
			response, err := http.Post(url, "text/plain", reader)
			if err != nil {
				t.Error(err)
				close(ended)
				return
			}
			_ = response.Body.Close()
			ended <- response.StatusCode
		}()
		eventually(t, began, "the beginning of a request that has not ended")
		_ = writer.Close()
		released <- true
		if status := eventually(t, ended, "the response"); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
}
