package display

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may follow each other: enough for any
// living script, too few to climb over the neighboring lines.
const maxMarks = 3

// invisible holds the runes that change or hide a text without showing
// themselves: controls, bidirectional overrides and isolates, zero-width and
// filler characters, private use and unassigned runes.
var invisible = []*unicode.RangeTable{
	unicode.C, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
}

const brailleBlank = '\u2800' // a letter to Unicode, empty to the eye

// Line returns s as one line of visible text: invisible runes and invalid
// UTF-8 are dropped, runs of white space become one space, and what is longer
// than limit runes ends in an ellipsis.
func Line(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	var b strings.Builder
	count, marks, space := 0, 0, false
	for _, r := range Bound(s) {
		switch {
		case unicode.IsSpace(r) || r == brailleBlank:
			space = count > 0
			continue
		case r == utf8.RuneError || unicode.In(r, invisible...):
			continue
		case !unicode.Is(unicode.M, r):
			marks = 0
		case marks >= maxMarks:
			continue
		default:
			marks++
		}
		if space {
			b.WriteByte(' ')
			count, space = count+1, false
		}
		b.WriteRune(r)
		count++
	}
	return Cut(b.String(), limit)
}

// isPlain reports whether s is visible ASCII with single spaces between words, as almost
// all identifiers are: there is nothing to clean.
func isPlain(s string) bool {
	space := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' && !space:
			space = true
		case c > ' ' && c < utf8.RuneSelf-1:
			space = false
		default:
			return false
		}
	}
	return !space || s == ""
}

// Bound bounds the work on a string that no page shows in full. What
// it cuts off lies behind a full page of text or behind invisible runes.
func Bound(s string) string {
	const limit = 16 << 10
	if len(s) > limit {
		return s[:limit]
	}
	return s
}

// Cut shortens s to limit runes, the last of which is then an ellipsis.
func Cut(s string, limit int) string {
	count, end := 0, 0
	for i := range s {
		if count++; count == limit {
			end = i
		}
		if count > limit {
			return strings.TrimRight(s[:end], " ") + "…"
		}
	}
	return s
}
