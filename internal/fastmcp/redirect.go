package fastmcp

import (
	"slices"
	"strings"
)

// defaultPorts are those of the schemes whose URLs pydantic rewrites (the special schemes
// of the WHATWG URL standard, without file).
var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// NormalURL returns a URL in the form in which FastMCP stores it (pydantic's AnyUrl):
// scheme and host in lower case, without a default port, and with a path of at least "/".
// URLs of other schemes change nothing but the scheme. Other texts stay as they are.
func NormalURL(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	scheme = strings.ToLower(scheme)
	port, special := defaultPorts[scheme]
	if !special {
		return scheme + "://" + rest
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	user, host := "", authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, host = authority[:at+1], authority[at+1:]
	}
	host = strings.TrimSuffix(strings.ToLower(host), ":"+port)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return scheme + "://" + user + host + path
}

// HasURL reports whether a list holds a URL, both in FastMCP's form.
func HasURL(list []string, text string) bool {
	wanted := NormalURL(text)
	return slices.ContainsFunc(list, func(known string) bool { return NormalURL(known) == wanted })
}
