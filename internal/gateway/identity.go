package gateway

import (
	"maps"
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// identify tells the upstream who calls, in headers. Names, addresses and groups are those that the
// sign-in provider reported; an email address is a verified one.
func identify(h http.Header, p principal.Principal) {
	for name, value := range identity(p) {
		h["X-Mcpkeep-"+name] = []string{value}
	}
}

// Variables are the environment's that tell a process whom it works for. Their values are those
// of the headers.
func Variables(p principal.Principal) map[string]string {
	list := identity(p)
	delete(list, "Scope") // that of one token
	variables := make(map[string]string, len(list))
	for name, value := range list {
		variables["MCPKEEP_"+strings.ToUpper(name)] = value
	}
	return variables
}

// identity is what is known of who calls, without what is empty.
func identity(p principal.Principal) map[string]string {
	groups := make([]string, len(p.User.Groups))
	for i, group := range p.User.Groups {
		groups[i] = strings.ReplaceAll(escape(group), ",", "%2C")
	}
	list := map[string]string{
		"User":   escape(p.User.ID),
		"Email":  escape(p.User.Email),
		"Name":   escape(p.User.Name),
		"Groups": strings.Join(groups, ","),
		"Client": escape(p.ClientID),
		"Scope":  escape(p.Scope),
	}
	maps.DeleteFunc(list, func(_, value string) bool { return value == "" })
	return list
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
