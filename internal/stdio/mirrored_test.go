package stdio_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// mirroring is a server whose tools have arguments that headers repeat. It counts how often it
// lists its tools, in two pages.
type mirroring struct {
	lists   atomic.Int32
	renamed atomic.Bool // the header of the first tool
}

func annotated(kind, name string) object { return object{"type": kind, "x-mcp-header": name} }

func (s *mirroring) tools() []any {
	region := "Region"
	if s.renamed.Load() {
		region = "Place"
	}
	schema := func(properties object) object { return object{"type": "object", "properties": properties} }
	return []any{
		object{"name": "echo", "inputSchema": schema(object{
			"region": annotated("string", region), "size": annotated("integer", "size"), "dry": annotated("boolean", "Dry_Run"),
			"query": object{"type": "string"}, "where": schema(object{"zone": annotated("string", "Zone")}),
		})},
		object{"name": "fails", "inputSchema": schema(object{"region": annotated("string", "Region"), "list": object{"items": schema(object{"item": annotated("string", "Item")})}})},
	}
}

func (s *mirroring) handle(p *peer, m object) {
	if m["method"] != "tools/list" {
		old(p, m)
		return
	}
	s.lists.Add(1)
	params, _ := m["params"].(object)
	if params["cursor"] == nil {
		p.say(object{"id": m["id"], "result": object{"tools": s.tools()[1:], "nextCursor": "2"}})
		return
	}
	p.say(object{"id": m["id"], "result": object{"tools": s.tools()[:1]}})
}

// called is the status of a call with these arguments and headers, and what was said.
func (c *client) called(tool, arguments string, headers ...string) (status int, said string) {
	c.t.Helper()
	body, all := modernRequest(1, "tools/call", callOf(tool, nil), nil)
	if !strings.Contains(body, `"arguments":null`) {
		c.t.Fatalf("the call is %s", body)
	}
	body = strings.Replace(body, `"arguments":null`, `"arguments":`+arguments, 1)
	response := c.send(c.t.Context(), http.MethodPost, body, slices.Concat(all, headers)...)
	return response.StatusCode, read(c.t, response)
}

// TestMirroredArguments: TM-04, TM-05, D6. Headers that repeat arguments have to agree with them.
func TestMirroredArguments(t *testing.T) {
	t.Parallel()
	server := &mirroring{}
	s, _ := front(t, config(&fleet{handle: server.handle}, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	const region = "Mcp-Param-Region"
	for name, test := range map[string]struct {
		arguments string
		headers   []string
		refused   string // the header
	}{
		"as it is":                {`{"region":"us-west1"}`, []string{region, "us-west1"}, ""},
		"in Base64":               {`{"region":"Hello, 世界"}`, []string{region, "=?base64?SGVsbG8sIOS4lueVjA==?="}, ""},
		"like Base64":             {`{"region":"=?base64?literal?="}`, []string{region, "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="}, ""},
		"empty":                   {`{"region":""}`, []string{region, "=?base64??="}, ""},
		"escaped":                 {`{"region":"\u0075s"}`, []string{region, "us"}, ""},
		"no argument":             {`{"query":"x"}`, nil, ""},
		"no arguments":            {`{}`, nil, ""},
		"null":                    {`{"region":null}`, nil, ""},
		"unknown":                 {`{"query":"x"}`, []string{"Mcp-Param-Other", "x"}, ""},
		"not annotated":           {`{"query":"x"}`, []string{"Mcp-Param-Query", "y"}, ""},
		"an integer":              {`{"size":42}`, []string{"Mcp-Param-Size", "42"}, ""},
		"a decimal integer":       {`{"size":42}`, []string{"Mcp-Param-Size", "42.0"}, ""},
		"a decimal body":          {`{"size":4.2e1}`, []string{"Mcp-Param-Size", "42"}, ""},
		"negative":                {`{"size":-7}`, []string{"Mcp-Param-Size", "-7"}, ""},
		"not safe":                {`{"size":9007199254740993}`, nil, ""},
		"a boolean":               {`{"dry":true}`, []string{"Mcp-Param-Dry_Run", "true"}, ""},
		"nested":                  {`{"where":{"zone":"a"}}`, []string{"MCP-PARAM-ZONE", "a"}, ""},
		"not an object":           {`{"where":"a"}`, nil, ""},
		"a list":                  {`{"region":["us"]}`, nil, ""},
		"two members by case":     {`{"query":"x","Query":"y"}`, nil, ""},
		"other than the argument": {`{"region":"us"}`, []string{region, "eu"}, region},
		"other case":              {`{"region":"us"}`, []string{region, "US"}, region},
		"missing":                 {`{"region":"us"}`, nil, region},
		"missing next to another": {`{"region":"us","Region":"eu"}`, nil, region},
		"missing, nested":         {`{"where":{"zone":"a"}}`, nil, "Mcp-Param-Zone"},
		"twice":                   {`{"region":"us"}`, []string{region, "us", region, "us"}, region},
		"argument twice":          {`{"region":"us","region":"eu"}`, []string{region, "us"}, region},
		"no such argument":        {`{"query":"x"}`, []string{region, "us"}, region},
		"of null":                 {`{"region":null}`, []string{region, "null"}, region},
		"of a list":               {`{"region":["us"]}`, []string{region, "us"}, region},
		"of nothing":              {`{}`, []string{region, "us"}, region},
		"padding":                 {`{"region":"Hello"}`, []string{region, "=?base64?SGVsbG8?="}, region},
		"alphabet":                {`{"region":"Hello"}`, []string{region, "=?base64?SGVs!!!bG8=?="}, region},
		"not UTF-8":               {`{"region":"\ufffd"}`, []string{region, "=?base64?/w==?="}, region},
		"literal":                 {`{"region":"Hello"}`, []string{region, "SGVsbG8="}, region},
		"capitals":                {`{"region":"Hello"}`, []string{region, "=?BASE64?SGVsbG8=?="}, region},
		"raw UTF-8":               {`{"region":"世界"}`, []string{region, "世界"}, region},
		"another integer":         {`{"size":42}`, []string{"Mcp-Param-Size", "43"}, "Mcp-Param-Size"},
		"an exponent":             {`{"size":42}`, []string{"Mcp-Param-Size", "4.2e1"}, "Mcp-Param-Size"},
		"hexadecimal":             {`{"size":26}`, []string{"Mcp-Param-Size", "0x1a"}, "Mcp-Param-Size"},
		"a number for a text":     {`{"region":"42"}`, []string{region, "42.0"}, region},
		"another boolean":         {`{"dry":true}`, []string{"Mcp-Param-Dry_Run", "false"}, "Mcp-Param-Dry_run"},
		"a boolean in capitals":   {`{"dry":true}`, []string{"Mcp-Param-Dry_Run", "True"}, "Mcp-Param-Dry_run"},
	} {
		status, said := c.called("echo", test.arguments, test.headers...)
		switch {
		case test.refused == "" && status != http.StatusOK:
			t.Errorf("%s: %d %s", name, status, said)
		case test.refused != "" && (status != http.StatusBadRequest || !strings.Contains(said, `"code":-32020`) || !strings.Contains(said, test.refused+" ") || !strings.Contains(said, `"id":1`)):
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	if status, said := c.called("fails", `{"region":"us"}`); status != http.StatusOK {
		t.Errorf("a tool whose definition is invalid: %d %s", status, said)
	}
}

// TestMirroredArgumentsAreLearned: the process is asked for its tools when a call needs it, again when
// they have changed, and before a call is refused.
func TestMirroredArgumentsAreLearned(t *testing.T) {
	t.Parallel()
	server, processes := &mirroring{}, make(chan *peer, 1)
	s, _ := front(t, config(&fleet{handle: server.handle, began: func(p *peer) { processes <- p }}, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	expect := func(what string, lists int32, status int, headers ...string) {
		t.Helper()
		if got, said := c.called("echo", `{"region":"us"}`, headers...); got != status || server.lists.Load() != 2*lists {
			t.Errorf("%s: %d %s, after %d pages", what, got, said, server.lists.Load())
		}
	}
	if status, said := c.called("echo", `{}`); status != http.StatusOK || server.lists.Load() != 0 {
		t.Errorf("a call without arguments: %d %s, after %d pages", status, said, server.lists.Load())
	}
	expect("the first call", 1, http.StatusOK, "Mcp-Param-Region", "us")
	expect("the next", 1, http.StatusOK, "Mcp-Param-Region", "us")
	server.renamed.Store(true)
	expect("a change without a word", 2, http.StatusOK, "Mcp-Param-Place", "us")
	expect("a wrong call", 3, http.StatusBadRequest)
	expect("after a wrong call", 3, http.StatusOK, "Mcp-Param-Place", "us")
	server.renamed.Store(false)
	process := <-processes
	st := c.modern(t.Context(), "sub", "subscriptions/listen", object{"notifications": object{"toolsListChanged": true}}, nil)
	st.next()
	process.say(object{"method": "notifications/tools/list_changed"})
	st.next()
	expect("a change that was told", 4, http.StatusBadRequest, "Mcp-Param-Place", "us")
	expect("with the right header", 4, http.StatusOK, "Mcp-Param-Region", "us")
}

// TestMirroredArgumentsOfARound: the request that answers a question is compared as well, before its
// state is spent.
func TestMirroredArgumentsOfARound(t *testing.T) {
	t.Parallel()
	handle := func(p *peer, m object) {
		if m["method"] == "tools/list" {
			p.say(object{"id": m["id"], "result": object{"tools": []any{object{"name": "ask", "inputSchema": object{
				"properties": object{"text": annotated("string", "Text")}}}}}})
			return
		}
		old(p, m)
	}
	s, _ := front(t, config(&fleet{handle: handle}, stdio.PerSession))
	c := &client{t: t, url: s.URL}
	params := callOf("ask", object{"method": "elicitation/create", "text": "who?"})
	body, headers := modernRequest(1, "tools/call", params, nil)
	right := slices.Concat(headers, []string{"Mcp-Param-Text", "who?"})
	first := c.stream(t.Context(), http.MethodPost, body, right...).next()
	params["requestState"] = result(first)["requestState"]
	params["inputResponses"] = object{"qquestion-1": object{"action": "accept"}}
	body, _ = modernRequest(2, "tools/call", params, nil)
	refused(t, "without the header", c.send(t.Context(), http.MethodPost, body, headers...), http.StatusBadRequest, `"code":-32020`)
	last := c.stream(t.Context(), http.MethodPost, body, right...).next()
	if fmt.Sprint(result(last)["answer"]) != "map[action:accept]" {
		t.Errorf("the last round: %v", last)
	}
}
