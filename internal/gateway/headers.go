package gateway

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

const (
	sessionHeader = "Mcp-Session-Id"
	mcpPrefix     = "Mcp-"
	paramPrefix   = "Mcp-Param-" // of arguments that headers repeat (MCP 2026-07-28)
)

// requestHeaders cross to the upstream, next to those that begin with Mcp-. Credentials,
// cookies and what proxies say of the client are none of its business.
var requestHeaders = []string{
	"Accept", "Accept-Language", "Content-Type", "Last-Event-Id", "User-Agent",
	"Traceparent", "Tracestate", "Baggage",
}

// responseHeaders come back from the upstream, likewise. CORS headers are the server's own.
var responseHeaders = []string{"Content-Type", "Content-Language", "Retry-After", "Allow"}

// outgoing returns the headers of a request for the upstream. Headers that the client's
// Connection header names are for this hop only (RFC 9110 §7.6.1). What the operator
// configured replaces what the client sent.
func (u *Upstream) outgoing(from http.Header) http.Header {
	to := make(http.Header, len(from)+len(u.Headers)+8)
	hop := connectionOptions(from)
	for name, values := range from {
		if (crosses(name, requestHeaders) || slices.Contains(u.ForwardHeaders, name)) && !slices.Contains(hop, name) {
			to[name] = slices.Clone(values)
		}
	}
	for name, values := range u.Headers {
		to[name] = slices.Clone(values)
	}
	if _, ok := to["User-Agent"]; !ok {
		to["User-Agent"] = []string{""} // net/http would send its own
	}
	return to
}

// incoming copies the headers of an upstream's response.
func incoming(to, from http.Header) {
	hop := connectionOptions(from)
	for name, values := range from {
		if crosses(name, responseHeaders) && name != sessionHeader && !slices.Contains(hop, name) {
			to[name] = slices.Clone(values)
		}
	}
}

func crosses(name string, list []string) bool {
	return strings.HasPrefix(name, mcpPrefix) && !isDisguised(name) || slices.Contains(list, name)
}

// isDisguised reports whether some servers take a header of MCP for another one, such as
// Mcp-Session_Id for the session: those that make no difference between a hyphen and an
// underscore. Names of parameters may have underscores.
func isDisguised(name string) bool {
	return strings.Contains(name, "_") && !strings.HasPrefix(name, paramPrefix)
}

// connectionOptions returns the canonical names in the Connection header.
func connectionOptions(h http.Header) []string {
	var names []string
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			names = append(names, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	return names
}
