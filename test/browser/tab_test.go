//go:build browser

package browser_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

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

// tab is a tab of a browser that no one has used before: it has cookies of its
// own. It remembers what continued in it.
type tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // the tab is its context

	names names // of what the pages speak of

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
	b := &tab{t: t, ctx: ctx, names: usual}
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

// seen returns what continued in the tab so far.
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
	return b.load(clickOn(`button[value="` + action + `"]`))
}

// clickOn waits for a button as a person does who moves the pointer to it: Approve is
// locked at first.
func clickOn(selector string) chromedp.Action[chromedp.Void] {
	button := chromedp.CSS(selector)
	return func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		at, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](`(() => {
			const e = document.querySelector('.choice') || document.querySelector('button')
			e.scrollIntoView({block: 'center', behavior: 'instant'})
			const r = e.getBoundingClientRect()
			return [r.x + r.width / 2, r.y + r.height / 2]
		})()`))
		if err != nil {
			return chromedp.Void{}, err
		}
		err = chromedp.Do(ctx, chromedp.MouseEvent(chromedp.MouseMoved, at[0], at[1]), chromedp.WaitVisible(button))
		for unlocked := false; err == nil && !unlocked; {
			unlocked, err = chromedp.Run(ctx, chromedp.Evaluate[bool](
				`getComputedStyle(document.querySelector('`+selector+`')).pointerEvents === 'auto'`))
		}
		if err != nil {
			return chromedp.Void{}, err
		}
		return chromedp.Void{}, chromedp.Do(ctx, chromedp.Click(button))
	}
}
