//go:build browser

package browser_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// signInLocally gives the password.
func (b *tab) signInLocally() {
	b.t.Helper()
	if status := b.signIn(harness.Password); status != http.StatusOK {
		b.t.Fatalf("sign-in led to %d: %s", status, b.text())
	}
}

// TestFraming puts the pages into frames of another origin, as clickjacking does.
func TestFraming(t *testing.T) {
	t.Parallel()
	b, k, a := newTab(t), startLocal(t), loopbackApp(t, "127.0.0.1")
	authorize := k.connect(t, "Test Client", a)
	b.open(authorize, http.StatusOK)
	b.signInLocally()
	control := k.url + "/.well-known/oauth-authorization-server"
	framed := map[string]bool{authorize: false, b.location(): false, k.url + "/nothing": false, control: true}
	b.wantFrames(framed)
}

// frames returns the URLs of the page's frames and whether they are shown.
func (b *tab) frames() map[string]bool {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		b.fatal(err)
	}
	shown := map[string]bool{}
	for _, f := range tree.FrameTree.ChildFrames {
		if f.Frame.UnreachableURL != "" {
			shown[f.Frame.UnreachableURL] = false
			continue
		}
		shown[f.Frame.URL] = true
	}
	return shown
}

const rightToLeftOverride = "\u202e"

// TestHostileName registers apps whose names are markup or tricks.
func TestHostileName(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, shown string }{
		{`<script>alert(1)</script>`, `<script>alert(1)</script>`},
		{`"><img src=x onerror=alert(1)>`, `"><img src=x onerror=alert(1)>`},
		{`</title></style><svg onload=alert(1)>`, `</title></style><svg onload=alert(1)>`},
		{"Claude" + rightToLeftOverride + "gpj.exe", "Claudegpj.exe"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b, k, a := newTab(t), startLocal(t), loopbackApp(t, "127.0.0.1")
			b.open(k.connect(t, tc.name, a), http.StatusOK)
			b.wantHarmless(tc.shown)
			b.signInLocally()
			b.wantHarmless(tc.shown)
			b.press("approve")
			wantAnswer(t, k, a.answer(t))
			b.quiet()
		})
	}
}

func (b *tab) wantHarmless(name string) {
	b.t.Helper()
	b.shows("“" + name + "”")
	if n := eval[int](b, `document.querySelectorAll('script, img, svg, iframe').length`); n != 0 {
		b.t.Errorf("%d elements of the app are on the page", n)
	}
	if html := eval[string](b, `document.documentElement.outerHTML`); strings.Contains(html, rightToLeftOverride) {
		b.t.Error("the page holds a right-to-left override")
	}
	b.quiet()
}
