//go:build browser

package browser_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	tabKey   = "\t"
	enterKey = "\r"
)

// tab is a tab of a browser that nobody has used before: it has cookies of its
// own. It remembers what went on in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	console  []string // warnings and errors, but for HTTP statuses
	dialogs  []string
	requests []string // URLs of navigations, redirects included
	failures []failure
}

// failure is a navigation that did not happen.
type failure struct {
	url, text string
}

// newTab opens a tab that ends with the test.
func newTab(t *testing.T) *tab {
	t.Helper()
	bounded, cancelTime := context.WithTimeout(chromium.context(t), patience)
	t.Cleanup(cancelTime)
	ctx, cancel := chromedp.NewContext(bounded, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	urls := map[network.RequestID]string{}
	err := chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch ev := ev.(type) {
		case *network.EventRequestWillBeSent:
			if ev.Type == network.ResourceTypeDocument {
				urls[ev.RequestID] = ev.Request.URL
				b.requests = append(b.requests, ev.Request.URL)
			}
		case *network.EventLoadingFailed:
			if ev.Type == network.ResourceTypeDocument {
				b.failures = append(b.failures, failure{urls[ev.RequestID], ev.ErrorText})
			}
		default:
			b.note(ev)
		}
	})
	if err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	return b
}

// note keeps what a person with the developer tools open would see.
func (b *tab) note(ev any) {
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		if ev.Entry.Level != log.EntryLevelVerbose && !strings.HasPrefix(ev.Entry.Text, "Failed to load resource: the server responded with") {
			b.console = append(b.console, fmt.Sprintf("%s: %s", ev.Entry.Level, ev.Entry.Text))
		}
	case *runtime.EventConsoleAPICalled:
		b.console = append(b.console, fmt.Sprintf("console.%s", ev.Type))
	case *runtime.EventExceptionThrown:
		b.console = append(b.console, "exception: "+ev.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		b.dialogs = append(b.dialogs, ev.Message)
	}
}

// seen returns what went on in the tab so far.
func (b *tab) seen() (console, dialogs, requests []string, failures []failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.console), slices.Clone(b.dialogs), slices.Clone(b.requests), slices.Clone(b.failures)
}

// quiet fails the test if the browser complained about anything, such as a
// violated Content-Security-Policy, or a script ran.
func (b *tab) quiet() {
	b.t.Helper()
	console, dialogs, _, _ := b.seen()
	if len(console) > 0 || len(dialogs) > 0 {
		b.t.Errorf("the browser's console says %q, dialogs %q", console, dialogs)
	}
}

// do runs actions that stay on the page.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.fatal(err)
	}
}

// load runs actions that lead to another page and returns its HTTP status.
func (b *tab) load(actions ...chromedp.Action[chromedp.Void]) int {
	b.t.Helper()
	resp, err := chromedp.RunResponse(b.ctx, actions...)
	if err != nil {
		b.fatal(err)
	}
	return int(resp.Status)
}

func (b *tab) fatal(err error) {
	b.t.Helper()
	console, _, requests, failures := b.seen()
	b.t.Fatalf("%v\nrequests: %q\nfailures: %q\nconsole: %q", err, requests, failures, console)
}

// open opens a URL, which must answer with the status.
func (b *tab) open(url string, status int) {
	b.t.Helper()
	if got := b.load(chromedp.Navigate(url)); got != status {
		b.t.Fatalf("%s answered %d, want %d; the page says:\n%s", url, got, status, b.text())
	}
}

// keys types, and stays on the page.
func (b *tab) keys(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// submit types keys of which the last one submits, and returns the next page's status.
func (b *tab) submit(keys string) int {
	b.t.Helper()
	return b.load(chromedp.KeyEvent(keys))
}

// signIn types the password into the field that has the keyboard by itself, and
// presses Enter. It returns the next page's status.
func (b *tab) signIn(password string) int {
	b.t.Helper()
	b.waitFocus("password")
	return b.submit(password + enterKey)
}

// press clicks a button of the consent page and returns the next page's status.
func (b *tab) press(action string) int {
	b.t.Helper()
	return b.load(clickOn(action))
}

func clickOn(action string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(`button[value="` + action + `"]`))
}

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
