package pages

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

// Lengths in runes of what is shown. A name fits a line or three; a URI is cut
// only where no honest one reaches.
const (
	maxName  = 80
	maxTitle = 120
	maxText  = 600
	maxURI   = 2000
)

// clean makes a text fit to be shown in one line.
func clean(s string, limit int) string { return display.Line(s, limit) }

// visible returns a URI or an identifier with every byte outside printable
// ASCII percent-encoded (RFC 3986 section 2.1), so that what is compared by the
// eye is what is compared by the program. It is cut to limit characters.
func visible(s string, limit int) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(display.Bound(s)) {
		if c > ' ' && c < 0x7f {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return display.Cut(b.String(), limit)
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
