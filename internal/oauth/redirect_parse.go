package oauth

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

func badRedirect(description string) error {
	return NewError(InvalidRedirectURI, description)
}

// parseURI parses a redirect URI. See ParseRedirectURI.
func parseURI(s string) (RedirectURI, error) {
	if err := checkCharacters(s); err != nil {
		return RedirectURI{}, err
	}
	scheme, rest, found := strings.Cut(s, ":")
	if !found || !validScheme(scheme) {
		return RedirectURI{}, badRedirect("a redirect URI must be absolute, with a valid scheme")
	}
	u := RedirectURI{text: s, scheme: strings.ToLower(scheme)}
	if refusedSchemes[u.scheme] {
		return RedirectURI{}, badRedirect("this scheme is not allowed for redirect URIs")
	}
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		rest, u.query = rest[:i], rest[i:]
	}
	u.path = rest
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		end := strings.IndexByte(after+"/", '/')
		u.path = after[end:]
		if u.host, u.port, ok = splitAuthority(after[:end]); !ok {
			return RedirectURI{}, badRedirect("a redirect URI must not contain user information or an invalid port")
		}
	} else if !strings.HasPrefix(rest, "/") {
		return RedirectURI{}, badRedirect("the scheme of a redirect URI must be followed by a slash")
	}
	return u, u.check()
}

// checkCharacters allows the characters of RFC 3986 §2 and nothing that some
// parser strips, decodes or takes for something else.
func checkCharacters(s string) error {
	if s == "" || len(s) > maxURI {
		return badRedirect("a redirect URI must have 1 to 2048 characters")
	}
	if strings.Contains(s, "#") {
		return badRedirect("a redirect URI must not have a fragment")
	}
	for i := range len(s) {
		switch c := s[i]; {
		case isUnreserved(c), strings.IndexByte(":/?[]@!$&'()*+,;=", c) >= 0:
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
		default:
			return badRedirect("a redirect URI must contain only RFC 3986 characters; percent-encode others")
		}
	}
	return nil
}

// validScheme is the grammar of RFC 3986 §3.1 with two characters or more: one
// letter is a drive on Windows.
func validScheme(s string) bool {
	return len(s) >= 2 && isLetter(s[0]) && consistsOf(s, func(c byte) bool {
		return isLetter(c) || isDigit(c) || c == '+' || c == '-' || c == '.'
	})
}

// splitAuthority takes host and port apart; with user information it fails.
func splitAuthority(authority string) (host, port string, ok bool) {
	if strings.Contains(authority, "@") {
		return "", "", false
	}
	end := strings.LastIndexByte(authority, ']') + 1 // an IPv6 address has colons of its own
	colon := strings.IndexByte(authority[end:], ':')
	if colon < 0 {
		return authority, "", true
	}
	host, port = authority[:end+colon], authority[end+colon+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	return host, port, err == nil && n > 0 && port[0] != '0'
}

// check applies the rules for the pieces.
func (u RedirectURI) check() error {
	switch {
	case strings.ContainsAny(u.path+u.query, "[]"):
		return badRedirect("brackets must be percent-encoded in the path and query of a redirect URI")
	case slices.ContainsFunc(strings.Split(u.path, "/"), isDotSegment):
		return badRedirect("a redirect URI must not contain dot segments")
	case !u.isWeb():
		if !consistsOf(u.host, isUnreserved) || u.host == "" && u.port != "" {
			return badRedirect("the authority of the redirect URI is malformed")
		}
	case !validHost(u.host):
		return badRedirect("a redirect URI must have a host in its canonical form: a domain name or an IP address")
	case u.scheme == "http" && !u.IsLoopback():
		return badRedirect("http is allowed for 127.0.0.1, [::1] and localhost only; use https")
	}
	return nil
}

// isDotSegment also knows the encoded forms, which browsers resolve as well.
func isDotSegment(segment string) bool {
	decoded := strings.ReplaceAll(strings.ToLower(segment), "%2e", ".")
	return decoded == "." || decoded == ".."
}

// validHost accepts what every parser reads as the same host.
func validHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return ok && err == nil && addr.Is6() && !addr.Is4In6() && addr.Zone() == "" && addr.String() == inner
	}
	labels := strings.Split(host, ".")
	if len(host) > 253 || !consistsOfLabels(labels) {
		return false
	}
	if isDigit(labels[len(labels)-1][0]) {
		// Browsers read 2130706433, 127.1 and 0x7f.1 as IPv4 addresses. No
		// top-level domain begins with a digit.
		addr, err := netip.ParseAddr(host)
		return err == nil && addr.String() == host
	}
	return !hasPunycode(labels) || isLookupForm(host)
}

func consistsOfLabels(labels []string) bool {
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || !consistsOf(l, isBase64URL) {
			return false
		}
	}
	return true
}

func hasPunycode(labels []string) bool {
	return slices.ContainsFunc(labels, func(l string) bool {
		return len(l) >= 4 && strings.EqualFold(l[:4], "xn--")
	})
}

// isLookupForm reports whether an internationalized name is what its Unicode
// form is looked up as (RFC 5891 §5).
func isLookupForm(host string) bool {
	ascii, err := idna.Lookup.ToASCII(host)
	return err == nil && strings.EqualFold(ascii, host)
}
