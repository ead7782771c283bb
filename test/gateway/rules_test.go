package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// newTools is an upstream with tools, of which one says that it only reads.
func newTools(t *testing.T) string {
	t.Helper()
	s := server.NewMCPServer("tools", "1", server.WithToolCapabilities(true), server.WithPromptCapabilities(true))
	says := func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText("done"), nil
	}
	for _, name := range []string{"delete_all", "write", "free", "change"} {
		s.AddTool(mcp.NewTool(name), says)
	}
	s.AddTool(mcp.NewTool("look", mcp.WithReadOnlyHintAnnotation(true)), says)
	for _, name := range []string{"open", "hidden"} {
		s.AddPrompt(mcp.NewPrompt(name), func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return &mcp.GetPromptResult{}, nil
		})
	}
	h := httptest.NewServer(server.NewStreamableHTTPServer(s))
	t.Cleanup(h.Close)
	return h.URL + "/mcp"
}

const ruledConfig = `
mcpServers:
  default:
    url: URL
    scopes: {"t:write": Write}
    rules:
      - {tools: ["delete_*"], allow: {users: [someone]}}
      - {tools: [write], scope: "t:write"}
      - {tools: [free]}
      - {tools: ["*"], readonly: true}
      - {prompts: [hidden], deny: true}
`

// TestRules: what the rules of a server refuse is not listed and does not exist; a scope that
// is missing can be asked for; all of it after kill -9 without a list before the call.
func TestRules(t *testing.T) {
	t.Parallel()
	p, _ := configured(t, strings.Replace(ruledConfig, "URL", newTools(t), 1))
	c := signIn(t, p)
	m := harness.Connect(t, c)
	tools, err := m.ListTools(t.Context(), mcp.ListToolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"free", "look", "write"}) {
		t.Errorf("tools: %v", names)
	}
	prompts, err := m.ListPrompts(t.Context(), mcp.ListPromptsRequest{})
	if err != nil || len(prompts.Prompts) != 1 || prompts.Prompts[0].Name != "open" {
		t.Errorf("prompts: %v %+v", err, prompts)
	}
	p.Kill9()
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	for name, works := range map[string]bool{"free": true, "look": true, "change": false, "delete_all": false, "no_such_tool": false} {
		if err := harness.CallIn(t.Context(), m, name, nil); (err == nil) != works || err != nil && !strings.Contains(err.Error(), "Unknown tool: "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stepUp(t, p, c, m)
}

// stepUp asks for the scope that a challenge names, and calls again.
func stepUp(t *testing.T, p *harness.Process, c *harness.Client, m *client.Client) {
	t.Helper()
	const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write"}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + c.AccessToken}, "Content-Type": {"application/json"}, "Mcp-Session-Id": {m.GetSessionId()}}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	challenge := response.Header.Get("WWW-Authenticate")
	scope := regexp.MustCompile(`^Bearer resource_metadata="[^"]+", scope="(mcp t:write)", error="insufficient_scope", error_description="[^"]+"$`).FindStringSubmatch(challenge)
	if response.StatusCode != http.StatusForbidden || scope == nil {
		t.Fatalf("without the scope: %d %q", response.StatusCode, challenge)
	}
	c.Scope = scope[1]
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	if err := harness.CallIn(t.Context(), harness.Connect(t, c), "write", nil); err != nil {
		t.Errorf("with the scope: %v", err)
	}
}
