package brand

import (
	"fmt"
	"math"
)

// color is a color of sRGB.
type color struct{ red, green, blue uint8 }

func (c color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.red, c.green, c.blue) }

// luminance is the relative luminance (WCAG 2.2).
func (c color) luminance() float64 {
	linear := func(part uint8) float64 {
		v := float64(part) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.red) + 0.7152*linear(c.green) + 0.0722*linear(c.blue)
}

// contrast is the contrast ratio of two colors (WCAG 2.2), 1 to 21.
func contrast(a, b color) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// hsl returns hue (0 to 6), saturation and lightness (0 to 1).
func (c color) hsl() (hue, saturation, lightness float64) {
	r, g, b := float64(c.red)/255, float64(c.green)/255, float64(c.blue)/255
	high, low := max(r, g, b), min(r, g, b)
	lightness = (high + low) / 2
	chroma := high - low
	if chroma == 0 {
		return 0, 0, lightness
	}
	switch high {
	case r:
		hue = math.Mod((g-b)/chroma+6, 6)
	case g:
		hue = (b-r)/chroma + 2
	default:
		hue = (r-g)/chroma + 4
	}
	return hue, chroma / (1 - math.Abs(2*lightness-1)), lightness
}

// fromHSL is the reverse of hsl.
func fromHSL(hue, saturation, lightness float64) color {
	chroma := (1 - math.Abs(2*lightness-1)) * saturation
	part := func(share float64) uint8 {
		v := lightness + chroma*(max(0, min(1, share))-0.5)
		return uint8(math.Round(255 * max(0, min(1, v))))
	}
	return color{part(math.Abs(hue-3) - 1), part(2 - math.Abs(hue-2)), part(2 - math.Abs(hue-4))}
}
