package pages

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Lengths in runes of what is shown. A name fits a line or three; a URI is cut
// only where no honest one reaches.
const (
	maxName  = 80
	maxTitle = 120
	maxText  = 600
	maxURI   = 2000

	// maxMarks is how many combining marks may follow each other: enough for any
	// living script, too few to climb over the neighbouring lines.
	maxMarks = 3
)

// invisible holds the runes that change or hide a text without showing
// themselves: controls, bidirectional overrides and isolates, zero-width and
// filler characters, private use and unassigned runes.
var invisible = []*unicode.RangeTable{
	unicode.C, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
}

const brailleBlank = '\u2800' // a letter to Unicode, empty to the eye

// clean returns s as one line of visible text: invisible runes and invalid
// UTF-8 are dropped, runs of white space become one space, and what is longer
// than limit runes ends in an ellipsis.
func clean(s string, limit int) string {
	var b strings.Builder
	count, marks, space := 0, 0, false
	for _, r := range truncateBytes(s) {
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
	return cut(b.String(), limit)
}

// truncateBytes bounds the work on a string that no page shows in full. What
// it cuts off lies behind a full page of text or behind invisible runes.
func truncateBytes(s string) string {
	const limit = 16 << 10
	if len(s) > limit {
		return s[:limit]
	}
	return s
}

// cut shortens s to limit runes, the last of which is then an ellipsis.
func cut(s string, limit int) string {
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

// visible returns a URI or an identifier with every byte outside printable
// ASCII percent-encoded (RFC 3986 section 2.1), so that what is compared by the
// eye is what is compared by the program. It is cut to limit characters.
func visible(s string, limit int) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(truncateBytes(s)) {
		if c > ' ' && c < 0x7f {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return cut(b.String(), limit)
}

// asciiHost returns the host of u, with its port where one is given, in the
// form that DNS sees: lower case, international labels as punycode (RFC 5891).
func asciiHost(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	} else if ascii, err := idna.Punycode.ToASCII(host); err == nil {
		host = ascii
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	return visible(host, maxURI)
}
