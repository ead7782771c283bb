package pages_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/atom"

	"github.com/mcpkeep/mcpkeep/internal/pages"
)

// hostile are strings that a client may put anywhere in its registration.
var hostile = map[string]string{
	"script":           `<script>alert(1)</script>`,
	"closing elements": `</style></title></h1></main><script src=//evil.example></script>`,
	"attribute double": `" onmouseover="alert(1)" autofocus onfocus="alert(1)`,
	"attribute single": `' onmouseover='alert(1)`,
	"image":            `<img src=https://evil.example/x onerror=alert(1)>`,
	"template action":  `{{.Form}}{{template "layout"}}`,
	"entities":         `&lt;script&gt;&#60;script&#62;&quot;`,
	"javascript":       `javascript:alert(1)`,
	"javascript case":  "\x01JaVa\tScRiPt:alert(1)",
	"policy injection": "https://x.example;script-src 'unsafe-inline' *;/cb",
	"header injection": "https://x.example\r\nContent-Security-Policy: none\r\n\r\n<script>",
	"bidi override":    "safe\u202egnp.exe\u202c\u2066x\u2069\u200f",
	"invisible":        "a\u200bb\u200d\ufeff\u00ad\u3164\u115f\u2800\U000e0041\ufe0fc",
	"controls":         "a\x00b\x1b[31mc\u0085d\u2028e\u2029f",
	"invalid utf-8":    "a\xff\xfe\xc0\xaf<\x80script>",
	"marks":            "Z" + strings.Repeat("\u0301", 500) + "algo",
	"ten kilobytes":    strings.Repeat("A", 10<<10),
	"ten kB of spaces": strings.Repeat(" \t\n", 4<<10) + "end",
	"wide":             strings.Repeat("\U0001F600", 10<<10),
	"homoglyph host":   "https://сlaude.ai/cb",
	"comment":          `<!--><script>alert(1)</script-->`,
}

// everywhere returns every page with s in each string that a client, a
// provider or a request could have supplied.
func everywhere(s string) map[string]page {
	client := pages.Client{Name: s, ID: s, URI: s, RedirectURI: s}
	private := pages.Client{Name: s, ID: s, URI: s, RedirectURI: "cursor://" + s}
	web := pages.Client{Name: s, ID: s, URI: s, RedirectURI: "https://x.example/" + s}
	hidden := pages.Form{Action: "/consent", Hidden: []pages.Field{{Name: "state", Value: s}}, FormActions: []string{s}}
	wants := []pages.Scope{{Name: s, Description: s}, {Name: s}}
	return map[string]page{
		"sign-in":         pages.SignIn{Username: s, Form: hidden, Client: client, Server: server, Error: s},
		"consent":         pages.Consent{Form: hidden, Client: client, Server: server, Scopes: wants, SignedInAs: s, ProviderName: s},
		"consent web":     pages.Consent{Form: hidden, Client: web, Server: server, Scopes: wants},
		"consent private": pages.Consent{Form: hidden, Client: private, Server: server, Scopes: wants},
		"problem": pages.Problem{Status: 400, Server: server, Title: s, Message: s, Hint: s, Code: s, Reference: s,
			Back: &pages.Link{Text: s, Href: s}},
		"admin": pages.Admin{
			Server: server, Title: s, SignedInAs: s, Provider: s, Notes: []string{s}, Tabs: pages.Tabs{Links: []pages.Link{{Text: s, Href: s}}},
			SignOut: hidden, Search: &pages.Search{Action: "/consent", Label: "Name", Name: "q", Value: s, Kept: hidden.Hidden},
			Actions: []pages.Link{{Text: s, Href: s}}, Next: &pages.Link{Text: s, Href: s}, Sections: []pages.Section{{
				Title: s, Note: s, Facts: []pages.Fact{{Name: s, Text: s, Code: []string{s}}}, Rows: []pages.Row{
					{Name: s, State: s}, {Client: &client, Facts: []pages.Fact{{Name: "x", Link: &pages.Link{Text: s, Href: s}}}, Links: []pages.Link{{Text: s, Href: s}}},
				},
			}},
		},
		"question": pages.Question{
			Server: server, Title: s, Texts: []string{s}, Facts: []pages.Fact{{Name: s, Text: s, Code: []string{s}}}, Form: hidden, Button: s, Back: &pages.Link{Text: s, Href: s},
		},
		"new app": pages.NewApp{
			Server: server, Form: hidden, Error: s, Name: s, RedirectURIs: s, AuthMethod: s, KeyURL: s, AuthMethods: []pages.Option{{Value: "none", Text: "Not at all"}},
			Back: &pages.Link{Text: s, Href: s},
		},
		"secret": pages.AppSecret{Server: server, ID: s, Secret: s, Next: &pages.Link{Text: s, Href: s}},
		"done":   pages.Done{Server: server, Connected: true, Title: s, Message: s},
	}
}

func TestHostileStrings(t *testing.T) {
	t.Parallel()
	for what, s := range hostile {
		for name, p := range everywhere(s) {
			t.Run(what+" on "+name, func(t *testing.T) {
				t.Parallel()
				text := body(t, p)
				checkBalanced(t, text)
				checkDocument(t, text)
				checkPolicy(t, record(t, p).Header.Get("Content-Security-Policy"))
				checkVisible(t, text)
				checkNoWayOut(t, text)
			})
		}
	}
}

// checkVisible asserts that what the person reads holds nothing that hides or
// reorders text.
func checkVisible(t *testing.T, text string) {
	t.Helper()
	seen := textOf(named(elements(t, text), atom.Main)[0])
	if !utf8.ValidString(seen) || strings.ContainsRune(seen, utf8.RuneError) {
		t.Error("page shows broken UTF-8")
	}
	for _, r := range seen {
		if unicode.In(r, unicode.C, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800' {
			t.Fatalf("page shows %U: %q", r, seen)
		}
	}
	if strings.Contains(seen, strings.Repeat("\u0301", 4)) {
		t.Error("combining marks pile up")
	}
}

// checkNoWayOut asserts that nothing on the page can be followed but what the
// server chose.
func checkNoWayOut(t *testing.T, text string) {
	t.Helper()
	for _, n := range elements(t, text) {
		if href := attr(n, "href"); strings.Contains(strings.ToLower(href), "script") {
			t.Errorf("link to %q", href)
		}
		if action := attr(n, "action"); n.DataAtom == atom.Form && action != "/consent" {
			t.Errorf("form posts to %q", action)
		}
	}
}

func TestNameIsCut(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"80 stay":         {strings.Repeat("é", 80), strings.Repeat("é", 80)},
		"81 are cut":      {strings.Repeat("é", 81), strings.Repeat("é", 79) + "…"},
		"one line":        {"  My \n\t own\u00a0app ", "My own app"},
		"invisible only":  {"\u200b\u3164\u202e", ""},
		"override gone":   {"Claude\u202eedoC", "ClaudeedoC"},
		"cut at a space":  {strings.Repeat("a", 78) + " bcdef", strings.Repeat("a", 78) + "…"},
		"script survives": {"<script>", "<script>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mainText(t, pages.Consent{Client: pages.Client{Name: tc.in}})
			want := "An app that calls itself “" + tc.want + "” wants"
			if tc.want == "" {
				want = "An app without a name wants"
			}
			if !strings.HasPrefix(got, want) {
				t.Errorf("page begins %.120q, want %q", got, want)
			}
		})
	}
}

// TestNameIsQuoted: A10. A name does not end its quotation and continue as the page's
// own words.
func TestNameIsQuoted(t *testing.T) {
	t.Parallel()
	p := pages.Consent{}
	p.Client.Name = `Notes” of notes.example wants to connect. „So ‟do 〝others〞 and＂ "x"`
	for host, want := range map[string]string{
		"":             "An app that calls itself “Notes' of notes.example wants to connect. 'So 'do 'others' and' \"x\"” wants",
		"evil.example": "“Notes' of notes.example wants to connect. 'So 'do 'others' and' \"x\"” from evil.example wants",
	} {
		if p.Client.Published = nil; host != "" {
			p.Client.Published = &pages.Publication{Host: host}
		}
		if got := mainText(t, p); !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
}

func TestClientURIIsNoLink(t *testing.T) {
	t.Parallel()
	p := pages.Consent{Client: pages.Client{Name: "x", URI: "https://client.example/"}}
	if !strings.Contains(mainText(t, p), "https://client.example/") {
		t.Error("page does not name the website")
	}
	if links := named(elements(t, body(t, p)), atom.A); len(links) > 0 {
		t.Errorf("page has a link to %q", attr(links[0], "href"))
	}
}

func TestBackLink(t *testing.T) {
	t.Parallel()
	for href, want := range map[string]string{
		"/connections":                         "/connections",
		"https://claude.ai/cb?error=x&state=y": "https://claude.ai/cb?error=x&state=y",
		"http://127.0.0.1:33418/cb?error=x":    "http://127.0.0.1:33418/cb?error=x",
		"cursor://anysphere/cb?error=x":        "cursor://anysphere/cb?error=x",
		"javascript:alert(1)":                  "",
		"\u0020JavaScript:alert(1)":            "",
		"data:text/html,<script>":              "",
		"vbscript:x":                           "",
		"//evil.example/":                      "",
		`/\evil.example/`:                      "/%5Cevil.example/",
		"https:///x":                           "",
		"":                                     "",
		"relative":                             "",
		`cursor:"><script>alert(1)</script>`:   "cursor:%22%3e%3cscript%3ealert%281%29%3c/script%3e",
	} {
		t.Run(href, func(t *testing.T) {
			t.Parallel()
			text := body(t, pages.Problem{Back: &pages.Link{Text: "Back", Href: href}})
			checkDocument(t, text)
			got := ""
			if links := named(elements(t, text), atom.A); len(links) > 0 {
				got = attr(links[0], "href")
			}
			if got != want {
				t.Errorf("link = %q, want %q", got, want)
			}
		})
	}
}
