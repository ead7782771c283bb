package doctor

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// The revisions of MCP with Streamable HTTP: those with a handshake, and the first one without.
const (
	oldestRevision   = "2025-03-26"
	discoverRevision = "2026-07-28"
)

var handshakeRevisions = []string{oldestRevision, "2025-06-18", "2025-11-25"}

// probe sends MCP requests to an upstream. It leaves no session behind.
type probe struct {
	upstreams.Upstream
	client *http.Client
	host   string // sent as Host; "" for that of the URL
}

func newProbe(u upstreams.Upstream) probe {
	u.Target.CA = u.CA
	return probe{Upstream: u, client: u.Target.Probe(outsideWait)}
}

// initialize asks for a session and ends it.
func (p probe) initialize(ctx context.Context, revision string) (answer, error) {
	a, err := p.send(ctx, http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"`+revision+
		`","capabilities":{},"clientInfo":{"name":"mcpkeep doctor","version":"1"}}}`, nil)
	if err != nil {
		return a, err
	}
	if session := a.Header.Get("Mcp-Session-Id"); session != "" {
		_, _ = p.send(ctx, http.MethodDelete, "", http.Header{"Mcp-Session-Id": {session}, "Mcp-Protocol-Version": {revision}})
	}
	return a, nil
}

// revisions returns those that the upstream speaks, in order.
func (p probe) revisions(ctx context.Context) (list []string) {
	for _, revision := range handshakeRevisions {
		var result struct {
			ProtocolVersion string `json:"protocolVersion"`
		}
		if a, err := p.initialize(ctx, revision); err == nil && a.result(&result) && result.ProtocolVersion == revision {
			list = append(list, revision)
		}
	}
	var result struct {
		SupportedVersions []string `json:"supportedVersions"`
	}
	const meta = "io.modelcontextprotocol/"
	a, err := p.send(ctx, http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"`+meta+`protocolVersion":"`+discoverRevision+
		`","`+meta+`clientInfo":{"name":"mcpkeep doctor","version":"1"},"`+meta+`clientCapabilities":{}}}}`,
		http.Header{"Mcp-Protocol-Version": {discoverRevision}, "Mcp-Method": {"server/discover"}})
	if err == nil && a.result(&result) {
		for _, revision := range result.SupportedVersions {
			if !slices.Contains(list, revision) && revision >= discoverRevision {
				list = append(list, revision)
			}
		}
	}
	return list
}

// isOldTransport reports whether a GET opens an event stream that names an endpoint for
// messages (2024-11-05, HTTP with SSE).
func (p probe) isOldTransport(ctx context.Context) bool {
	a, err := p.send(ctx, http.MethodGet, "", nil)
	return err == nil && a.mediaType() == "text/event-stream" && strings.Contains(a.body, "event: endpoint")
}

// send sends a request and reads the response: of an event stream the first event.
func (p probe) send(ctx context.Context, method, body string, header http.Header) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.Target.URL.String(), strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if p.host != "" {
		r.Host = p.host
	}
	r.Header.Set("Accept", "application/json, text/event-stream")
	if method == http.MethodGet {
		r.Header.Set("Accept", "text/event-stream")
	}
	r.Header.Set("Content-Type", "application/json")
	maps.Copy(r.Header, p.Headers)
	maps.Copy(r.Header, header)
	response, err := p.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	defer p.client.CloseIdleConnections()
	a := answer{Response: response}
	limited := io.LimitReader(response.Body, maxAnswer)
	if a.mediaType() == "text/event-stream" {
		a.body = firstEvent(limited)
		return a, nil
	}
	content, err := io.ReadAll(limited)
	a.body = string(content)
	return a, err
}

// firstEvent returns the lines of the first event with data.
func firstEvent(r io.Reader) string {
	var event strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if lines.Text() == "" && strings.Contains(event.String(), "data:") {
			break
		}
		event.WriteString(lines.Text() + "\n")
	}
	return event.String()
}

// message returns the JSON-RPC message of an answer.
func (a answer) message() []byte {
	if a.mediaType() != "text/event-stream" {
		return []byte(a.body)
	}
	var data bytes.Buffer
	for line := range strings.Lines(a.body) {
		if text, ok := strings.CutPrefix(line, "data:"); ok {
			data.WriteString(text)
		}
	}
	return data.Bytes()
}

// isMCP reports whether an answer is a JSON-RPC response. A server that refuses a revision
// answers with an error.
func (a answer) isMCP() bool {
	var m struct {
		Version string          `json:"jsonrpc"`
		Result  json.RawMessage `json:"result"`
	}
	known := json.Unmarshal(a.message(), &m) == nil && m.Version == "2.0"
	return known && (a.StatusCode < 300 || a.StatusCode == http.StatusBadRequest)
}

// result decodes the result of an answer into a value.
func (a answer) result(into any) bool {
	m := struct {
		Result any `json:"result"`
	}{into}
	return a.StatusCode < 300 && json.Unmarshal(a.message(), &m) == nil
}
