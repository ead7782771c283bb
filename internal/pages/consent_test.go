package pages_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/mcpkeep/mcpkeep/internal/pages"
)

func mainText(t *testing.T, p page) string {
	t.Helper()
	return textOf(named(elements(t, body(t, p)), atom.Main)[0])
}

func TestConsentSays(t *testing.T) {
	t.Parallel()
	all := states()
	for name, tc := range map[string]struct {
		state string
		want  []string
		not   []string
	}{
		"web client, provider follows": {"consent-web", []string{
			"An app that calls itself “Claude” wants to connect", "Not verified by this server.",
			"Read your notes", "notes.read", "The response goes to claude.ai", "https://mcp.example.com/mcp", "Example Notes",
			"you continue to GitHub to sign in", "If you did not just connect an app, choose Deny.",
			"https://claude.ai/api/mcp/auth_callback",
			"You can end this at any time at https://mcp.example.com/connections.",
		}, []string{"on this computer", "Signed in as", "international"}},
		"loopback client, signed in": {"consent-loopback", []string{
			"An app on this computer localhost:33418", "Any program on this computer", "Signed in as owner",
		}, []string{"continue to", "trust this website"}},
		"private-use scheme": {"consent-scheme", []string{
			"An app on this device (cursor://…)", "Signed in as octocat with GitHub",
		}, []string{"on this computer", "goes to anysphere"}},
		"further address": {"consent-further", []string{
			"An app that calls itself “claude-code”", "Not verified by this server. It knows this app’s ID from another address",
			"only your connection", "The response goes to An app on this computer localhost:1455",
		}, []string{"registered again"}},
		"verified": {"consent-verified", []string{
			"“Claude” wants to connect", "Verified by this server.",
		}, []string{"Not verified", "calls itself"}},
		"CIMD-12 published": {"consent-published", []string{
			"“Claude” from claude.ai wants to connect", "Published by claude.ai.", "The response goes to claude.ai",
		}, []string{"Not verified", "Could not be verified", "imitation", "calls itself"}},
		"CIMD-12, A13 only loopback": {"consent-published-local", []string{
			"“Claude Code” from claude.ai wants to connect", "An app on this computer localhost:33418", "the website does not prove",
		}, []string{"imitation"}},
		"CIMD-09 unconfirmed": {"consent-published-unconfirmed", []string{
			"An app that calls itself “Claude”", "Could not be verified right now.", "claims to be published by claude.ai",
		}, []string{"Published by"}},
		"CIMD-09 unread": {"consent-unread", []string{
			"An app without a name wants to connect", "Not verified: its description at github.com could not be read.",
			"An app on this computer 127.0.0.1:33418", "the website does not prove",
		}, []string{"Published by", "registered again"}},
		"B7 published by someone else": {"consent-published-imitation", []string{
			"xn--claud-9va.example does not belong to Claude", "international characters",
		}, nil},
		"nothing known": {"consent-bare", []string{
			"An app without a name", "No one vouches", "Use this server on your behalf", "cannot interpret", "you sign in next",
			"You can end this at any time.",
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mainText(t, all[tc.state])
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("page does not say %q:\n%s", want, got)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(got, not) {
					t.Errorf("page says %q:\n%s", not, got)
				}
			}
		})
	}
}

func TestTargetKind(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"http://127.0.0.1:5/cb":           "An app on this computer 127.0.0.1:5",
		"http://127.9.9.9/cb":             "An app on this computer 127.9.9.9",
		"http://[::1]:5/cb":               "An app on this computer [::1]:5",
		"http://LOCALHOST:5/cb":           "An app on this computer localhost:5",
		"https://localhost.evil.example/": "The response goes to localhost.evil.example Approve",
		"https://127.0.0.1.evil.example/": "The response goes to 127.0.0.1.evil.example Approve",
		"https://claude.ai@evil.example/": "The response goes to evil.example Approve",
		"com.example.app:/cb":             "An app on this device (com.example.app:…)",
		"javascript:alert(1)":             "An address this server cannot interpret javascript:alert(1)",
		"https://:80/":                    "An address this server cannot interpret https://:80/",
		"https://cläude.example/":         "The response goes to xn--clude-hra.example Approve only if you know and trust this website. This is the encoded form of a name with international characters.",
		"https://www.xn--80ak6aa92e.com/": "goes to www.xn--80ak6aa92e.com Approve only if you know and trust this website. This is the encoded form",
	} {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			got := mainText(t, pages.Consent{Client: pages.Client{RedirectURI: uri}})
			if !strings.Contains(got, want) {
				t.Errorf("page does not say %q:\n%s", want, got)
			}
		})
	}
}

type control struct{ Name, Value, Type string }

func controls(t *testing.T, p page) []control {
	t.Helper()
	var got []control
	for _, n := range elements(t, body(t, p)) {
		if n.DataAtom == atom.Input || n.DataAtom == atom.Button {
			got = append(got, control{attr(n, "name"), attr(n, "value"), attr(n, "type")})
		}
	}
	return got
}

func TestConsentControls(t *testing.T) {
	t.Parallel()
	got := controls(t, pages.Consent{Form: form, Client: claude})
	want := []control{
		{"request", "r-4711", "hidden"},
		{"csrf", "c-0815", "hidden"},
		{"action", "deny", "submit"},
		{"", "", "button"}, // in the place of the next one while that is locked
		{"action", "approve", "submit"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("controls (-want +got):\n%s", diff)
	}
	for _, n := range elements(t, body(t, pages.Consent{})) {
		if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "autofocus" }) {
			t.Errorf("<%s> is focused on the consent page", n.Data)
		}
	}
}

func TestSignInControls(t *testing.T) {
	t.Parallel()
	p := pages.SignIn{Username: "owner", Form: form, Client: claude, Error: "Wrong."}
	want := []control{
		{"request", "r-4711", "hidden"},
		{"csrf", "c-0815", "hidden"},
		{"username", "owner", "text"},
		{"password", "", "password"},
		{"", "", "submit"},
	}
	if diff := cmp.Diff(want, controls(t, p)); diff != "" {
		t.Errorf("controls (-want +got):\n%s", diff)
	}
	for _, n := range named(elements(t, body(t, p)), atom.Input) {
		if attr(n, "type") == "text" && (attr(n, "autocomplete") != "username" || !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "readonly" })) {
			t.Errorf("user name field: %v", n.Attr)
		}
		if attr(n, "type") != "password" {
			continue
		}
		got := []string{attr(n, "autocomplete"), attr(n, "aria-invalid"), attr(n, "aria-describedby")}
		if diff := cmp.Diff([]string{"current-password", "true", "error hint"}, got); diff != "" {
			t.Errorf("password field (-want +got):\n%s", diff)
		}
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	for _, p := range []page{pages.SignIn{Form: form}, pages.Consent{Form: form}} {
		forms := named(elements(t, body(t, p)), atom.Form)
		if len(forms) != 1 {
			t.Fatalf("page has %d forms", len(forms))
		}
		got := []string{attr(forms[0], "method"), attr(forms[0], "action")}
		if diff := cmp.Diff([]string{"post", "/consent"}, got); diff != "" {
			t.Errorf("form (-want +got):\n%s", diff)
		}
	}
}
