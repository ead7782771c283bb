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
			"Read your notes", "notes.read", "Your answer goes to claude.ai", "https://mcp.example.com/mcp", "Example Notes",
			"you are sent to GitHub to sign in", "If you did not just connect an app, choose Deny.",
			"https://claude.ai/api/mcp/auth_callback",
		}, []string{"on this computer", "Signed in as", "international"}},
		"loopback client, signed in": {"consent-loopback", []string{
			"An app on this computer localhost:33418", "Any program running here", "Signed in as owner",
		}, []string{"sent to", "trust this website"}},
		"private-use scheme": {"consent-scheme", []string{
			"An app on this device (cursor://…)", "Signed in as octocat with GitHub",
		}, []string{"on this computer", "goes to anysphere"}},
		"verified": {"consent-verified", []string{
			"“Claude” wants to connect", "Verified by this server.",
		}, []string{"Not verified", "calls itself"}},
		"CIMD-12 published": {"consent-published", []string{
			"“Claude” of claude.ai wants to connect", "Published by claude.ai.", "Your answer goes to claude.ai",
		}, []string{"Not verified", "Could not be verified", "imitating", "calls itself"}},
		"CIMD-12, A13 only loopback": {"consent-published-local", []string{
			"“Claude Code” of claude.ai wants to connect", "An app on this computer localhost:33418", "the website does not prove",
		}, []string{"imitating"}},
		"CIMD-09 unconfirmed": {"consent-published-unconfirmed", []string{
			"An app that calls itself “Claude”", "Could not be verified just now.", "said to be of claude.ai",
		}, []string{"Published by"}},
		"B7 published by somebody else": {"consent-published-imitation", []string{
			"xn--claud-9va.example is not a website of Claude", "international letters",
		}, nil},
		"nothing known": {"consent-bare", []string{
			"An app that gave no name", "Nobody vouches", "Use this server in your name", "cannot read", "asked to sign in",
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
		"https://localhost.evil.example/": "Your answer goes to localhost.evil.example Choose",
		"https://127.0.0.1.evil.example/": "Your answer goes to 127.0.0.1.evil.example Choose",
		"https://claude.ai@evil.example/": "Your answer goes to evil.example Choose",
		"com.example.app:/cb":             "An app on this device (com.example.app:…)",
		"javascript:alert(1)":             "An address that this server cannot read javascript:alert(1)",
		"https://:80/":                    "An address that this server cannot read https://:80/",
		"https://cläude.example/":         "Your answer goes to xn--clude-hra.example Choose Approve only if you know and trust this website. This is the technical form of a name with international letters.",
		"https://www.xn--80ak6aa92e.com/": "goes to www.xn--80ak6aa92e.com Choose Approve only if you know and trust this website. This is the technical form",
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
	p := pages.SignIn{Form: form, Client: claude, Error: "Wrong."}
	want := []control{
		{"request", "r-4711", "hidden"},
		{"csrf", "c-0815", "hidden"},
		{"password", "", "password"},
		{"", "", "submit"},
	}
	if diff := cmp.Diff(want, controls(t, p)); diff != "" {
		t.Errorf("controls (-want +got):\n%s", diff)
	}
	for _, n := range named(elements(t, body(t, p)), atom.Input) {
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
