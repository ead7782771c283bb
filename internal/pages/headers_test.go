package pages_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/pages"
)

// TestHeaders: A9, 6749-23, 9700-07, 9700-14.
func TestHeaders(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"Content-Type":                 "text/html; charset=utf-8",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"Cache-Control":                "no-store",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	for name, p := range states() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := record(t, p).Header
			got := map[string]string{}
			for key := range want {
				got[key] = h.Get(key)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			checkPolicy(t, h.Get("Content-Security-Policy"))
			if got := h.Get("Permissions-Policy"); !strings.Contains(got, "camera=()") {
				t.Errorf("Permissions-Policy = %q", got)
			}
		})
	}
}

// checkPolicy asserts that a policy has exactly the directives of our pages
// and that only form-action varies.
func checkPolicy(t *testing.T, policy string) {
	t.Helper()
	var names []string
	for _, directive := range strings.Split(policy, "; ") {
		name, value, _ := strings.Cut(directive, " ")
		names = append(names, name)
		switch name {
		case "default-src", "frame-ancestors", "base-uri":
			if value != "'none'" {
				t.Errorf("%s = %q", name, value)
			}
		case "style-src":
			if !strings.HasPrefix(value, "'sha256-") || strings.Contains(value, " ") {
				t.Errorf("style-src = %q", value)
			}
		case "img-src": // the operator's logo
			if value != "'self'" {
				t.Errorf("img-src = %q", value)
			}
			names = names[:len(names)-1]
		case "form-action":
			if first, _, _ := strings.Cut(value, " "); first != "'self'" {
				t.Errorf("form-action = %q", value)
			}
		}
	}
	want := []string{"default-src", "style-src", "form-action", "frame-ancestors", "base-uri"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("directives of %q (-want +got):\n%s", policy, diff)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		page page
		want int
	}{
		"sign-in":                {pages.SignIn{}, 200},
		"sign-in with status":    {pages.SignIn{Status: 429}, 429},
		"consent":                {pages.Consent{}, 200},
		"problem":                {pages.Problem{Status: 400}, 400},
		"problem without status": {pages.Problem{}, 500},
		"problem that is none":   {pages.Problem{Status: 302}, 500},
		"done":                   {pages.Done{}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := record(t, tc.page).StatusCode; got != tc.want {
				t.Errorf("status = %d, want %d", got, tc.want)
			}
		})
	}
}

func TestStyleHash(t *testing.T) {
	t.Parallel()
	for name, p := range states() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rest, _ := strings.Cut(body(t, p), "<style>")
			sheet, _, _ := strings.Cut(rest, "</style>")
			sum := sha256.Sum256([]byte(sheet))
			want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
			if got := record(t, p).Header.Get("Content-Security-Policy"); !strings.Contains(got, want) {
				t.Errorf("policy %q lacks %q", got, want)
			}
		})
	}
}

func TestKeepsHeadersOfCaller(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.Header().Set("Retry-After", "5")
	if err := (pages.Problem{Status: 503}).Write(w); err != nil {
		t.Fatal(err)
	}
	if got := w.Header().Get("Retry-After"); got != "5" {
		t.Errorf("Retry-After = %q", got)
	}
}

type brokenWriter struct{ *httptest.ResponseRecorder }

var errGone = errors.New("gone")

func (brokenWriter) Write([]byte) (int, error) { return 0, errGone }

func TestReportsBrokenConnection(t *testing.T) {
	t.Parallel()
	var w http.ResponseWriter = brokenWriter{httptest.NewRecorder()}
	if err := (pages.Done{}).Write(w); !errors.Is(err, errGone) {
		t.Errorf("Write = %v, want %v", err, errGone)
	}
}
