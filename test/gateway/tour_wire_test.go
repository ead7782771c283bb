package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// wire is what a client sees below the protocol: status codes, and a stream that breaks and
// is resumed.
func (p *place) wire(t *testing.T, endpoint, token string) (lines []string) {
	t.Helper()
	do := func(ctx context.Context, method, body string, headers ...string) *http.Response {
		r, err := http.NewRequestWithContext(ctx, method, endpoint, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		response, err := (&http.Client{Transport: bearer{token}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"w","version":"1"}}}`
	begun := do(t.Context(), http.MethodPost, initialize)
	_, _ = io.Copy(io.Discard, begun.Body)
	session := []string{"Mcp-Session-Id", begun.Header.Get("Mcp-Session-Id"), "Mcp-Protocol-Version", "2025-11-25"}
	with := func(headers ...string) []string { return append(headers, session...) }
	const ping = `{"jsonrpc":"2.0","id":2,"method":"ping"}`
	for _, c := range []struct {
		name, method, body string
		headers            []string
	}{
		{"initialized", http.MethodPost, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, session},
		{"ping", http.MethodPost, ping, session},
		{"an unknown method", http.MethodPost, `{"jsonrpc":"2.0","id":3,"method":"no/such"}`, session},
		{"no JSON", http.MethodPost, `{"jsonrpc"`, session},
		{"no body", http.MethodPost, "", session},
		{"a form", http.MethodPost, "a=b", with("Content-Type", "application/x-www-form-urlencoded")},
		{"accepting HTML", http.MethodPost, ping, with("Accept", "text/html")},
		{"an unknown revision", http.MethodPost, ping, []string{session[0], session[1], "Mcp-Protocol-Version", "1999-01-01"}},
		{"an unknown session", http.MethodPost, ping, []string{"Mcp-Session-Id", "unknown"}},
		{"a stream of an unknown session", http.MethodGet, "", []string{"Mcp-Session-Id", "unknown", "Accept", "text/event-stream"}},
		{"the end of an unknown session", http.MethodDelete, "", []string{"Mcp-Session-Id", "unknown"}},
		{"PUT", http.MethodPut, ping, session},
	} {
		lines = append(lines, fmt.Sprintf("status of %s: %d", c.name, do(t.Context(), c.method, c.body, c.headers...).StatusCode))
	}
	lines = append(lines, p.resumed(t, do, with))
	for _, name := range []string{"the end of the session", "the end once more"} {
		lines = append(lines, fmt.Sprintf("status of %s: %d", name, do(t.Context(), http.MethodDelete, "", session...).StatusCode))
	}
	return append(lines, fmt.Sprintf("status of a call after the end: %d", do(t.Context(), http.MethodPost, ping, session...).StatusCode))
}

// resumed breaks the stream of a call after its first event, and gets the rest by another.
func (p *place) resumed(t *testing.T, do func(context.Context, string, string, ...string) *http.Response, with func(...string) []string) string {
	t.Helper()
	first, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	const call = `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"progress","arguments":{},"_meta":{"progressToken":"w"}}}`
	id, data := nextEvent(do(first, http.MethodPost, call, with()...).Body)
	hangUp()
	p.arrived <- struct{}{} // now the server sends the next
	if id == "" {
		return "resumed: the first event was " + data
	}
	ctx, cancel := context.WithTimeout(t.Context(), p.patience)
	defer cancel()
	var rest *http.Response
	for rest == nil || rest.StatusCode == http.StatusConflict && ctx.Err() == nil { // until the server knows that the first one broke
		rest = do(ctx, http.MethodGet, "", with("Last-Event-ID", id, "Accept", "text/event-stream")...)
	}
	_, second := nextEvent(rest.Body)
	p.arrived <- struct{}{}
	_, third := nextEvent(rest.Body)
	p.arrived <- struct{}{}
	_, last := nextEvent(rest.Body)
	return fmt.Sprintf("resumed: %d, %s, %s, %s, %s", rest.StatusCode, data, second, third, last)
}

// nextEvent reads an event stream up to an event with data, byte for byte: another call
// reads what comes after it. It returns "" for both at the end of the stream.
func nextEvent(body io.Reader) (id, data string) {
	lines := bufio.NewReaderSize(byteReader{body}, 16)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return "", ""
		}
		line = strings.TrimRight(line, "\r\n")
		if value, ok := strings.CutPrefix(line, "id:"); ok {
			id = strings.TrimSpace(value)
		}
		if value, ok := strings.CutPrefix(line, "data:"); ok {
			data += strings.TrimSpace(value)
		}
		if line == "" && data != "" {
			return id, data
		}
	}
}

// byteReader keeps a buffered reader from taking more than it returns.
type byteReader struct{ io.Reader }

func (b byteReader) Read(p []byte) (int, error) { return b.Reader.Read(p[:1]) }
