//go:build browser

package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// element is what assistive technology knows of an element.
type element struct {
	role, name, description string
	level                   string // of a heading
	invalid                 bool
}

// accessible returns the elements of a role in the accessibility tree.
func (b *tab) accessible(role string) []element {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.fatal(err)
	}
	var found []element
	for _, n := range tree.Nodes {
		if n.Ignored || valueOf(n.Role) != role {
			continue
		}
		e := element{role: role, name: valueOf(n.Name), description: valueOf(n.Description)}
		for _, p := range n.Properties {
			if p.Name == accessibility.PropertyNameLevel {
				e.level = valueOf(p.Value)
			}
			if p.Name == accessibility.PropertyNameInvalid {
				e.invalid = valueOf(p.Value) == "true"
			}
		}
		found = append(found, e)
	}
	return found
}

func valueOf(v *accessibility.Value) string {
	var decoded any
	if v == nil || json.Unmarshal(v.Value, &decoded) != nil {
		return ""
	}
	return fmt.Sprint(decoded)
}

// withoutScript turns scripts off, for the pages to come.
func (b *tab) withoutScript() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.fatal(err)
	}
	// A control: the tests' own expressions run, those of a page do not.
	b.do(chromedp.Navigate(`data:text/html,<title>off</title><script>document.title='on'</script>`))
	if title := eval[string](b, `document.title`); title != "off" {
		b.t.Fatal("scripts still run")
	}
}

// TestAccessibility looks at every page as a screen reader does.
func TestAccessibility(t *testing.T) {
	t.Parallel()
	for _, tc := range gallery {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			tc.visit(b)
			headings := 0
			for _, h := range b.accessible("heading") {
				if h.level == "1" {
					headings++
				}
				if h.name == "" {
					t.Error("a heading has no name")
				}
			}
			if headings != 1 {
				t.Errorf("%d headings of level 1", headings)
			}
			if n := len(b.accessible("main")); n != 1 {
				t.Errorf("%d main landmarks", n)
			}
			if lang := eval[string](b, `document.documentElement.lang`); lang != "en" {
				t.Errorf("language %q", lang)
			}
			var controls []string
			for _, role := range []string{"textbox", "button", "link"} {
				for _, e := range b.accessible(role) {
					controls = append(controls, role+" "+e.name)
				}
			}
			if diff := cmp.Diff(tc.controls, controls); diff != "" {
				t.Errorf("controls (-want +got):\n%s", diff)
			}
		})
	}
}

// gallery has every page that a person can come to.
var gallery = []struct {
	name     string
	visit    func(*tab)
	controls []string // role and accessible name
}{
	{"sign-in", func(b *tab) { toSignIn(b) }, []string{"textbox Password", "button Sign in"}},
	{"sign-in-error", func(b *tab) { toSignIn(b); b.signIn("not it") }, []string{"textbox Password", "button Sign in"}},
	{"consent-local", func(b *tab) { toConsent(b) }, []string{"button Deny", "button Approve"}},
	{"consent-github", toGitHubConsent, []string{"button Deny", "button Approve"}},
	{"error", func(b *tab) { b.open(startLocal(b.t).url+"/authorize?client_id=nobody", http.StatusBadRequest) }, nil},
	{"error-with-link", toErrorWithLink, []string{"link Return to the app"}},
	{"done", toDone, nil},
}

func toSignIn(b *tab) *app {
	k, a := startLocal(b.t), loopbackApp(b.t, "127.0.0.1")
	b.open(k.connect(b.t, "Claude Code", a), http.StatusOK)
	return a
}

func toConsent(b *tab) *app {
	a := toSignIn(b)
	b.signIn(harness.Password)
	return a
}

func toGitHubConsent(b *tab) {
	k, _ := startGitHub(b.t)
	b.open(k.connect(b.t, "ChatGPT", hostedApp(b.t)), http.StatusOK)
}

func toErrorWithLink(b *tab) {
	k, a := startLocal(b.t), loopbackApp(b.t, "127.0.0.1")
	b.open(k.connect(b.t, "Claude Code", a)+"&request_uri=x", http.StatusBadRequest)
}

func toDone(b *tab) {
	a := toConsent(b)
	b.press("approve")
	a.answer(b.t)
	b.back()
	b.load(chromedp.Reload())
}
