package gateway

import (
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// identify tells the upstream who calls, in headers. Names, addresses and groups are those that the
// sign-in provider reported; an email address is a verified one.
func identify(h http.Header, p principal.Principal) {
	groups := make([]string, len(p.User.Groups))
	for i, group := range p.User.Groups {
		groups[i] = strings.ReplaceAll(escape(group), ",", "%2C")
	}
	for name, value := range map[string]string{
		"X-Mcpkeep-User":   escape(p.User.ID),
		"X-Mcpkeep-Email":  escape(p.User.Email),
		"X-Mcpkeep-Name":   escape(p.User.Name),
		"X-Mcpkeep-Groups": strings.Join(groups, ","),
		"X-Mcpkeep-Client": escape(p.ClientID),
		"X-Mcpkeep-Scope":  escape(p.Scope),
	} {
		if value != "" {
			h[name] = []string{value}
		}
	}
}

// escape makes a header value of any text: printable ASCII stays as it is, and everything
// else, like the percent sign, becomes %XX for each byte of its UTF-8 (RFC 3986 §2.1). White
// space at the ends, which HTTP drops, is escaped as well.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		atEnd := c == ' ' && (i == 0 || i == len(text)-1)
		if c < ' ' || c > '~' || c == '%' || atEnd {
			b.WriteString("%" + string(hexDigits[c>>4]) + string(hexDigits[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

const hexDigits = "0123456789ABCDEF"
