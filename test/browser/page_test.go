//go:build browser

package browser_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// eval evaluates an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.fatal(err)
	}
	return v
}

// text is the page's visible text, with its lines joined.
func (b *tab) text() string {
	b.t.Helper()
	return strings.Join(strings.Fields(eval[string](b, `document.body.innerText`)), " ")
}

// shows fails the test unless the page shows all of the texts.
func (b *tab) shows(texts ...string) {
	b.t.Helper()
	got := b.text()
	for _, want := range texts {
		if !strings.Contains(got, want) {
			b.t.Errorf("the page does not show %q:\n%s", want, got)
		}
	}
}

// location is the tab's URL, also with scripts turned off.
func (b *tab) location() string {
	b.t.Helper()
	h, err := chromedp.Call(b.ctx, page.GetNavigationHistory, cdp.Empty{})
	if err != nil {
		b.fatal(err)
	}
	return h.Entries[h.CurrentIndex].URL
}

// focus names the element that has the keyboard.
func (b *tab) focus() string {
	b.t.Helper()
	return eval[string](b, `(e => e.value && e.type !== 'password' ? e.value : e.name || e.tagName.toLowerCase())(document.activeElement)`)
}

// waitFocus waits until an element has the keyboard.
func (b *tab) waitFocus(name string) {
	b.t.Helper()
	b.until("the focus is on "+name, func() bool { return b.focus() == name })
}

// waitUnlocked waits until Approve is the button that submits, for the pointer ("auto") or
// without it ("none").
func (b *tab) waitUnlocked(pointer string) {
	b.t.Helper()
	b.until("Approve is unlocked", func() bool {
		return eval[string](b, `(s => s.visibility + ' ' + s.pointerEvents)(getComputedStyle(document.querySelector('.gate .approve')))`) ==
			"visible "+pointer
	})
}

// until waits for a condition.
func (b *tab) until(what string, holds func() bool) {
	b.t.Helper()
	for !holds() {
		select {
		case <-b.ctx.Done():
			b.fatal(fmt.Errorf("waited in vain until %s", what))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// back presses the browser's back button. The browser may show the page as it
// was, from its cache, or ask for it again.
func (b *tab) back() {
	b.t.Helper()
	from := b.location()
	h, err := chromedp.Call(b.ctx, page.GetNavigationHistory, cdp.Empty{})
	if err != nil {
		b.fatal(err)
	}
	to := page.NavigateToHistoryEntryParams{EntryID: h.Entries[h.CurrentIndex-1].ID}
	if _, err := chromedp.Call(b.ctx, page.NavigateToHistoryEntry, to); err != nil {
		b.fatal(err)
	}
	b.until("the page before is there", func() bool {
		return b.location() != from && eval[string](b, `document.readyState`) == "complete"
	})
}
