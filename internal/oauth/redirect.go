package oauth

import (
	"slices"
	"strings"
)

// maxURI is the longest URI that a client may register, in bytes.
const maxURI = 2048

// redirectURI is a redirect URI in pieces. Every decision about redirect URIs is
// made on them, never on a prefix or a pattern of the string.
type redirectURI struct {
	scheme string // lower case
	host   string // as written, IPv6 in brackets; "" without authority
	port   string // "" when there is none
	path   string
	query  string // with its question mark; "" when there is none
}

// ParseRedirectURI reports whether a client may register s: an https URI, an
// http URI of a loopback host (127.0.0.1, [::1], localhost), or a hierarchical
// URI of a private-use scheme (RFC 8252 §7). It must be canonical, so that no
// two parsers can read it differently: ASCII of RFC 3986, no user information,
// no fragment, no dot segments, host and port in their normal form.
//
// The error is an *Error with the code invalid_redirect_uri.
func ParseRedirectURI(s string) error {
	_, err := parseRedirectURI(s)
	return err
}

// MatchRedirectURI reports whether a requested redirect URI is one of the
// registered ones: the same string (RFC 9700 §2.1), or an http URI of the same
// loopback host that differs in nothing but the port (RFC 8252 §7.3; localhost
// is treated alike because most clients use it). A URI that could not be
// registered today never matches.
func MatchRedirectURI(registered []string, requested string) bool {
	req, err := parseRedirectURI(requested)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(registered, func(s string) bool {
		return s == requested || req.isPortFree() && req.equalButPort(s)
	})
}

// equalButPort compares with a registered loopback URI.
func (u redirectURI) equalButPort(registered string) bool {
	reg, err := parseRedirectURI(registered)
	if err != nil {
		return false
	}
	u.port, reg.port = "", ""
	u.path, reg.path = rooted(u.path), rooted(reg.path)
	return u == reg
}

// rooted is the path that is requested when a URI has none (RFC 3986 §6.2.3).
func rooted(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func (u redirectURI) isWeb() bool { return u.scheme == "https" || u.scheme == "http" }

func (u redirectURI) isLoopback() bool {
	switch u.host {
	case "127.0.0.1", "[::1]", "localhost":
		return u.isWeb()
	}
	return false
}

// isPortFree: the port of a native app's listener is chosen at the time of the
// request. With https the listener would need a certificate, so it is no such app.
func (u redirectURI) isPortFree() bool { return u.scheme == "http" && u.isLoopback() }

// IsLoopback reports whether a redirect URI leads to the person's own machine,
// where any local program can receive the code.
func IsLoopback(uri string) bool {
	u, err := parseRedirectURI(uri)
	return err == nil && u.isLoopback()
}

// RedirectHost returns the host of an http or https redirect URI, in lower case,
// without port, IPv6 in brackets. It is "" for private-use schemes, whose
// authority names no machine, and for what is no redirect URI.
func RedirectHost(uri string) string {
	u, err := parseRedirectURI(uri)
	if err != nil || !u.isWeb() {
		return ""
	}
	return strings.ToLower(u.host)
}
