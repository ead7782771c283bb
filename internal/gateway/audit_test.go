package gateway_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/gateway"
)

// notes are the calls that a gateway noted.
type notes struct {
	mu   sync.Mutex
	list []audit.Call
}

func (n *notes) add(c audit.Call) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, c)
}

// take returns n calls as soon as there are as many, and forgets them.
func (n *notes) take(t *testing.T, want int) []audit.Call {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); n.number() < want && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.list
	n.list = nil
	return list
}

func (n *notes) number() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.list)
}

// noting is a gateway in front of a handler, with the calls that it noted.
func noting(t *testing.T, h http.HandlerFunc, change func(*gateway.Config)) (*httptest.Server, *notes) {
	t.Helper()
	upstream := httptest.NewServer(h)
	t.Cleanup(upstream.Close)
	n := new(notes)
	cfg := config(t, upstream.URL+"/mcp")
	cfg.Called = n.add
	if change != nil {
		change(&cfg)
	}
	return front(t, open(t, cfg)), n
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":1,"result":{}}`))
}

// reading reads the request before it answers.
func reading(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	buffer := make([]byte, 1<<16)
	for {
		if _, err := r.Body.Read(buffer); err != nil {
			break
		}
	}
	answer(w, r)
}

// TestCallsAreNoted: each call by its body, with who made it, whatever headers say.
func TestCallsAreNoted(t *testing.T) {
	t.Parallel()
	s, n := noting(t, reading, nil)
	long := strings.Repeat(`\"name\": x `, 20_000)
	for body, want := range map[string][]string{
		`{"id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"no"}}}`:        {"a"},
		`{"params":{"arguments":{"x":"` + long + `"},"name":"b"},"method":"tools/call","id":1}`: {"b"},
		`{"id":1,"\u006dethod":"tools\/call","Params":{"n\u0061me":"\u0063 \"d"}}`:              {`c "d`},
		`[{"id":1,"method":"tools/call","params":{"name":"e"}}, {"id":2,"method":"ping"},` +
			`{"id":3,"params":{"name":"f"},"method":"tools/call"}]`: {"e", "f"},
		`{"id":1,"method":"tools/call","params":[{"name":"no"}]}`:                                                 {""},
		`{"id":1,"method":"tools/call","params":{"name":7}}`:                                                      {""},
		`{"id":1,"method":"tools/list","params":{"name":"no"}}`:                                                   nil,
		`{"id":1,"method":"prompts/get","params":{"name":"tools/call","method":"tools/call"}}`:                    nil,
		`{"id":1,"result":{"method":"tools/call","params":{"name":"no"}}}`:                                        nil,
		`[` + strings.Repeat(`{"method":"tools/call","params":{"name":"g"}},`, 101) + `{"method":"ping","id":1}]`: append(slices.Repeat([]string{"g"}, 100), ""),
	} {
		_, _ = send(t, http.MethodPost, s.URL, body, "Mcp-Method", "tools/call", "Mcp-Name", "header")
		var got []string
		for _, c := range n.take(t, len(want)) {
			got = append(got, c.Tool)
			if c.UserID != alice.User.ID || c.ClientID != alice.ClientID || c.Upstream != "test" || c.Outcome != audit.OK || c.Reference != "ref123" {
				t.Errorf("%.60s: %+v", body, c)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.60s: got %q, want %q", body, got, want)
		}
	}
}

// says answers a request with a document, in small pieces.
func says(kind, document string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reading(httptest.NewRecorder(), r)
		w.Header().Set("Content-Type", kind)
		for piece := range pieces(document, 3) {
			_, _ = w.Write([]byte(piece))
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// TestOutcomesOfABatch: each call has its own, by the id of its response.
func TestOutcomesOfABatch(t *testing.T) {
	t.Parallel()
	s, n := noting(t, says("application/json", `[{"id":2,"error":{}},{"id":"\u0061","result":{"isError":true}},{"id":1,"result":{}}]`), nil)
	call := func(id, tool string) string {
		return `{"method":"tools/call","params":{"name":"` + tool + `"},"id":` + id + `}`
	}
	_, _ = send(t, http.MethodPost, s.URL, "["+call("1", "x")+","+call("2", "y")+","+call(`"a"`, "z")+"]")
	got := map[string]string{}
	for _, c := range n.take(t, 3) {
		got[c.Tool] = c.Outcome
	}
	if want := map[string]string{"x": audit.OK, "y": audit.Error, "z": audit.Error}; !maps.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

const callTool = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}`

// TestOutcomes: how a call ended, and how long it took.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		upstream http.HandlerFunc
		want     string
	}{
		"ok":     {reading, audit.OK},
		"error":  {says("application/json", `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}`), audit.Error},
		"tool":   {says("application/json", `{"jsonrpc":"2.0","result":{"content":[{"isError":false}],"isError" : true},"id":1}`), audit.Error},
		"fine":   {says("application/json", `{"id":1,"result":{"error":{},"structuredContent":{"isError":true},"isError":false},"error":null}`), audit.OK},
		"stream": {says("text/event-stream", "data: {\"method\":\"x\",\"params\":{\"error\":1}}\n\nid: 1\r\ndata: {\"id\":1,\r\ndata: \"error\":{}}\r\n\r\n"), audit.Error},
		"events": {says("text/event-stream", ": \"error\":{}\nevent: {\"error\":{}}\n\ndata: {\"id\":1,\"result\":{}}\n\n"), audit.OK},
		"unauth": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, audit.Failed},
		"lost": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
		}, audit.Error},
		"cut": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, audit.Failed},
	} {
		s, n := noting(t, c.upstream, nil)
		if response, err := http.Post(s.URL, "application/json", strings.NewReader(callTool)); err == nil { // one that is cut may be none
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		if got := n.take(t, 1); len(got) != 1 || got[0].Outcome != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}

// TestCanceledCall: the client hangs up.
func TestCanceledCall(t *testing.T) {
	t.Parallel()
	const wait = 30 * time.Millisecond
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	s, n := noting(t, func(_ http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 1<<10)
		for {
			if _, err := r.Body.Read(buffer); err != nil {
				break
			}
		}
		time.AfterFunc(wait, hangUp)
		<-r.Context().Done()
	}, nil)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader(callTool))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(r); err == nil {
		_ = response.Body.Close()
		t.Fatal("a response came")
	}
	if got := n.take(t, 1); len(got) != 1 || got[0].Outcome != audit.Canceled || got[0].Took < wait {
		t.Errorf("%+v", got)
	}
}

// TestRefusedCall: a call that the gateway refuses is an error, whose tool is known.
func TestRefusedCall(t *testing.T) {
	t.Parallel()
	s, n := noting(t, reading, nil)
	_, _ = send(t, http.MethodPost, s.URL, callTool, "Mcp-Session-Id", "foreign")
	if got := n.take(t, 1); len(got) != 1 || got[0].Outcome != audit.Error || got[0].Tool != "a" {
		t.Errorf("%+v", got)
	}
}
