package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/rules"
)

const (
	allTools = `[{"name":"open"},{"name":"delete_a"},{"name":"write"},` +
		`{"name":"get_a","annotations":{"readOnlyHint":true}},{"name":"get_b"},{"name":"get_c","annotations":{"readOnlyHint":false}}]`
	someTools = `[{"name":"open"},{"name":"write"},{"name":"get_a","annotations":{"readOnlyHint":true}}]`
)

func result(members string) string { return `{"jsonrpc":"2.0","id":7,"result":{` + members + `}}` }

// TestLists: what a person may not use is in no list, in JSON and in event streams, also
// when one is resumed; a list that depends on the person is private to them.
func TestLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, upstream, want string }{
		{"tools/list", result(`"tools":` + allTools + `,"nextCursor":"2"`), result(`"tools":` + someTools + `,"nextCursor":"2"`)},
		{"tools/list", result(`"ttlMs":1,"cacheScope":"public","tools":[]`), result(`"ttlMs":1,"cacheScope":"private","tools":[]`)},
		{"tools/list", result(`"Tools": [ {"name":"delete_a"} , {"name":"delete_b"} ]`), result(`"Tools": [  ]`)},
		{"prompts/list", result(`"prompts":[{"name":"secret"},{"name":"open"}]`), result(`"prompts":[{"name":"open"}]`)},
		{"resources/list", result(`"resources":[{"uri":"docs://a"},{"uri":"docs://secret/a"},{"uri":"docs://b"}]`), result(`"resources":[{"uri":"docs://a"},{"uri":"docs://b"}]`)},
		{"resources/templates/list", result(`"resourceTemplates":[{"uriTemplate":"docs://secret/{x}"},{"name":"x"},7]`), result(`"resourceTemplates":[]`)},
	} {
		for name, h := range map[string]http.HandlerFunc{
			"json": func(w http.ResponseWriter, _ *http.Request) { respond(w, "application/json", tt.upstream) },
			"stream": func(w http.ResponseWriter, _ *http.Request) {
				respond(w, "text/event-stream", "id: 1\ndata: "+tt.upstream+"\n\n")
			},
		} {
			s := ruled(t, h, someRules...)
			want := tt.want
			if name == "stream" {
				want = "id: 1\ndata: " + want + "\n\n"
			}
			if _, got := s.post(t, request(tt.method, "{}")); got != want {
				t.Errorf("%s in %s: got %s, want %s", tt.method, name, got, want)
			}
			if _, got := send(t, http.MethodGet, s.url, "", "Last-Event-Id", "0"); got != want {
				t.Errorf("%s in %s resumed: got %s, want %s", tt.method, name, got, want)
			}
		}
	}
}

func respond(w http.ResponseWriter, kind, content string) {
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write([]byte(content))
}

// TestEventForms: an event is filtered in whatever form it comes, and in whatever pieces;
// what needs no filter stays as it is.
func TestEventForms(t *testing.T) {
	t.Parallel()
	list, want := result(`"tools":`+allTools), result(`"tools":`+someTools)
	updated := func(uri string) string {
		return `{"method":"notifications/resources/updated","params":{"uri":"` + uri + `"}}`
	}
	for stream, filtered := range map[string]string{
		"data:" + list + "\n\n":                                                  "data: " + want + "\n\n",
		"event: message\r\ndata: " + list + "\r\nid: 4\r\n\r\n":                  "event: message\r\ndata: " + want + "\nid: 4\r\n\r\n",
		"data: " + list + "\r\r: c\r":                                            "data: " + want + "\n\r: c\r",
		"\ufeffdata: " + list + "\n\n":                                           "data: " + want + "\n\n",
		"data: " + strings.Replace(list, `,"id"`, "\ndata: ,\"id\"", 1) + "\n\n": "data: " + strings.Replace(want, `,"id"`, "\ndata: ,\"id\"", 1) + "\n\n",
		"data: " + list:                       "data: " + want + "\n",
		"data: " + list + "\n":                "data: " + want + "\n",
		"data: [" + list + ",{\"id\":1}]\n\n": "data: [" + want + ",{\"id\":1}]\n\n",
		": hello\n\nretry: 5\n\nid: 3\ndata:\n\ndata: {\"id\":1}\n\n":                       ": hello\n\nretry: 5\n\nid: 3\ndata:\n\ndata: {\"id\":1}\n\n",
		"data: " + updated("docs://secret/a") + "\n\ndata: " + updated("docs://a") + "\n\n": "data: " + updated("docs://a") + "\n\n",
		"data: [" + updated("docs://secret/a") + "]\n\n":                                    "",
	} {
		for _, size := range []int{1, 2, 3, 7, len(stream)} {
			s := ruled(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for piece := range pieces(stream, size) {
					_, _ = w.Write([]byte(piece))
					_ = http.NewResponseController(w).Flush()
				}
			}, someRules...)
			if _, got := send(t, http.MethodGet, s.url, ""); got != filtered {
				t.Fatalf("%q in pieces of %d: got %q, want %q", stream, size, got, filtered)
			}
		}
	}
}

func pieces(text string, size int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			n := min(size, len(text))
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

// TestUnfilterable: what cannot be filtered does not reach the client.
func TestUnfilterable(t *testing.T) {
	t.Parallel()
	const leak = `{"name":"delete_a"}`
	for name, h := range map[string]http.HandlerFunc{
		"no JSON": func(w http.ResponseWriter, _ *http.Request) {
			respond(w, "application/json", result(`"tools":[`+leak+`],"x":NaN`))
		},
		"no UTF-8": func(w http.ResponseWriter, _ *http.Request) {
			respond(w, "application/json", result(`"tools":[`+leak+"],\"x\":\"\xff\""))
		},
		"event": func(w http.ResponseWriter, _ *http.Request) {
			respond(w, "text/event-stream", "data: "+result(`"tools":[`+leak+`],"x":NaN`)+"\n\n")
		},
		"encoded": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			respond(w, "application/json", leak)
		},
		"text": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(leak))
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			respond(w, "application/json", leak+strings.Repeat(" ", 17<<20))
		},
		"endless line": func(w http.ResponseWriter, _ *http.Request) {
			respond(w, "text/event-stream", "data: "+leak+strings.Repeat(" ", 17<<20))
		},
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			respond(w, "application/json", leak)
		},
		"two names": func(w http.ResponseWriter, _ *http.Request) {
			respond(w, "application/json", result(`"tools":[{"name":"open","name":"delete_a"},{"name":"open","Name":"delete_a"}]`))
		},
		"two lists": func(w http.ResponseWriter, _ *http.Request) {
			respond(w, "application/json", result(`"tools":[],"tools":[`+leak+`]`))
		},
	} {
		s := ruled(t, h, someRules...)
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			response, got := send(t, method, s.url, request("tools/list", "{}"), "Content-Type", "application/json")
			if strings.Contains(got, "delete_a") {
				t.Errorf("%s: %s got %d %.200s", name, method, response.StatusCode, got)
			}
		}
	}
}

// TestFilteredEventsDoNotWait: an event is there before the next one begins.
func TestFilteredEventsDoNotWait(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	s := ruled(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		for event := range next {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", event)
			_ = http.NewResponseController(w).Flush()
		}
	}, someRules...)
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	lines, _ := listen(t, ctx, s.url)
	for i := range 3 {
		event := fmt.Sprintf(`{"id":%d}`, i)
		next <- event
		if got := eventually(t, lines, "an event"); got != "data: "+event {
			t.Fatalf("got %q", got)
		}
		eventually(t, lines, "the blank line")
	}
	close(next)
}

// TestResponsesOfCallsAreNotRead: what no rule is about streams as without rules.
func TestResponsesOfCallsAreNotRead(t *testing.T) {
	t.Parallel()
	next := make(chan bool)
	s := ruled(t, func(w http.ResponseWriter, r *http.Request) {
		respond(w, "application/json", `{"result":`)
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = w.Write([]byte("not JSON"))
	}, rules.Rule{Prompts: []string{"x"}, Deny: true})
	for _, method := range []string{"tools/call", "tools/list"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, strings.NewReader(request(method, `{"name":"a"}`)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 100)
		if n, err := response.Body.Read(buffer); string(buffer[:n]) != `{"result":` {
			t.Errorf("%s: %q %v", method, buffer[:n], err)
		}
		next <- true
		_ = response.Body.Close()
	}
}
