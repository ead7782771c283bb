package pages_test

import (
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// colors returns the custom properties of one block of the style sheet.
func colours(block string) map[string]string {
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(block, -1) {
		found[m[1]] = m[2]
	}
	return found
}

// luminance is the relative luminance of a color "rrggbb" (WCAG 2.2).
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(colour, 16, 32)
	if err != nil {
		t.Fatalf("color %q: %v", colour, err)
	}
	linear := func(shift uint) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

// TestContrast holds text to 4.5:1 and the edges of fields and the focus ring
// to 3:1 (WCAG 2.2, 1.4.3 and 1.4.11), in both color schemes.
func TestContrast(t *testing.T) {
	t.Parallel()
	checkContrast(t, states()["done"])
}

// schemes returns the colors of a page's style sheet, light and dark. What an operator chose
// stands at its end.
func schemes(t *testing.T, p page) map[string]map[string]string {
	t.Helper()
	_, sheet, _ := strings.Cut(body(t, p), "<style>")
	sheet, _, _ = strings.Cut(sheet, "</style>")
	const scheme = "@media (prefers-color-scheme: dark)"
	light, rest, ok := strings.Cut(sheet, scheme)
	dark, rest, ok2 := strings.Cut(rest, "*,")
	if !ok || !ok2 {
		t.Fatal("style sheet has no dark scheme")
	}
	_, own, _ := strings.Cut(rest, "\n:root {")
	ownLight, ownDark, _ := strings.Cut(own, scheme)
	found := map[string]map[string]string{"light": colours(light), "dark": colours(dark)}
	maps.Copy(found["light"], colours(ownLight))
	maps.Copy(found["dark"], colours(ownDark))
	return found
}

func checkContrast(t *testing.T, p page) {
	t.Helper()
	for scheme, c := range schemes(t, p) {
		if deny, approve := luminance(t, c["counter"]), luminance(t, c["accent"]); scheme == "dark" && deny >= approve {
			t.Errorf("%s: Deny (%.2f) is brighter than Approve (%.2f)", scheme, deny, approve)
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "ground", 4.5},
			{"ink", "card", 4.5},
			{"ink", "well", 4.5},
			{"soft", "ground", 4.5},
			{"soft", "card", 4.5},
			{"soft", "well", 4.5},
			{"on-accent", "accent", 4.5},
			{"on-accent", "accent-strong", 4.5},
			{"on-counter", "counter", 4.5},
			{"on-counter", "counter-strong", 4.5},
			{"warn", "warn-well", 4.5},
			{"warn", "card", 4.5},
			{"good", "good-well", 4.5},
			{"error", "card", 4.5},
			{"field-edge", "card", 3},
			{"accent", "card", 4.5},
			{"accent", "ground", 4.5},
			{"accent", "well", 4.5},
			{"counter", "card", 3},
		} {
			a, b := luminance(t, c[pair.front]), luminance(t, c[pair.back])
			if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < pair.least {
				t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", scheme, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

func TestStyleLoadsNothing(t *testing.T) {
	t.Parallel()
	_, sheet, _ := strings.Cut(body(t, states()["done"]), "<style>")
	sheet, _, _ = strings.Cut(sheet, "</style>")
	for _, word := range []string{"url(", "@import", "@font-face", "//", "expression", "<"} {
		if strings.Contains(sheet, word) {
			t.Errorf("style sheet has %q", word)
		}
	}
	for _, word := range []string{"prefers-color-scheme: dark", "prefers-reduced-motion: reduce", ":focus-visible"} {
		if !strings.Contains(sheet, word) {
			t.Errorf("style sheet lacks %q", word)
		}
	}
}
