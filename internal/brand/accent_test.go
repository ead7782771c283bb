package brand_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/brand"
)

// luminance is the relative luminance of a color #rrggbb (WCAG 2.2).
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(color[1:], 16, 32)
	if err != nil || len(color) != 7 {
		t.Fatalf("color %q: %v", color, err)
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

// TestAccentIsLegible: whatever the color, what is written in it and on it has a contrast of
// 4.5:1 or more with each background of the pages.
func TestAccentIsLegible(t *testing.T) {
	t.Parallel()
	for _, color := range manyColors() {
		accent, err := brand.ParseAccent(color)
		if err != nil {
			t.Fatal(err)
		}
		for scheme, s := range map[string]struct {
			shades  brand.Shades
			grounds []string
		}{
			"light": {accent.Light, []string{"#ffffff", "#f3f4f1", "#f6f7f4"}},
			"dark":  {accent.Dark, []string{"#0f1211", "#181c1a", "#1f2422"}},
		} {
			pairs := [][2]string{{s.shades.On, s.shades.Accent}, {s.shades.On, s.shades.Strong}}
			for _, ground := range s.grounds {
				pairs = append(pairs, [2]string{s.shades.Accent, ground})
			}
			for _, pair := range pairs {
				a, b := luminance(t, pair[0]), luminance(t, pair[1])
				if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < 4.5 {
					t.Errorf("%s, %s: %s on %s is %.2f:1", color, scheme, pair[0], pair[1], got)
				}
			}
			if s.shades.Strong == s.shades.Accent {
				t.Errorf("%s, %s: a button under the pointer looks the same: %s", color, scheme, s.shades.Accent)
			}
		}
	}
}

// manyColors are colors of all hues, pale and strong, dark and light.
func manyColors() []string {
	colors := []string{"#000000", "#FFFFFF", "#808080", "#0b6152", "#ffff00", "#0000ff", "#010101", "#fefefe"}
	for hue := range 360 {
		for _, saturation := range []float64{.1, .5, 1} {
			for _, lightness := range []float64{.02, .25, .5, .75, .98} {
				chroma := saturation * min(lightness, 1-lightness)
				part := func(n float64) int {
					k := math.Mod(n+float64(hue)/30, 12)
					return int(math.Round(255 * (lightness - chroma*max(-1, min(k-3, 9-k, 1)))))
				}
				colors = append(colors, fmt.Sprintf("#%02x%02x%02x", part(0), part(8), part(4)))
			}
		}
	}
	return colors
}

// TestAccentStays: a color that is legible as it is does not change, and no other hue comes out.
func TestAccentStays(t *testing.T) {
	t.Parallel()
	for color, want := range map[string][2]string{ // light, dark
		"#0b6152": {"#0b6152", ""},
		"#6FD0B8": {"", "#6fd0b8"},
		"#ff0000": {"#e00000", "#ff4141"},
		"#ffd700": {"#826e00", "#ffd700"},
		"#1e40af": {"#1e40af", "#6886e5"},
	} {
		got, err := brand.ParseAccent(color)
		if err != nil || want[0] != "" && got.Light.Accent != want[0] || want[1] != "" && got.Dark.Accent != want[1] {
			t.Errorf("%s: %+v, %v, want %v", color, got, err, want)
		}
	}
	for _, color := range []string{"", "red", "#fff", "0b6152", "#0b615g", "#0b61522", "#0b6152;}", "#0b615\n"} {
		if got, err := brand.ParseAccent(color); err == nil {
			t.Errorf("%q: %+v", color, got)
		}
	}
}
