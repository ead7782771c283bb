package pages_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/pages"
)

func TestFormActionSource(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"https://claude.ai/api/mcp/auth_callback":     "https://claude.ai",
		"https://ChatGPT.com/connector?x=1#y":         "https://chatgpt.com",
		"https://example.com:8443/cb":                 "https://example.com:8443",
		"https://user:pw@example.com/cb":              "https://example.com",
		"http://127.0.0.1:33418/callback":             "http://127.0.0.1:33418",
		"http://localhost/callback":                   "http://localhost",
		"http://[::1]:33418/callback":                 "http:",
		"HTTP://[::1]/":                               "http:",
		"https://bücher.example/cb":                   "https://xn--bcher-kva.example",
		"https://exаmple.com/cb":                      "https://xn--exmple-4nf.com", // Cyrillic а
		"https://under_score.example/cb":              "https://under_score.example",
		"cursor://anysphere.cursor-mcp/oauth/cb":      "cursor:",
		"Cursor://x":                                  "cursor:",
		"com.example.app:/oauth2redirect":             "com.example.app:",
		"vscode://x; script-src *":                    "",
		"vscode:x; script-src *":                      "vscode:",
		"javascript:alert(1)":                         "",
		"JaVaScRiPt:alert(1)":                         "",
		"java\tscript:alert(1)":                       "",
		" https://example.com":                        "",
		"data:text/html,x":                            "",
		"blob:https://example.com/1":                  "",
		"file:///etc/passwd":                          "",
		"https://example.com;script-src/cb":           "",
		"https://example.com, https://evil.example/":  "",
		"https://a b.example/":                        "",
		"https://'unsafe-inline'/":                    "",
		"https://*.example.com/":                      "",
		"https://example.com%3bscript-src%20*/cb":     "",
		"https://example.com:80;base-uri/":            "",
		"https://example.com\r\nSet-Cookie: a=b":      "",
		"https:///no-host":                            "",
		"https://:8080/":                              "",
		"/relative":                                   "",
		"":                                            "",
		"https://" + strings.Repeat("a", 3000) + ".e": "",
	} {
		if got := pages.FormActionSource(uri); got != want {
			t.Errorf("FormActionSource(%q) = %q, want %q", uri, got, want)
		}
	}
}

func formAction(t *testing.T, p page) []string {
	t.Helper()
	policy := record(t, p).Header.Get("Content-Security-Policy")
	checkPolicy(t, policy)
	_, rest, _ := strings.Cut(policy, "form-action ")
	value, _, _ := strings.Cut(rest, ";")
	return strings.Split(value, " ")
}

func TestFormAction(t *testing.T) {
	t.Parallel()
	actions := []string{
		"https://github.com", "https://claude.ai", "https:", // good, double, good
		"", "*", "'unsafe-inline'", "https://x.example; script-src *", "https://x.example https://y.example",
		"https://x.example/path", "javascript:", "data:", "HTTPS://UPPER.example", "https://x.example\nfoo",
	}
	with := func(f pages.Form) pages.Form { f.FormActions = actions; return f }
	for name, tc := range map[string]struct {
		page page
		want []string
	}{
		"consent adds the redirect": {
			pages.Consent{Form: form, Client: cursor}, []string{"'self'", "cursor:"},
		},
		"consent, more sources": {
			pages.Consent{Form: with(form), Client: claude},
			[]string{"'self'", "https://claude.ai", "https://github.com", "https:"},
		},
		"sign-in posts here only": {
			pages.SignIn{Form: form, Client: claude}, []string{"'self'"},
		},
		"sign-in, more sources": {
			pages.SignIn{Form: with(form)}, []string{"'self'", "https://github.com", "https://claude.ai", "https:"},
		},
		"injection in the redirect": {
			pages.Consent{Client: pages.Client{RedirectURI: "https://x.example;script-src 'unsafe-inline'/"}}, []string{"'self'"},
		},
		"problem": {pages.Problem{}, []string{"'self'"}},
		"done":    {pages.Done{}, []string{"'self'"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, formAction(t, tc.page)); diff != "" {
				t.Errorf("form-action (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzFormActionSource(f *testing.F) {
	for _, seed := range []string{"https://a.example/cb", "cursor://x", "http://[::1]:1/", "https://a;b/", "x:y z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if got := pages.FormActionSource(uri); strings.ContainsAny(got, "; ,'\"*\t\r\n\x00") {
			t.Errorf("FormActionSource(%q) = %q", uri, got)
		}
	})
}
