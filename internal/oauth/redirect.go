package oauth

import (
	"slices"
	"strings"
)

// maxURI is the longest URI that a client may register, in bytes.
const maxURI = 2048

// RedirectURI is a redirect URI that a client may register, in pieces. It is parsed
// where it enters, and every decision about it is made on the pieces, never on a
// prefix or a pattern of the string. The zero value matches nothing.
type RedirectURI struct {
	text   string // as written
	scheme string // lower case
	host   string // as written, IPv6 in brackets; "" without authority
	port   string // "" when there is none
	path   string
	query  string // with its question mark; "" when there is none
}

// ParseRedirectURI parses a URI that a client may register: an https URI, an
// http URI of a loopback host (127.0.0.1, [::1], localhost), or a hierarchical
// URI of a private-use scheme (RFC 8252 §7). It must be canonical, so that no
// two parsers can read it differently: ASCII of RFC 3986, no user information,
// no fragment, no dot segments, host and port in their normal form.
//
// The error is an *Error with the code invalid_redirect_uri.
func ParseRedirectURI(s string) (RedirectURI, error) {
	u, err := parseURI(s)
	if err != nil {
		return RedirectURI{}, err
	}
	return u, nil
}

// String returns the URI as it was written.
func (u RedirectURI) String() string { return u.text }

// Equal reports whether two URIs are the same string.
func (u RedirectURI) Equal(other RedirectURI) bool { return u.text == other.text }

// Matches reports whether a requested redirect URI is one of the registered ones:
// the same string (RFC 9700 §2.1), or an http URI of the same loopback host that
// differs in nothing but the port (RFC 8252 §7.3; localhost is treated alike
// because most clients use it). A registered URI may be any text: rows of another
// program hold what that accepted.
func (u RedirectURI) Matches(registered []string) bool {
	return u.text != "" && slices.ContainsFunc(registered, func(s string) bool {
		return s == u.text || u.isPortFree() && u.equalButPort(s)
	})
}

// equalButPort compares with a registered loopback URI.
func (u RedirectURI) equalButPort(registered string) bool {
	reg, err := ParseRedirectURI(registered)
	if err != nil {
		return false
	}
	u.text, reg.text = "", ""
	u.port, reg.port = "", ""
	u.path, reg.path = rooted(u.path), rooted(reg.path)
	return u == reg
}

// rooted returns the path that is requested when a URI has none (RFC 3986 §6.2.3).
func rooted(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func (u RedirectURI) isWeb() bool { return u.scheme == "https" || u.scheme == "http" }

// IsLoopback reports whether the URI leads to the user's own machine, where any
// local program can receive the code.
func (u RedirectURI) IsLoopback() bool {
	switch u.host {
	case "127.0.0.1", "[::1]", "localhost":
		return u.isWeb()
	}
	return false
}

// isPortFree: the port of a native app's listener is chosen at the time of the
// request. With https the listener would need a certificate, so it is no such app.
func (u RedirectURI) isPortFree() bool { return u.scheme == "http" && u.IsLoopback() }

// Host returns the host of an http or https URI, in lower case, without port, IPv6
// in brackets. It is "" for private-use schemes, whose authority names no machine.
func (u RedirectURI) Host() string {
	if !u.isWeb() {
		return ""
	}
	return strings.ToLower(u.host)
}

// AllLoopback reports whether all redirect URIs lead to the user's own machine.
func AllLoopback(uris []string) bool {
	return !slices.ContainsFunc(uris, func(s string) bool {
		u, err := ParseRedirectURI(s)
		return err != nil || !u.IsLoopback()
	})
}
