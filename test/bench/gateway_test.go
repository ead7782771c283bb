//go:build bench

package bench_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// way is how a call reaches the upstream.
type way struct {
	name, url, token string
	pid              int // of the proxy; 0 for none
}

// upstreamOf is an MCP server with a tool that returns its argument, and next to it a plain
// server: of messages as large as the request, and of an event stream.
func upstreamOf(t *testing.T) string {
	t.Helper()
	s := server.NewMCPServer("bench", "1")
	s.AddTool(mcp.NewTool("echo"), func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(r.GetString("text", "")), nil
	})
	protocol := server.NewStreamableHTTPServer(s, server.WithStateLess(true))
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("X-Bench") {
		case "large":
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		case "stream":
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n")
		default:
			protocol.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(up.Close)
	return up.URL
}

// ways starts the proxies.
func ways(t *testing.T) []way {
	t.Helper()
	target := upstreamOf(t)
	file := filepath.Join(t.TempDir(), "bench.yaml")
	entry := func(more string) string {
		return `{url: "` + target + `/mcp", forward_headers: [X-Bench]` + more + "}\n"
	}
	must(t, os.WriteFile(file, []byte("mcpServers:\n  headers: "+entry(", identity: headers")+"  both: "+entry(", identity: both")+
		"  rules: "+entry(`, identity: headers, rules: [{tools: ["delete_*"], allow: {users: [someone]}}]`)), 0o600))
	bare, pid := harness.BareProxy(t, target)
	list := []way{{name: "upstream alone", url: target + "/mcp"}, {name: "bare proxy", url: bare + "/mcp", pid: pid}}
	for _, name := range []string{"headers", "both", "rules"} { // each in a process of its own, for its processor time
		p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Args: []string{"--config", file}})
		c := harness.NewClient(p.URL, nil)
		c.Resource = p.URL + "/" + name + "/mcp"
		must(t, c.SignIn(t.Context(), harness.NewBrowser(nil)))
		list = append(list, way{"mcpkeep, " + map[string]string{"headers": "headers", "both": "headers and assertion", "rules": "headers and rules"}[name], c.Resource, c.AccessToken, p.PID()})
	}
	return list
}

// send sends a message and returns how long the first byte of the response took, and the response.
func (w way) send(t *testing.T, c *http.Client, body, kind string) (first time.Duration, answer []byte) {
	t.Helper()
	r := get(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(body)))(t)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	if kind != "" {
		r.Header.Set("X-Bench", kind)
	}
	began := time.Now()
	res := get(c.Do(r))(t)
	defer func() { _ = res.Body.Close() }()
	buffered := bufio.NewReader(res.Body)
	_, _ = buffered.Peek(1)
	first = time.Since(began)
	answer, err := io.ReadAll(buffered)
	if err != nil {
		t.Fatalf("%s: %d bytes of a response of %d: %v", w.name, len(answer), res.ContentLength, err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %.200s", w.name, res.StatusCode, answer)
	}
	return first, answer
}

// processorOf is what a process has used so far.
func processorOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	if pid == 0 {
		return 0
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0 // not Linux
	}
	text := string(content)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all machines that Go runs on
	return tick * time.Duration(get(strconv.Atoi(fields[11]))(t)+get(strconv.Atoi(fields[12]))(t))
}

// TestGateway compares calls through mcpkeep with calls through a plain reverse proxy, and
// with calls of the upstream itself.
func TestGateway(t *testing.T) {
	list := ways(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * toolCallers, DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	message := func(length int) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"` + strings.Repeat("x", length) + `"}}}`
	}
	small, large := message(1<<10), message(1<<20)
	rounds := get(strconv.Atoi(setOr("MCPKEEP_BENCH_ROUNDS", "40")))(t)
	rate, processor := make([]float64, len(list)), make([]float64, len(list))
	mega, first := make([]float64, len(list)), make([]float64, len(list))
	took, firsts, exchanges := make([][]float64, len(list)), make([][]float64, len(list)), make([][]float64, len(list))
	for round := range rounds {
		for i, w := range list {
			began, before := time.Now(), processorOf(t, w.pid)
			var all sync.WaitGroup
			for range toolCallers {
				all.Go(func() {
					for range callsEach {
						w.send(t, client, small, "")
					}
				})
			}
			all.Wait()
			const calls = toolCallers * callsEach
			took[i] = append(took[i], float64(time.Since(began))/calls)
			if round > 0 { // warm
				processor[i] += float64(processorOf(t, w.pid)-before) / calls / float64(rounds-1)
			}
			began = time.Now()
			if _, answer := w.send(t, client, large, "large"); len(answer) < 1<<20 { // rules send on what they read
				t.Fatalf("%s: %d bytes", w.name, len(answer))
			}
			exchanges[i] = append(exchanges[i], float64(time.Since(began)))
			event, _ := w.send(t, client, small, "stream")
			firsts[i] = append(firsts[i], float64(event))
		}
	}
	for i := range list {
		rate[i], mega[i], first[i] = float64(time.Second)/quartile(took[i]), quartile(exchanges[i]), middle(firsts[i])
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n|---|--:|--:|--:|--:|--:|--:|--:|\n", cells("Way", "1 KB calls", "of the bare proxy", "Processor time", "of the bare proxy", "1 MB there and back", "of the bare proxy’s rate", "First event after"))
	for i, w := range list {
		fmt.Fprintln(&b, cells(w.name, perSec(rate[i]), ratio(rate[i], rate[1]), micros(processor[i]), ratio(processor[i], processor[1]),
			fmt.Sprintf("%.1f ms", mega[i]/1e6), ratio(mega[1], mega[i]), micros(first[i])))
	}
	_, _ = os.Stdout.WriteString(b.String())
}

func setOr(name, value string) string {
	if set := os.Getenv(name); set != "" {
		return set
	}
	return value
}

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

func middle(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
