package brand

import (
	"regexp"
	"strings"
)

// elements are those of SVG that draw, or describe what is drawn. There is none that runs,
// embeds, links or moves.
var elements = set(`svg g defs symbol use title desc path rect circle ellipse line polyline polygon text tspan
	linearGradient radialGradient stop clipPath mask style`)

// withText are the elements whose text counts.
var withText = set("title desc text tspan")

// spaces are the declarations that the root element may have.
var spaces = map[string]string{"xmlns": svgSpace, "xmlns:xlink": xlinkSpace, "xmlns:svg": svgSpace, "xmlns:xml": xmlSpace}

// attributes are those that may be set, and what their values are held to.
var attributes = func() map[string]func(string) bool {
	all := map[string]func(string) bool{
		"href": isFragment, "xlink:href": isFragment, "style": plainStyle, "id": isName, "class": plainValue,
		"aria-label": anyText, "data-name": anyText, "aria-labelledby": plainValue, "aria-hidden": plainValue, "role": plainValue,
		"xml:space": plainValue, "xml:lang": plainValue, "lang": plainValue, "type": isCSS,
	}
	for name := range set(`version baseProfile x y x1 y1 x2 y2 cx cy r rx ry fx fy fr dx dy width height d points
		viewBox preserveAspectRatio transform pathLength rotate textLength lengthAdjust offset
		gradientUnits gradientTransform spreadMethod clipPathUnits maskUnits maskContentUnits mask-type
		fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin
		stroke-miterlimit stroke-dasharray stroke-dashoffset color opacity display visibility overflow
		clip-path clip-rule mask stop-color stop-opacity vector-effect paint-order shape-rendering
		text-rendering color-interpolation enable-background isolation mix-blend-mode transform-origin
		font-family font-size font-style font-weight font-variant font-stretch letter-spacing word-spacing
		text-anchor text-decoration dominant-baseline alignment-baseline baseline-shift direction writing-mode`) {
		all[name] = plainValue
	}
	return all
}()

func set(names string) map[string]bool {
	known := map[string]bool{}
	for _, name := range strings.Fields(names) {
		known[name] = true
	}
	return known
}

var (
	fragment = regexp.MustCompile(`^#[A-Za-z_][A-Za-z0-9_.-]*$`)
	name     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	// plain has no room for a slash, which an address needs, an at sign, an escape or a
	// comment of CSS.
	plain     = regexp.MustCompile(`^[A-Za-z0-9#.,:;%()+\-_'"!\s]*$`)
	sheet     = regexp.MustCompile(`^[A-Za-z0-9#.,:;%()+\-_'"!\s{}>*]*$`)
	function  = regexp.MustCompile(`([A-Za-z0-9_-]*)\s*\(`)
	local     = regexp.MustCompile(`^\s*(?:#[A-Za-z_][A-Za-z0-9_.-]*|'#[A-Za-z_][A-Za-z0-9_.-]*'|"#[A-Za-z_][A-Za-z0-9_.-]*")\s*\)`)
	functions = set("rgb rgba hsl hsla matrix translate translatex translatey scale scalex scaley rotate skewx skewy")
)

func isFragment(value string) bool { return fragment.MatchString(value) }

func isName(value string) bool { return name.MatchString(value) }

func isCSS(value string) bool { return value == "text/css" }

func anyText(string) bool { return true }

// plainValue reports whether a value loads nothing: it refers to its own document at most.
func plainValue(value string) bool { return plain.MatchString(value) && plainFunctions(value) }

// plainStyle reports the same of declarations and rules of CSS.
func plainStyle(css string) bool { return sheet.MatchString(css) && plainFunctions(css) }

func plainFunctions(value string) bool {
	for _, at := range function.FindAllStringSubmatchIndex(value, -1) {
		called, arguments := strings.ToLower(value[at[2]:at[3]]), value[at[1]:]
		if called == "url" && !local.MatchString(arguments) || called != "url" && !functions[called] {
			return false
		}
	}
	return true
}
