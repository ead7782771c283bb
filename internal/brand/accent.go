package brand

import (
	"errors"
	"regexp"
	"strconv"
)

// Accent is one color in the shades that the pages need. Its text and its edges are legible
// in both color schemes.
type Accent struct{ Light, Dark Shades }

// Shades are the colors of one color scheme, such as #0b6152.
type Shades struct {
	Accent string // links, buttons, focus
	Strong string // a button under the pointer
	On     string // text on both
}

// ErrAccent says that a text is no color.
var ErrAccent = errors.New("not a color")

var hexColor = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// The brightest and the darkest background of the pages that the accent stands on (--ground
// of the light color scheme, --well of the dark one), and the text on it.
const (
	lightGround, lightOn = "#f3f4f1", "#ffffff"
	darkWell, darkOn     = "#1f2422", "#06120e"
)

// legible is the least contrast of text (WCAG 2.2, 1.4.3), with room for rounding.
const legible = 4.55

// ParseAccent derives the shades of a color #rrggbb. The hue stays; each scheme has the
// lightness that is nearest to the given one and legible.
func ParseAccent(text string) (Accent, error) {
	if !hexColor.MatchString(text) {
		return Accent{}, ErrAccent
	}
	given := parseColor(text)
	light := given.towards(0, func(c color) bool { return contrast(c, parseColor(lightGround)) >= legible })
	dark := given.towards(1, func(c color) bool { return contrast(c, parseColor(darkWell)) >= legible })
	return Accent{
		Light: Shades{Accent: light.String(), Strong: light.stronger(lightOn, 0, 1).String(), On: lightOn},
		Dark:  Shades{Accent: dark.String(), Strong: dark.stronger(darkOn, 1, 0).String(), On: darkOn},
	}, nil
}

// towards moves the lightness towards black (0) or white (1) until the color is good.
func (c color) towards(end float64, good func(color) bool) color {
	hue, saturation, from := c.hsl()
	for step := range 257 {
		part := float64(step) / 256
		if moved := fromHSL(hue, saturation, from+(end-from)*part); step == 0 && good(c) {
			return c
		} else if good(moved) {
			return moved
		}
	}
	return fromHSL(hue, saturation, end)
}

// stronger is the color under the pointer: nearer to one end of the lightness, or to the
// other one where no room is left and the text on it stays legible.
func (c color) stronger(on string, end, other float64) color {
	hue, saturation, lightness := c.hsl()
	const near, part, visible = .12, .3, .1
	if room := max(end-lightness, lightness-end); room > near {
		return fromHSL(hue, saturation, lightness+(end-lightness)*part)
	}
	for step := part; step >= visible; step -= .02 {
		if moved := fromHSL(hue, saturation, lightness+(other-lightness)*step); contrast(moved, parseColor(on)) >= legible {
			return moved
		}
	}
	return c
}

// parseColor reads #rrggbb.
func parseColor(text string) color {
	n, err := strconv.ParseUint(text[1:], 16, 32)
	if err != nil {
		return color{}
	}
	return color{uint8(n >> 16), uint8(n >> 8), uint8(n)} //nolint:gosec // a byte each
}
