package pages_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html/atom"

	"github.com/mcpkeep/mcpkeep/internal/brand"
	"github.com/mcpkeep/mcpkeep/internal/pages"
)

// TestBrandKeepsTheWarnings: A10. What an operator adds takes no word of the consent page
// away, and no image is allowed without a logo.
func TestBrandKeepsTheWarnings(t *testing.T) {
	t.Parallel()
	plain, ours := states()["consent-web"], states()["consent-branded"]
	if got, want := mainText(t, ours), mainText(t, plain); got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
	for name, want := range map[string]bool{"consent-web": false, "consent-branded": true} {
		got := record(t, states()[name]).Header.Get("Content-Security-Policy")
		if strings.Contains(got, "; img-src 'self';") != want {
			t.Errorf("%s: policy %q, want a source of images: %v", name, got, want)
		}
	}
	for _, a := range named(elements(t, body(t, ours)), atom.A) {
		if attr(a, "target") != "_blank" || attr(a, "rel") != "noopener noreferrer" {
			t.Errorf("the link to %q leaves the question behind", attr(a, "href"))
		}
	}
}

// TestSupport: errors say who helps, also where there is neither code nor reference.
func TestSupport(t *testing.T) {
	t.Parallel()
	links := named(elements(t, body(t, pages.Problem{Server: branded()})), atom.A)
	if len(links) == 0 || attr(links[0], "href") != "mailto:help@example.com" || textOf(links[0]) != "help@example.com" {
		t.Errorf("%d links", len(links))
	}
}

// TestThemeIsOneRule: an accent changes three colors, and adds nothing that could load.
func TestThemeIsOneRule(t *testing.T) {
	t.Parallel()
	sheet := func(s pages.Server) string {
		_, rest, _ := strings.Cut(body(t, pages.Done{Server: s}), "<style>")
		css, _, _ := strings.Cut(rest, "</style>")
		return css
	}
	added, ok := strings.CutPrefix(sheet(branded()), sheet(server))
	if !ok || strings.Count(added, "--") != 6 || strings.ContainsAny(added, "<\\\"'/") {
		t.Errorf("the theme adds %q", added)
	}
}

func TestImageHeaders(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	pages.SetImageHeaders(w.Header(), "image/svg+xml")
	for key, want := range map[string]string{
		"Content-Type": "image/svg+xml", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox",
	} {
		if got := w.Header().Get(key); got != want {
			t.Errorf("%s: %q", key, got)
		}
	}
}

// TestThemesAreLegible holds the pages' pairs of colors to their contrast with accents of
// all kinds.
func TestThemesAreLegible(t *testing.T) {
	t.Parallel()
	for _, color := range []string{"#000000", "#ffffff", "#ff0000", "#ffff00", "#00ff00", "#00ffff", "#0000ff", "#ff00ff", "#808080", "#0b6152"} {
		accent, err := brand.ParseAccent(color)
		if err != nil {
			t.Fatal(err)
		}
		checkContrast(t, pages.Done{Server: pages.Server{Theme: pages.NewTheme(accent)}})
	}
}
