//go:build browser

package browser_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// screenshotFolder is where people look at the pages; git ignores it.
const screenshotFolder = "../../out/screenshots"

var screens = []struct {
	name          string
	width, height int64
	scale         float64
	mobile        bool
}{
	{"phone", 360, 740, 2, true},
	{"desktop", 1280, 860, 1, false},
}

// takePictures takes a picture of the page on every screen in both color
// schemes, and checks that nothing sticks out.
func (b *tab) takePictures(name string) {
	b.t.Helper()
	if err := os.MkdirAll(screenshotFolder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	for _, screen := range screens {
		b.setScreen(emulation.SetDeviceMetricsOverrideParams{
			Width: screen.width, Height: screen.height, DeviceScaleFactor: screen.scale, Mobile: screen.mobile,
		})
		// The machines of the tests may have no mouse, of which Chromium tells pages.
		eval[bool](b, fmt.Sprintf(`document.querySelectorAll('.touch').forEach(e => { e.style.display = %v ? '' : 'none' }) || true`, screen.mobile))
		// A screen as tall as the page: on a picture of more than the screen, what stays in
		// view would cover the middle.
		b.setScreen(emulation.SetDeviceMetricsOverrideParams{
			Width: screen.width, Height: max(screen.height, eval[int64](b, `document.documentElement.scrollHeight`)),
			DeviceScaleFactor: screen.scale, Mobile: screen.mobile,
		})
		for _, scheme := range []string{"light", "dark"} {
			b.setColorScheme(scheme)
			b.picture(screenshotFolder, name+"-"+screen.name+"-"+scheme+".png")
		}
		if over := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			b.t.Errorf("on a %s the page is %d pixels too wide", screen.name, over)
		}
		if small := eval[int](b, smallTargets); small > 0 {
			b.t.Errorf("on a %s %d controls are too small to hit", screen.name, small)
		}
	}
}

// smallTargets counts what WCAG 2.2 calls targets below 44 by 44 pixels
// (success criterion 2.5.5). A label around a checkbox is part of it.
const smallTargets = `[...document.querySelectorAll('button, a, input:not([type=hidden]), summary')]
	.map(e => (e.closest('label') || e).getBoundingClientRect()).filter(r => r.width < 44 || r.height < 44).length`

func (b *tab) setScreen(p emulation.SetDeviceMetricsOverrideParams) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, p); err != nil {
		b.fatal(err)
	}
}

// setColorScheme switches to light or dark, without the transitions between them.
func (b *tab) setColorScheme(scheme string) {
	b.t.Helper()
	b.setMedia([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}})
	if dark := eval[bool](b, `matchMedia('(prefers-color-scheme: dark)').matches`); dark != (scheme == "dark") {
		b.t.Errorf("the color scheme is not %s", scheme)
	}
}

// setMedia sets what the page is told of the person's settings; the others are as usual.
func (b *tab) setMedia(features []*emulation.MediaFeature) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.fatal(err)
	}
}

// picture writes the whole page, also what is below the fold.
func (b *tab) picture(folder, name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
