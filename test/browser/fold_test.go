//go:build browser

package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// folds are screens without what browsers take of them.
var folds = []emulation.SetDeviceMetricsOverrideParams{
	{Width: 1280, Height: 800, DeviceScaleFactor: 1},
	{Width: 375, Height: 740, DeviceScaleFactor: 2, Mobile: true},
}

// longest is an app that says as much as registration lets it.
func longest(b *tab) {
	k, a := startLocal(b.t), loopbackApp(b.t, "127.0.0.1")
	a.redirectURI = strings.TrimSuffix(a.redirectURI, callbackPath) + "/" + strings.Repeat("very-long-path/", 30) + "callback"
	b.open(k.connect(b.t, strings.Repeat("Extraordinarily", 6), a), http.StatusOK)
	b.signIn(harness.Password)
}

// TestDecisionIsInView: both buttons are seen without scrolling, however much there is
// to read, and nothing to read ends up beneath them for good.
func TestDecisionIsInView(t *testing.T) {
	t.Parallel()
	for name, visit := range map[string]func(*tab){"local": func(b *tab) { toConsent(b) }, "github": toGitHubConsent, "longest": longest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			visit(b)
			for _, screen := range folds {
				b.setScreen(screen)
				size := fmt.Sprintf("%dx%d", screen.Width, screen.Height)
				for _, opened := range []bool{false, true} {
					eval[bool](b, fmt.Sprintf(`(document.querySelector("details").open = %v, scrollTo(0, 0), true)`, opened))
					b.wantInView(size)
				}
				eval[bool](b, `(scrollTo(0, document.documentElement.scrollHeight), true)`)
				b.wantInView(size + " at the end")
				if covered := eval[float64](b, `document.querySelector('section:last-of-type').getBoundingClientRect().bottom - document.querySelector('form').getBoundingClientRect().top`); covered > 0 {
					t.Errorf("%s: %.0f pixels of the facts stay beneath the buttons", size, covered)
				}
			}
		})
	}
}

// wantInView checks that both buttons lie on the screen, and above everything else.
func (b *tab) wantInView(size string) {
	b.t.Helper()
	for _, action := range []string{"deny", "approve"} {
		seen := eval[bool](b, `(() => {
			const e = document.querySelector('button[value="`+action+`"]'), r = e.getBoundingClientRect()
			const hit = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2)
			return r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight && r.right <= innerWidth &&
				(hit === e || e.parentElement.className === 'gate' && hit.parentElement === e.parentElement)
		})()`)
		if !seen {
			b.t.Errorf("%s: %s is out of view", size, action)
		}
	}
	if share := eval[float64](b, `document.querySelector('form').getBoundingClientRect().height / innerHeight`); share > 1.0/3 {
		b.t.Errorf("%s: the buttons take %.0f%% of the screen", size, 100*share)
	}
}

// TestDarkDecision: in the dark, Deny is not what the eye meets first.
func TestDarkDecision(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	toConsent(b)
	b.setColorScheme("dark")
	deny, approve, locked := b.brightness(".deny"), b.brightness(".approve"), b.brightness(".locked")
	if deny >= approve || deny >= locked {
		t.Errorf("Deny has the luminance %.2f, Approve %.2f, locked %.2f", deny, approve, locked)
	}
}

// brightness is the relative luminance of a button's background (WCAG 2.2).
func (b *tab) brightness(button string) float64 {
	b.t.Helper()
	return eval[float64](b, `getComputedStyle(document.querySelector('button`+button+`')).backgroundColor.match(/\d+/g)
		.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)`)
}
