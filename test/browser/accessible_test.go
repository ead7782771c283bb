//go:build browser

package browser_test

import (
	"encoding/json"
	"fmt"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
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

// checkAccessibility looks at the page as a screen reader does. The controls are
// what it offers, as role and accessible name.
func (b *tab) checkAccessibility(controls []string) {
	b.t.Helper()
	b.checkOutline()
	var got []string
	for _, role := range []string{"textbox", "button", "link"} {
		for _, e := range b.accessible(role) {
			got = append(got, role+" "+e.name)
		}
	}
	if diff := cmp.Diff(controls, got); diff != "" {
		b.t.Errorf("controls (-want +got):\n%s", diff)
	}
}

// checkOutline checks headings, landmarks and the language.
func (b *tab) checkOutline() {
	b.t.Helper()
	top := 0
	for _, h := range b.accessible("heading") {
		if h.level == "1" {
			top++
		}
		if h.name == "" {
			b.t.Error("a heading has no name")
		}
	}
	if top != 1 {
		b.t.Errorf("%d headings of level 1", top)
	}
	if n := len(b.accessible("main")); n != 1 {
		b.t.Errorf("%d main landmarks", n)
	}
	if lang := eval[string](b, `document.documentElement.lang`); lang != "en" {
		b.t.Errorf("language %q", lang)
	}
}
