package rules

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxLayers is how often a URI may be percent-encoded.
const maxLayers = 3

// readings returns how servers may read a URI: as it is, in the normal form of URL parsers
// (RFC 3986 §6.2.2, the WHATWG URL standard), and decoded. It reports false for one that
// servers understand too differently: with dot segments, which some resolve, control
// characters and spaces at its ends, which some drop, or encoded again and again.
func readings(uri string) (forms, bool) { return readingsBut(uri, -1) }

// readingsBut leaves a byte encoded: the star of a pattern that stands for itself.
func readingsBut(uri string, keep int) (f forms, certain bool) {
	certain = utf8.ValidString(uri) && strings.Trim(uri, " ") == uri && !strings.ContainsFunc(uri, isControl)
	f.as = []string{uri}
	layer := uri
	for range maxLayers + 1 {
		if strings.ContainsRune(layer, 0) || !utf8.ValidString(layer) || hasDots(norm.NFKC.String(layer)) {
			certain = false
		}
		form := normal(layer)
		f.as = append(f.as, form)
		f.cut = append(f.cut, withoutEnd(form))
		next := decoded(layer, keep)
		if next == layer {
			return f, certain
		}
		layer = next
	}
	return f, false
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// hasDots reports whether a URI has a segment that means this folder or the one above.
func hasDots(uri string) bool {
	for segment := range strings.FieldsFuncSeq(uri, func(c rune) bool { return strings.ContainsRune(`:/\?#`, c) }) {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// ports are the defaults, which URL parsers drop.
var ports = map[string]string{"http": ":80", "ws": ":80", "https": ":443", "wss": ":443", "ftp": ":21"}

// normal is a URI with scheme and authority in lower case, without user and default port,
// with one slash for any number of slashes and backslashes, and with characters in their
// compatible forms.
func normal(uri string) string {
	uri = norm.NFKC.String(uri)
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || strings.ContainsAny(scheme, `/\?#`) {
		return slashes(uri)
	}
	scheme = strings.ToLower(scheme)
	if strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, `\\`) {
		end := len(rest)
		if i := strings.IndexAny(rest[2:], `/\?#`); i >= 0 {
			end = i + 2
		}
		authority := strings.ToLower(rest[2:end])
		authority = authority[strings.LastIndexByte(authority, '@')+1:]
		rest = "/" + strings.TrimSuffix(authority, ports[scheme]) + rest[end:]
	}
	return scheme + ":" + slashes(rest)
}

// slashes replaces each run of slashes and backslashes by one slash.
func slashes(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c == '\\' {
			c = '/'
		}
		if c == '/' && strings.HasSuffix(b.String(), "/") {
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func withoutEnd(form string) string {
	if i := strings.IndexAny(form, "?#"); i >= 0 {
		form = form[:i]
	}
	return strings.TrimRight(form, "/")
}

// decoded replaces each %XX by the byte that it stands for, but for the byte to keep. Other
// percent signs stay.
func decoded(text string, keep int) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			high, low := hexValue(text[i+1]), hexValue(text[i+2])
			if c := high<<4 | low; high >= 0 && low >= 0 && c != keep {
				b.WriteByte(byte(c)) //nolint:gosec // both are below 16
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// hexValue returns the value of a hexadecimal digit, -1 for anything else.
func hexValue(c byte) int {
	i := strings.IndexByte("0123456789abcdefABCDEF", c)
	if i > 15 {
		return i - 6
	}
	return i
}
