//go:build browser

package browser_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	chromiumVariable = "MCPKEEP_TEST_CHROMIUM"   // path of the browser
	requireVariable  = "MCPKEEP_REQUIRE_BROWSER" // any value: a missing browser fails the tests
)

var errNoBrowser = errors.New("no Chromium or Chrome found: install one, or set " + chromiumVariable + " to its path")

// chromium is the browser that all tests share. Each has windows with cookie
// jars of its own in it.
var chromium sharedBrowser

type sharedBrowser struct {
	once   sync.Once
	ctx    context.Context //nolint:containedctx // the browser is its context
	cancel func()
	err    error
}

// context returns the context of the running browser. Without one the test is
// skipped, or fails where a browser is required.
func (b *sharedBrowser) context(t *testing.T) context.Context {
	t.Helper()
	b.once.Do(func() { b.err = b.start() })
	if errors.Is(b.err, errNoBrowser) && os.Getenv(requireVariable) == "" {
		t.Skip(b.err)
	}
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.ctx
}

func (b *sharedBrowser) start() error {
	path, err := findChromium()
	if err != nil {
		return err
	}
	alloc, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.Flag("headless", "new"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("lang", "en-US"), chromedp.Flag("host-resolver-rules", hosted.resolverRule()+",MAP "+plainHost+" 127.0.0.1"))
	b.ctx, _ = chromedp.NewContext(alloc)
	b.cancel = cancel
	if err := chromedp.Do(b.ctx); err != nil {
		cancel()
		return fmt.Errorf("start %s: %w", path, err)
	}
	return nil
}

func (b *sharedBrowser) close() {
	if b.cancel == nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	_ = chromedp.Cancel(ctx)
	b.cancel()
}

// findChromium returns the browser named by the variable, else an installed one.
func findChromium() (string, error) {
	if path := os.Getenv(chromiumVariable); path != "" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", chromiumVariable, err)
		}
		return found, nil
	}
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
		"/Applications/Chromium.app/Contents/MacOS/Chromium",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoBrowser
}
