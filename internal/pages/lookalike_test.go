package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/pages"
)

// TestLookAlikeNames: A10. An app with the name of a well-known one whose answer
// goes elsewhere is called out, however the name is spelt; the real ones and
// others are not.
func TestLookAlikeNames(t *testing.T) {
	t.Parallel()
	const evil = "https://evil.example/cb"
	tests := []struct {
		name, redirect, vendor string // "" for no warning
	}{
		{"Claude", evil, "Claude"},
		{"claude code", evil, "Claude"},
		{"C l a u d e", evil, "Claude"},
		{"С\u200bl\u0430ude", evil, "Claude"}, // Cyrillic С and а, a zero-width space
		{"Ｃｌａｕｄｅ", evil, "Claude"},
		{"Cláudé", evil, "Claude"},
		{"CIaude", evil, "Claude"}, // a capital i
		{"C|aude by Anthropic", evil, "Claude"},
		{"Claude", "https://claude.ai.evil.example/cb", "Claude"},
		{"Claude", "https://notclaude.ai/cb", "Claude"},
		{"Claude", "evilapp://claude.ai/cb", "Claude"},
		{"Claude", "http://claude.ai/cb", "Claude"},
		{"Claude", "https://claude.ai@evil.example/cb", "Claude"},
		{"Claude", "https://claude.ai/api/mcp/auth_callback", ""},
		{"Claude", "https://claude.com/api/mcp/auth_callback", ""},
		{"Claude Code", "http://localhost:63277/callback", ""},
		{"ChatGPT", evil, "ChatGPT"},
		{"Chat-GPT", evil, "ChatGPT"},
		{"0penAI", evil, "ChatGPT"},
		{"ChatGPT", "https://chatgpt.com/connector_platform_oauth_redirect", ""},
		{"VS Code", evil, "Visual Studio Code"},
		{"Visual Studio Code", "https://vscode.dev/redirect", ""},
		{"Cursor", "https://www.cursor.com/agents/mcp/oauth/callback", ""},
		{"Cursor", "cursor://anysphere.cursor-mcp/oauth/callback", ""},
		{"Cursor", "https://curs0r.example/cb", "Cursor"},
		{"GitHub Copilot", "https://vscode.dev/redirect", ""},
		{"Gemini CLI MCP Client", "http://localhost:7777/oauth/callback", ""},
		{"Gemini", evil, "Google"},
		{"Copilot Studio", "https://teams.microsoft.com/api/platform/v1.0/oAuthRedirect", ""},
		{"My notes", evil, ""},
		{"", evil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.redirect, func(t *testing.T) {
			t.Parallel()
			for _, client := range []pages.Client{
				{Name: tt.name, RedirectURI: tt.redirect}, {Claim: tt.name, RedirectURI: tt.redirect},
			} {
				w := httptest.NewRecorder()
				page := pages.Consent{Form: pages.Form{Action: "/consent"}, Server: pages.Server{Name: "Keep"}, Client: client}
				if err := page.Write(w); err != nil || w.Code != http.StatusOK {
					t.Fatal(w.Code, err)
				}
				_, after, found := strings.Cut(w.Body.String(), "This address does not belong to <bdi>")
				if got, _, _ := strings.Cut(after, "<"); found != (tt.vendor != "") || got != tt.vendor {
					t.Errorf("%+v: warned of %q, want %q", client, got, tt.vendor)
				}
			}
		})
	}
}
