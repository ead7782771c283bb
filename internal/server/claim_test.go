package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// initialize is the first message of a client that describes itself.
func initialize(t testing.TB, client map[string]any) string {
	t.Helper()
	return message(t, map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": map[string]any{
			"protocolVersion": "2025-11-25", "capabilities": map[string]any{}, "clientInfo": client,
		},
	})
}

func message(t testing.TB, members map[string]any) string {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (s *site) sendMessage(token, text string, headers ...header) answer {
	s.Helper()
	h := header{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": "Bearer " + token}
	return s.do(http.MethodPost, "/mcp", text, append([]header{h}, headers...)...)
}

// wantTold fails the test unless the answer of a tool contains a text.
func (s *site) wantTold(t testing.TB, token, tool, text string) {
	t.Helper()
	if a := s.callTool(token, tool, "{}"); !strings.Contains(a.Body, text) {
		t.Errorf("%s: %s, want %s", tool, a.Body, text)
	}
}

// claimed is what is on record of a client's name.
func (s *site) claimed(t testing.TB, id string) string {
	t.Helper()
	c, err := s.store.CurrentClient(t.Context(), id)
	if err != nil || c.Name != "" {
		t.Errorf("client %q: %v", c.Name, err)
	}
	return c.ClaimedName
}

// TestClaimedName: an app that was let in under its old ID has the name that it gives
// itself, as a claim, on pages and in lists. It is written once.
func TestClaimedName(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), readopting(oauth.ReadoptKnown))
		c := s.dead(deadID, loopbackRedirect)
		b := s.browser()
		consent := b.signIn(c)
		consent.shows(t, http.StatusOK, "An app without a name")
		got := tokensOf(t, c.exchange(b.submit(consent, approve).target(t, c.redirect).Get("code")))
		if name := s.claimed(t, c.id); name != "" {
			t.Errorf("named %q before it said so", name)
		}
		s.wantTold(t, got.access, "list_connections", `unnamed app (client`)

		s.sendMessage(got.access, initialize(t, map[string]any{"name": "zed", "title": " Zed\u202e\n“Editor” ", "version": "1"})).want(t, http.StatusOK, "")
		if name := s.claimed(t, c.id); name != "Zed “Editor”" {
			t.Errorf("named %q", name)
		}
		s.browser().signIn(c).shows(t, http.StatusOK, "An app that calls itself “<bdi>Zed &#39;Editor&#39;</bdi>”", "Not verified by this server")
		for _, tool := range []string{"list_connections", "whoami"} {
			s.wantTold(t, got.access, tool, `unnamed app that calls itself \"Zed “Editor”\"`)
			s.wantTold(t, got.access, tool, `"claimed_name":"Zed “Editor”"`)
		}
		s.unchanged(t, func() {
			for range 3 {
				s.sendMessage(got.access, initialize(t, map[string]any{"name": "zed", "title": "Zed “Editor”"})).want(t, http.StatusOK, "")
			}
		})
		s.clock.advance(cache.Claim)
		got = tokensOf(t, s.form("/token", c.refreshForm(got.refresh), header{"User-Agent": "other/1.0"}))
		if name := s.claimed(t, c.id); name != "Zed “Editor”" {
			t.Errorf("named %q by its user agent, though it has said a name", name)
		}
		s.sendMessage(got.access, modernCall(t, "Zed Preview"), header{
			"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list",
		}).want(t, http.StatusOK, "")
		if name := s.claimed(t, c.id); name != "Zed Preview" {
			t.Errorf("named %q, though it says another name now", name)
		}
	})
}

// modernCall is a call since revision 2026-07-28, which describes the client each time.
func modernCall(t testing.TB, name string) string {
	t.Helper()
	return message(t, map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": map[string]any{"_meta": map[string]any{
		"io.modelcontextprotocol/protocolVersion":    "2026-07-28",
		"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		"io.modelcontextprotocol/clientInfo":         map[string]any{"name": name, "version": "1"},
	}}})
}

// TestClaimedNameOfAgent: until an app says its name in a call, the product of its
// User-Agent at the token endpoint stands in, unless that is a library's.
func TestClaimedNameOfAgent(t *testing.T) {
	t.Parallel()
	s := start(t)
	for agent, want := range map[string]string{
		"claude-code/2.1.330 (external, cli)": "claude-code",
		"Zed":                                 "Zed",
		"":                                    "",
		"node":                                "",
		"python-httpx/0.28.1":                 "",
		"Mozilla/5.0 (X11; Linux x86_64)":     "",
		"Go-http-client/2.0":                  "",
		"<script>alert(1)</script>":           "scriptalert1",
		strings.Repeat("x", 200) + "/1":       strings.Repeat("x", 64),
	} {
		c := s.register(map[string]any{"client_name": ""})
		got := c.connect()
		tokensOf(t, s.form("/token", c.refreshForm(got.refresh), header{"User-Agent": agent}))
		if name := s.claimed(t, c.id); name != want {
			t.Errorf("%q: named %q, want %q", agent, name, want)
		}
	}
	named := s.register()
	got := named.connect()
	s.sendMessage(got.access, initialize(t, map[string]any{"name": "other"})).want(t, http.StatusOK, "")
	if c, err := s.store.CurrentClient(t.Context(), named.id); err != nil || c.Name == "" || c.ClaimedName != "" {
		t.Errorf("a client with a name: %q, %q, %v", c.Name, c.ClaimedName, err)
	}
}

// TestClaimedNameLeavesMessages: whatever a client sends arrives at the endpoint as it
// was, and only what has the form of a name is one.
func TestClaimedNameLeavesMessages(t *testing.T) {
	t.Parallel()
	var seen []byte
	s := start(t, func(set *setup) {
		set.Resources = protecting(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen, _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusNoContent)
		}))
	})
	named := `{"method":"initialize","params":{"clientInfo":{"name":"App"}}}`
	for text, want := range map[string]string{
		named: "App",
		`{"method":"initialize","params":{"clientInfo":{"name":"` + strings.Repeat("é", 200) + `"}}}`: strings.Repeat("é", 79) + "…",
		`{"method":"initialize","id":{},"params":{"clientInfo":{"name":"App","title":7}}}`:            "App",
		`{"method":"tools/call","params":{"clientInfo":{"name":"App"}}}`:                              "",
		`{"method":"initialize","params":{"clientInfo":{"name":{"a":1}}}}`:                            "",
		`{"method":"initialize","params":{"clientInfo":"App"}}`:                                       "",
		`{"method":"initialize","params":[{"clientInfo":{"name":"App"}}]}`:                            "",
		`[` + named + `]`:                   "",
		named[:20]:                          "",
		named + strings.Repeat(" ", 64<<10): "",
		named + strings.Repeat(" ", 64<<10-len(named)): "App",
		"clientInfo \xff\x00":                          "",
		"":                                             "",
	} {
		c := s.register(map[string]any{"client_name": ""})
		seen = nil
		s.sendMessage(c.connect().access, text).want(t, http.StatusNoContent, "")
		if !bytes.Equal(seen, []byte(text)) {
			t.Errorf("%.40s (%d bytes) arrived as %.40s (%d bytes)", text, len(text), seen, len(seen))
		}
		if name := s.claimed(t, c.id); name != want {
			t.Errorf("%.40s: named %q, want %q", text, name, want)
		}
	}
}

// TestClaimedNameWithoutDatabase: a name that cannot be kept is no reason to refuse.
func TestClaimedNameWithoutDatabase(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.Lifetimes = server.Lifetimes{AccessToken: 3600e9, RefreshToken: 3600e9} })
	c := s.register(map[string]any{"client_name": ""})
	got := c.connect()
	s.wantAccess(t, got.access, true)
	s.store.fail()
	s.sendMessage(got.access, initialize(t, map[string]any{"name": "App"})).want(t, http.StatusOK, "")
	s.store.recover()
	if name := s.claimed(t, c.id); name != "" {
		t.Errorf("named %q", name)
	}
}
