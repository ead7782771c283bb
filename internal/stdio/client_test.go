package stdio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

var httpClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}

// client is a client of one session.
type client struct {
	t       *testing.T
	url     string
	caller  string
	session string
	version string
	accept  string
}

// tick bounds what a test waits for.
const tick = 20 * time.Second

func (c *client) send(ctx context.Context, method, body string, headers ...string) *http.Response {
	c.t.Helper()
	response, err := c.try(ctx, method, body, headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return response
}

func (c *client) try(ctx context.Context, method, body string, headers ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if c.accept != "" {
		r.Header.Set("Accept", c.accept)
	}
	r.Header.Set("Test-Caller", c.caller)
	if c.session != "" {
		r.Header.Set("Mcp-Session-Id", c.session)
	}
	if c.version != "" {
		r.Header.Set("Mcp-Protocol-Version", c.version)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return httpClient.Do(r)
}

// read returns the whole body.
func read(t *testing.T, response *http.Response) string {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		content = append(content, " <"+err.Error()+">"...)
	}
	return string(content)
}

const hello = `{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{},"elicitation":{},"roots":{}},"clientInfo":{"name":"t","version":"1"}}}`

// connect begins a session.
func connect(t *testing.T, url, caller string) *client {
	t.Helper()
	c := &client{t: t, url: url, caller: caller}
	response := c.send(t.Context(), http.MethodPost, hello)
	body := read(t, response)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("initialize: %d %s", response.StatusCode, body)
	}
	c.session, c.version = response.Header.Get("Mcp-Session-Id"), "2025-11-25"
	response = c.send(t.Context(), http.MethodPost, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	if text := read(t, response); response.StatusCode != http.StatusAccepted || text != "" {
		t.Fatalf("initialized: %d %q", response.StatusCode, text)
	}
	return c
}

// call sends a request and returns the response and what came before it.
func (c *client) call(id any, method string, params object) (response object, before []object) {
	c.t.Helper()
	stream := c.open(c.t.Context(), request(id, method, params))
	defer stream.close()
	for {
		m := stream.next()
		if m == nil {
			c.t.Fatalf("%s: the stream ended without a response; before it %v", method, before)
		}
		if m["method"] == nil {
			return m, before
		}
		before = append(before, m)
	}
}

func request(id any, method string, params object) string {
	m := object{"jsonrpc": "2.0", "method": method}
	if id != nil {
		m["id"] = id
	}
	if params != nil {
		m["params"] = params
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// stream reads the messages of a response.
type stream struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Scanner
	lastID   string
	whole    bool
	cancel   context.CancelFunc
}

// open sends a message and reads the response as it comes.
func (c *client) open(ctx context.Context, body string) *stream {
	c.t.Helper()
	return c.stream(ctx, http.MethodPost, body)
}

// listen opens the standalone stream.
func (c *client) listen(headers ...string) *stream {
	c.t.Helper()
	return c.stream(c.t.Context(), http.MethodGet, "", headers...)
}

func (c *client) stream(ctx context.Context, method, body string, headers ...string) *stream {
	c.t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	response := c.send(ctx, method, body, headers...)
	if response.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s: %d %s", method, body, response.StatusCode, read(c.t, response))
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 32<<20)
	s := &stream{t: c.t, response: response, lines: lines, cancel: cancel}
	c.t.Cleanup(s.close)
	return s
}

func (s *stream) close() {
	s.cancel()
	_ = s.response.Body.Close()
}

// next returns the next message; nil at the end.
func (s *stream) next() object {
	s.t.Helper()
	timer := time.AfterFunc(tick, s.cancel)
	defer timer.Stop()
	if !strings.HasPrefix(s.response.Header.Get("Content-Type"), "text/event-stream") {
		return s.nextJSON()
	}
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch {
		case name == "id":
			s.lastID = value
		case name == "data" && value != "":
			return decode(s.t, value)
		}
	}
	return nil
}

func (s *stream) nextJSON() object {
	if s.whole {
		return nil
	}
	s.whole = true
	return decode(s.t, read(s.t, s.response))
}

func decode(t *testing.T, text string) object {
	t.Helper()
	var m object
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	return m
}

// text is a result's or an error's, to compare.
func text(m object) string { return fmt.Sprint(m["result"], m["error"]) }
