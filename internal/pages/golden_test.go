package pages_test

import (
	"bytes"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/brand"
	"github.com/mcpkeep/mcpkeep/internal/pages"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// page is what all pages have in common.
type page interface {
	Write(w http.ResponseWriter) error
}

var (
	server = pages.Server{
		Name: "Example Notes", Host: "mcp.example.com", Resource: "https://mcp.example.com/mcp", Connections: "https://mcp.example.com/connections",
	}
	form = pages.Form{
		Action: "/consent",
		Hidden: []pages.Field{{Name: "request", Value: "r-4711"}, {Name: "csrf", Value: "c-0815"}},
	}
	scopes = []pages.Scope{
		{Name: "notes.read", Description: "Read your notes"},
		{Name: "notes.write", Description: "Create and change notes"},
	}
	claude = pages.Client{
		Name: "Claude", ID: "https://claude.ai/oauth/mcp-oauth-client-metadata", URI: "https://claude.ai",
		RedirectURI: "https://claude.ai/api/mcp/auth_callback",
	}
	claudeCode = pages.Client{
		Name: "Claude Code", ID: "8f2c1d9e", RedirectURI: "http://localhost:33418/callback",
	}
	cursor = pages.Client{
		Name: "Cursor", ID: "b1946ac9", RedirectURI: "cursor://anysphere.cursor-mcp/oauth/callback",
	}
)

// states are the main states of every page, by name of the golden file.
func states() map[string]page {
	verified := claude
	verified.Verified = true
	unknown := pages.Client{ID: "8f2c1d9e", RedirectURI: claudeCode.RedirectURI, Unknown: true}
	further := pages.Client{Claim: "claude-code", ID: "8f2c1d9e", RedirectURI: "http://localhost:1455/auth/callback", Further: true}
	claimed := pages.Client{Claim: "claude-code", ID: "8f2c1d9e", RedirectURI: claudeCode.RedirectURI}
	return map[string]page{
		"entry":           pages.Entry{Form: form, Server: server, Username: "owner"},
		"entry-error":     pages.Entry{Status: 403, Form: form, Server: server, Username: "owner", Error: "The password is incorrect."},
		"entry-provider":  pages.Entry{Form: form, Server: server, Provider: "GitHub"},
		"connections":     connected(),
		"entry-admin":     pages.Entry{Form: form, Server: server, Username: "owner", Admin: true},
		"entry-again":     pages.Entry{Form: form, Server: server, Provider: "GitHub", Admin: true, Again: true},
		"admin":           administration(),
		"admin-question":  question(),
		"admin-nothing":   pages.Question{Server: server, Tabs: tabs, Title: "Delete unused apps?", Texts: []string{"No app is that old."}, Back: &pages.Link{Text: "Keep", Href: "/admin/apps"}},
		"admin-register":  newApp(),
		"admin-secret":    pages.AppSecret{Server: server, Tabs: tabs, ID: "c_1", Secret: "s3cr3t", Next: &pages.Link{Text: "Done", Href: "/admin/apps"}},
		"admin-no-secret": pages.AppSecret{Server: server, Tabs: tabs, ID: "c_1"},
		"admin-none":      pages.Admin{Server: server, Tabs: tabs, Title: "People", SignedInAs: "owner", SignOut: form, Sections: []pages.Section{{Empty: "No one has signed in yet."}}},
		"admin-sections": pages.Admin{
			Server: server, Tabs: tabs, Title: "Server", SignedInAs: "owner", SignOut: form, Sections: []pages.Section{
				{Title: "Program", Facts: []pages.Fact{{Name: "Version", Text: "1.2.3"}}},
				{Title: "Keys", Note: "Each seals rows.", Rows: []pages.Row{{Name: "k1", State: "Primary"}}},
			},
		},
		"connections-none": pages.Connections{
			Server: server, SignedInAs: "owner", SignOut: form,
		},
		"connections-token": pages.Connections{
			Server: server, SignedInAs: "owner", SignOut: form, NewToken: &pages.Link{Text: "New token for a script", Href: "/connections/token"},
			Apps: []pages.App{tokenApp()},
		},
		"ending-token": pages.Ending{Form: form, Server: server, App: ptr(tokenApp()), Number: 1, Back: &pages.Link{Text: "Keep access", Href: "/connections"}},
		"newtoken": pages.NewToken{
			Form: form, Server: server, Back: &pages.Link{Text: "Your connections", Href: "/connections"},
			Resources: []pages.TokenOption{{Value: "https://mcp.example.com/mcp", Text: "Notes", Chosen: true}},
			Days:      []pages.TokenOption{{Value: "7", Text: "7 days"}, {Value: "90", Text: "90 days", Chosen: true}},
		},
		"newtoken-error": pages.NewToken{
			Form: form, Server: server, Error: "The token needs a name.", Name: "<script>\u202e",
			Resources: []pages.TokenOption{{Value: "https://mcp.example.com/mcp", Text: "Notes"}},
			Scopes:    []pages.TokenOption{{Value: "notes.write", Text: "Change <notes>", Chosen: true}},
			Days:      []pages.TokenOption{{Value: "90", Text: "90 days", Chosen: true}},
		},
		"token": pages.MadeToken{
			Server: server, Name: "nightly <report>", Value: "mkp_" + strings.Repeat("a2", 32), Ends: time.Date(2027, 2, 21, 12, 0, 0, 0, time.UTC),
			Back: &pages.Link{Text: "Your connections", Href: "/connections"},
		},
		"ending":       pages.Ending{Form: form, Server: server, App: &connected().Apps[0], Number: 2, Back: &pages.Link{Text: "Keep access", Href: "/connections"}},
		"ending-all":   pages.Ending{Form: form, Server: server, Number: 1, Back: &pages.Link{Text: "Keep access", Href: "/connections"}},
		"signin":       pages.SignIn{Username: "owner", Form: form, Client: claudeCode, Server: server},
		"signin-error": pages.SignIn{Username: "owner", Status: 403, Form: form, Client: claudeCode, Server: server, Error: "The password is incorrect."},
		"consent-web": pages.Consent{
			Form: form, Client: claude, Server: server, ProviderName: "GitHub", Scopes: scopes,
		},
		"consent-loopback": pages.Consent{
			Form: form, Client: claudeCode, Server: server, SignedInAs: "owner", Scopes: scopes[:1],
		},
		"consent-scheme": pages.Consent{
			Form: form, Client: cursor, Server: server, SignedInAs: "octocat", ProviderName: "GitHub",
			Scopes: []pages.Scope{{Name: "notes.read"}},
		},
		"consent-verified": pages.Consent{Form: form, Client: verified, Server: server, ProviderName: "Google", Scopes: scopes},
		"consent-unknown":  pages.Consent{Form: form, Client: unknown, Server: server, SignedInAs: "owner", Scopes: scopes[:1]},
		"consent-further":  pages.Consent{Form: form, Client: further, Server: server, SignedInAs: "owner", Scopes: scopes[:1]},
		"consent-resource": pages.Consent{Form: form, Client: claudeCode, SignedInAs: "owner", Scopes: scopes[:1], Server: pages.Server{
			Name: "other.example", Host: "mcp.example.com", Resource: "https://other.example/mcp", // registered by `clients create --resource`
		}},
		"consent-claimed":   pages.Consent{Form: form, Client: claimed, Server: server, SignedInAs: "owner", Scopes: scopes[:1]},
		"consent-published": pages.Consent{Form: form, Client: published(claude, false), Server: server, ProviderName: "GitHub", Scopes: scopes},
		"consent-published-local": pages.Consent{
			Form: form, Client: published(localClaude, false), Server: server, ProviderName: "GitHub", Scopes: scopes,
		},
		"consent-published-unconfirmed": pages.Consent{Form: form, Client: published(claude, true), Server: server, SignedInAs: "owner", Scopes: scopes},
		"consent-unread": pages.Consent{
			Form: form, Server: server, SignedInAs: "owner", Scopes: scopes[:1],
			Client: pages.Client{
				ID: "https://github.com/copilot/cli/client-metadata.json", RedirectURI: "http://127.0.0.1:33418/",
				Published: &pages.Publication{Host: "github.com", Unread: true, LocalOnly: true},
			},
		},
		"consent-published-imitation": pages.Consent{
			Form: form, Client: impostor, Server: server, SignedInAs: "owner", Scopes: scopes,
		},
		"consent-lends": pages.Consent{Form: form, Client: claude, Server: server, ProviderName: "GitHub", Scopes: scopes[:1], Lends: true},
		"consent-bare":  pages.Consent{Form: pages.Form{Action: "/consent"}},
		"consent-long":  longConsent(),
		"problem": pages.Problem{
			Status: 400, Server: server, Title: "This app is not registered",
			Message: "The app identified itself with a client ID that is not registered on this server.",
			Hint:    "Remove the connection in the app and add it again.",
			Code:    "invalid_client", Reference: "01J9Z6M3",
			Back: &pages.Link{Text: "Back to Cursor", Href: cursor.RedirectURI + "?error=access_denied&state=1"},
		},
		"problem-bare": pages.Problem{Status: 503},
		"refused": pages.Problem{
			Status: 403, Server: server, Title: "This account may not sign in", Account: "mallory@evil.example", Provider: "Google",
			Message: "Reason: the account is not on the list of users who may sign in to this server.",
			Hint:    "If this is the wrong account, use another one. Otherwise, ask the administrator of this server for access.",
			Code:    "access_denied", Reference: "01J9Z6M3",
			Next: &pages.Link{Text: "Use another account", Href: "https://accounts.google.com/o/oauth2/v2/auth?prompt=select_account+consent&state=1"},
			Back: &pages.Link{Text: "Return to the app", Href: cursor.RedirectURI + "?error=access_denied&state=1"},
		},
		"problem-branded": pages.Problem{Status: 400, Server: branded(), Title: "This request is invalid", Reference: "01J9Z6M3"},
		"signin-branded":  pages.SignIn{Username: "owner", Form: form, Client: claudeCode, Server: branded()},
		"consent-branded": pages.Consent{Form: form, Client: claude, Server: branded(), ProviderName: "GitHub", Scopes: scopes},
		"landing":         pages.Landing{Status: 401, Server: server},
		"signin-plain": pages.SignIn{
			Form: form, Client: claudeCode, Server: pages.Server{Name: "Notes", Host: "nas.local:8080", Resource: "http://nas.local:8080/mcp", Plain: true},
		},
		"done":           pages.Done{Server: server, Title: "Nothing was connected", Message: "You denied the request. The app was not granted access."},
		"done-connected": pages.Done{Server: server, Connected: true, Title: "This sign-in is complete", Message: "Your app has received its response."},
	}
}

// branded is the server with all that an operator may add.
func branded() pages.Server {
	s := server
	accent, err := brand.ParseAccent("#ffd700")
	if err != nil {
		panic(err)
	}
	s.Logo, s.Theme = "/logo", pages.NewTheme(accent)
	s.Support = pages.Support{Href: "mailto:help@example.com", Text: "help@example.com"}
	s.Terms, s.Privacy = "https://example.com/terms", "https://example.com/privacy?a=1&b=2"
	return s
}

// tokenApp is a token for a script.
func tokenApp() pages.App {
	made := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return pages.App{
		Token: &pages.Token{Name: "nightly <report>", Ends: made.Add(90 * 24 * time.Hour)}, Resource: "Notes", Scopes: scopes[:1],
		Connections: []pages.Connection{{Since: made, LastUsed: made.Add(time.Hour)}}, End: &pages.Link{Text: "End access", Href: "/connections/end?grant=g"},
	}
}

func ptr[T any](v T) *T { return &v }

// published is a client that is known by its metadata document.
func published(c pages.Client, unconfirmed bool) pages.Client {
	c.Published = &pages.Publication{Host: "claude.ai", Unconfirmed: unconfirmed, LocalOnly: c.Name == localClaude.Name}
	return c
}

var (
	localClaude = pages.Client{
		Name: "Claude Code", ID: "https://claude.ai/oauth/claude-code-client-metadata", RedirectURI: "http://localhost:33418/callback",
	}
	impostor = pages.Client{
		Name: "Claude Code", ID: "https://xn--claud-9va.example/oauth/client", RedirectURI: "http://localhost:33418/callback",
		Published: &pages.Publication{Host: "xn--claud-9va.example"},
	}
)

func longConsent() page {
	client := pages.Client{
		Name: strings.Repeat("Extraordinarily", 8),
		ID:   "https://" + strings.Repeat("very-long-label.", 10) + "example/" + strings.Repeat("path", 40),
		RedirectURI: "https://" + strings.Repeat("claude-ai-login.", 10) + "xn--80ak6aa92e.example:8443/" +
			strings.Repeat("callback", 30) + "?session=" + strings.Repeat("0123456789", 20),
	}
	return pages.Consent{
		Form: form, Client: client, SignedInAs: strings.Repeat("username", 12) + "@example.com",
		Server: pages.Server{
			Name: "The Unusually Long-Winded Notes and Documents Department Server",
			Host: strings.Repeat("department.", 8) + "example.com", Resource: "https://" + strings.Repeat("department.", 8) + "example.com/mcp",
		},
		Scopes: []pages.Scope{
			{Name: strings.Repeat("notes.", 20), Description: strings.Repeat("Read everything there is. ", 10)},
			{Name: strings.Repeat("w", 200)},
		},
	}
}

func record(t *testing.T, p page) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	if err := p.Write(w); err != nil {
		t.Fatalf("Write: %v", err)
	}
	return w.Result()
}

func body(t *testing.T, p page) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(record(t, p).Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, p := range states() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := withoutStyle(t, body(t, p))
			file := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs; run with -update if that is meant (-want +got):\n%s", file, diff)
			}
		})
	}
}

// withoutStyle empties the style element: the sheet is a file of its own, and
// TestStyleHash ties it to the page.
func withoutStyle(t *testing.T, html string) string {
	t.Helper()
	head, rest, ok1 := strings.Cut(html, "<style>")
	_, tail, ok2 := strings.Cut(rest, "</style>")
	if !ok1 || !ok2 {
		t.Fatal("page has no style element")
	}
	return head + "<style></style>" + tail
}
