//go:build browser

package browser_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// pageFolder has a picture of each page in each mode, on the narrowest screen; git ignores it.
const pageFolder = "../../out/pages"

// modes are the ways in which people look at pages.
var modes = []struct {
	name     string
	features []*emulation.MediaFeature
}{
	{"light", []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}},
	{"dark", []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}},
	{"forced", []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}, {Name: "prefers-color-scheme", Value: "dark"}}},
}

// finding is what axe has to say about a page.
type finding struct {
	Rule   string   `json:"rule"`
	Help   string   `json:"help"`
	Places []string `json:"places"`
}

// runAxe runs all rules. What axe cannot decide is for people, who have the pictures.
const runAxe = `axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v =>
	({rule: v.id, help: v.help, places: v.nodes.map(n => n.html.slice(0, 200) + ' ' + n.failureSummary)})))`

// axe returns the text of axe-core.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(filepath.Join("node", "node_modules", "axe-core", "axe.min.js"))
	return string(text), err
})

// checkModes has axe look at the page in each mode at 320 pixels, the width of 400 % zoom on
// a common screen, and takes a picture of it.
func (b *tab) checkModes(name string) {
	b.t.Helper()
	harness.NodePackage(b.t, "test", "browser", "node")
	source, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(pageFolder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	b.setScreen(emulation.SetDeviceMetricsOverrideParams{Width: 320, Height: 640, DeviceScaleFactor: 1})
	b.setScreen(emulation.SetDeviceMetricsOverrideParams{
		Width: 320, Height: max(640, eval[int64](b, `document.documentElement.scrollHeight`)), DeviceScaleFactor: 1,
	})
	eval[bool](b, source+"; true")
	for _, mode := range modes {
		b.setMedia(append(mode.features, &emulation.MediaFeature{Name: "prefers-reduced-motion", Value: "reduce"}))
		if forced := eval[bool](b, `matchMedia('(forced-colors: active)').matches`); forced != (mode.name == "forced") {
			b.t.Errorf("%s: the colors are forced: %v", mode.name, forced)
		}
		for _, f := range b.runAxe() {
			b.t.Errorf("%s: %s: %s: %q", mode.name, f.Rule, f.Help, f.Places)
		}
		b.picture(pageFolder, name+b.names.variant+"-"+mode.name+".png")
	}
	if over := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		b.t.Errorf("at 320 pixels the page is %d pixels too wide", over)
	}
}

func (b *tab) runAxe() []finding {
	b.t.Helper()
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]finding](runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fatal(err)
	}
	return found
}

// TestAxeSees is a control: axe complains of a page that is wrong.
func TestAxeSees(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	harness.NodePackage(t, "test", "browser", "node")
	source, err := axe()
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(`data:text/html,<p style="color:%23aaa;background:%23fff">pale</p><input>`))
	eval[bool](b, source+"; true")
	rules := map[string]bool{}
	for _, f := range b.runAxe() {
		rules[f.Rule] = true
	}
	if !rules["color-contrast"] || !rules["label"] || !rules["html-has-lang"] {
		t.Errorf("axe sees %v", rules)
	}
}
