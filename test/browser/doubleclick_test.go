//go:build browser

package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// locked is shorter than Approve is locked after pointer or focus have come.
const locked = 650 * time.Millisecond

// attack tries to approve by clicks that are meant for something else. It returns false
// if the machine was too slow for it to say anything.
func (b *tab) attack(hit func(), pauses ...time.Duration) (inTime bool) {
	b.t.Helper()
	began := time.Now()
	for _, pause := range append([]time.Duration{0}, pauses...) {
		time.Sleep(pause)
		hit()
	}
	return time.Since(began) < locked
}

// withstands runs an attack on fresh consent pages until the machine was fast enough for
// one, and checks that it brought nothing. It ends on the page that was attacked.
func withstands(t *testing.T, b *tab, arrive func() *app, hit func(), pauses ...time.Duration) *app {
	t.Helper()
	for range 10 {
		a := arrive()
		inTime := b.attack(hit, pauses...)
		if !inTime {
			continue
		}
		time.Sleep(200 * time.Millisecond) // a request would be on its way
		a.noAnswer(t)
		b.shows("wants to connect")
		return a
	}
	t.Skip("this machine needs longer for a click than Approve is locked")
	return nil
}

// over is the place of Approve.
func (b *tab) over() (x, y float64) {
	b.t.Helper()
	at := eval[[]float64](b, `(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector('button[value="approve"]').getBoundingClientRect())`)
	return at[0], at[1]
}

// TestDoubleClick: a consent page that comes under a double click, just loaded or after a
// long time without the pointer, is not approved; a click after a while is.
func TestDoubleClick(t *testing.T) {
	t.Parallel()
	for name, media := range map[string]string{"motion": "no-preference", "reduced motion": "reduce"} {
		for wait, loaded := range map[string]time.Duration{"just loaded": 0, "loaded before": 1500 * time.Millisecond} {
			t.Run(name+", "+wait, func(t *testing.T) {
				t.Parallel()
				b := newTab(t)
				b.reduceMotion(media)
				var x, y float64
				a := withstands(t, b, func() *app {
					a := toConsent(b)
					time.Sleep(loaded)
					x, y = b.over()
					return a
				}, func() { b.do(chromedp.MouseClickXY(x, y)) }, 100*time.Millisecond, 300*time.Millisecond)
				b.waitUnlocked("auto")
				b.load(chromedp.MouseClickXY(x, y))
				a.answer(t)
				b.quiet()
			})
		}
	}
}

func (b *tab) reduceMotion(preference string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: preference}},
	})
	if err != nil {
		b.fatal(err)
	}
}

// TestDoubleClickThroughWindow: the page was loaded long before, behind a window of the
// attacker's that closes under the first click of a double click.
func TestDoubleClickThroughWindow(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	a := toConsent(b)
	consent := b.location()
	attacker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/above" {
			_, _ = fmt.Fprint(w, `<title>Play</title><body style="height:100vh" onmousedown="window.close()">Double-click to play`)
			return
		}
		_, _ = fmt.Fprintf(w, `<title>Game</title><body style="height:100vh" onclick="window.open('/above'); location = '%s'">Start`, consent)
	}))
	t.Cleanup(attacker.Close)
	above := b.opened(func() {
		b.open(attacker.URL, http.StatusOK)
		b.load(chromedp.MouseClickXY(50, 50))
	})
	b.shows("wants to connect")
	x, y := b.over()
	time.Sleep(1500 * time.Millisecond)
	began := time.Now()
	_, _ = chromedp.Run(above, chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonLeft)) // which closes it
	b.do(chromedp.MouseClickXY(x, y, chromedp.ClickCount(2)), chromedp.MouseClickXY(x, y, chromedp.ClickCount(3)))
	if time.Since(began) > locked {
		t.Skip("this machine needs longer for a click than Approve is locked")
	}
	time.Sleep(200 * time.Millisecond)
	a.noAnswer(t)
	b.shows("wants to connect")
	b.press("approve")
	a.answer(t)
}

// opened returns the tab that an action opens.
func (b *tab) opened(act func()) context.Context {
	b.t.Helper()
	known := map[target.ID]bool{}
	for _, info := range b.targets() {
		known[info.TargetID] = true
	}
	act()
	var found target.ID
	own := chromedp.FromContext(b.ctx).Target.TargetID
	b.until("a window has opened", func() bool {
		for _, info := range b.targets() {
			if !known[info.TargetID] && info.OpenerID == own {
				found = info.TargetID
			}
		}
		return found != ""
	})
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(found))
	b.t.Cleanup(cancel)
	return ctx
}

func (b *tab) targets() []*target.Info {
	b.t.Helper()
	list, err := chromedp.Targets(b.ctx)
	if err != nil {
		b.fatal(err)
	}
	return list
}

// TestHastyKeyboard: keys that come as fast as a program types them do not approve. The
// keyboard approves once Approve is unlocked, also from behind.
func TestHastyKeyboard(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	a := withstands(t, b, func() *app { return toConsent(b) },
		func() { b.keys(tabKey + tabKey + tabKey + enterKey + " ") })
	b.waitUnlocked("none")
	b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	for range 5 {
		if b.focus() == "approve" {
			break
		}
		b.do(chromedp.KeyEvent(tabKey, chromedp.KeyModifiers(chromedp.ModifierShift)))
	}
	wantFocus(b, "approve")
	b.submit(enterKey)
	a.answer(t)
}

// TestTouch: the first tap, and a double tap, only unlock Approve, which the page says.
func TestTouch(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.setScreen(emulation.SetDeviceMetricsOverrideParams{Width: 375, Height: 740, DeviceScaleFactor: 2, Mobile: true})
	if _, err := chromedp.Call(b.ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true, MaxTouchPoints: 1}); err != nil {
		b.fatal(err)
	}
	var x, y float64
	tap := func() {
		for _, typ := range []input.DispatchTouchEventType{input.DispatchTouchEventTypeTouchStart, input.DispatchTouchEventTypeTouchEnd} {
			touch := input.DispatchTouchEventParams{Type: typ, TouchPoints: []*input.TouchPoint{}}
			if typ == input.DispatchTouchEventTypeTouchStart {
				touch.TouchPoints = append(touch.TouchPoints, &input.TouchPoint{X: x, Y: y})
			}
			if _, err := chromedp.Call(b.ctx, input.DispatchTouchEvent, touch); err != nil {
				b.fatal(err)
			}
		}
	}
	a := withstands(t, b, func() *app {
		a := toConsent(b)
		b.shows("The first tap unlocks Approve")
		x, y = b.over()
		return a
	}, tap, 150*time.Millisecond)
	b.waitUnlocked("auto")
	tap()
	a.answer(t)
}
