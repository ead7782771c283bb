package oauth

import (
	"net/netip"
	"net/url"
	"strings"
)

// DefaultPath is where the MCP endpoint of a server with only one is.
const DefaultPath = "/mcp"

// protectedResourcePath is the well-known path of a resource at the root of its
// origin (RFC 9728 §3).
const protectedResourcePath = "/.well-known/oauth-protected-resource"

// Resource is a protected resource (RFC 8707, RFC 9728): an MCP endpoint.
type Resource struct {
	// URI is the canonical identifier (RFC 8707 §2), which clients compare and which is
	// the audience of tokens: an origin and a path without trailing slash.
	URI    string
	Name   string   // shown to people; may be empty
	Scopes []string // needed to use it; nil means BasicScopes
	// Offered are further scopes that clients can ask for, which the resource itself gives a
	// meaning to.
	Offered []Scope
}

// NewResource returns the resource at a path, such as "/mcp", of a base URL: scheme
// and host without path and trailing slash.
func NewResource(base, path string) Resource { return Resource{URI: base + path} }

// MetadataPath returns the path of the resource's metadata, which is the well-known
// one with the path of the resource inserted (RFC 9728 §3.1).
func (r Resource) MetadataPath() string {
	_, path := r.split()
	return protectedResourcePath + path
}

// split cuts the URI into origin and path.
func (r Resource) split() (origin, path string) {
	scheme, rest, _ := strings.Cut(r.URI, "://")
	host, path, found := strings.Cut(rest, "/")
	if found {
		path = "/" + path
	}
	return scheme + "://" + host, path
}

// RequiredScope returns the scopes that a token needs here, separated by spaces.
func (r Resource) RequiredScope() string { return strings.Join(r.requiredScopes(), " ") }

func (r Resource) requiredScopes() []string {
	if len(r.Scopes) == 0 {
		return BasicScopes()
	}
	return r.Scopes
}

// Resources are the protected resources that tokens are issued for. The default is the one
// at DefaultPath: see Default.
type Resources []Resource

// Default returns the resource that is meant by who names none.
func (list Resources) Default() (Resource, bool) {
	for _, r := range list {
		if _, path := r.split(); path == DefaultPath {
			return r, true
		}
	}
	return Resource{}, false
}

// Find returns the resource with this canonical identifier.
func (list Resources) Find(uri string) (Resource, bool) {
	for _, r := range list {
		if r.URI == uri {
			return r, true
		}
	}
	return Resource{}, false
}

// Requested returns the resource that the resource parameters of a request mean (RFC
// 8707 §2). Without any, or for the bare origin, which some clients send, that is the
// default, if there is one. All values must mean the same one: a token has one audience. The case of
// scheme and host, the default port, one trailing slash and a query, which is the
// client's own affair (people paste URLs with tracking parameters), make no difference.
//
// The error is an *Error with the code invalid_target.
func (list Resources) Requested(values []string) (Resource, error) {
	requested, ok := list.Default()
	if !ok && len(values) == 0 {
		return Resource{}, NewError(InvalidTarget, "resource is missing; see the protected resource metadata")
	}
	for i, value := range values {
		target, ok := normalTarget(WithoutQuery(value))
		if !ok {
			return Resource{}, NewError(InvalidTarget, "resource must be an absolute URI without fragment")
		}
		r, ok := list.at(target)
		if !ok {
			return Resource{}, NewError(InvalidTarget, "no tokens are issued for this resource; see the protected resource metadata")
		}
		if i > 0 && r.URI != requested.URI {
			return Resource{}, NewError(InvalidTarget, "a token is issued for one resource only")
		}
		requested = r
	}
	return requested, nil
}

// at returns the resource that a URI in normal form means.
func (list Resources) at(target string) (Resource, bool) {
	for _, r := range list {
		uri, _ := normalTarget(r.URI)
		if target == uri || target == uri+"/" {
			return r, true
		}
	}
	r, ok := list.Default()
	base, _ := r.split()
	origin, _ := normalTarget(base)
	return r, ok && (target == origin || target == origin+"/")
}

// WithoutQuery cuts the query off a resource URI.
func WithoutQuery(uri string) string {
	if strings.Contains(uri, "#") {
		return uri // refused for its fragment
	}
	uri, _, _ = strings.Cut(uri, "?")
	return uri
}

// normalTarget is a URI with scheme and host in lower case, the host in ASCII and without
// default port (RFC 3986 §6.2.2.1, §6.2.3), otherwise as it is.
func normalTarget(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(s, "#") {
		return "", false
	}
	host, ok := Authority(u.Host)
	if !ok {
		host = strings.TrimSuffix(strings.ToLower(u.Host), ":")
	}
	u.Host = strings.TrimSuffix(host, defaultPort(u.Scheme))
	return u.String(), true
}

// ChallengeParams are the variable parts of a challenge. Without Code it has no
// error: RFC 6750 §3 wants none when the request had no credentials.
type ChallengeParams struct {
	Code        Code
	Description string
	Scope       string // all that the operation needs; "" means what the resource needs
}

// Challenge returns the value of a WWW-Authenticate header (RFC 6750 §3, RFC 9728
// §5.1). Clients take it apart with regular expressions: one scheme, every value
// in double quotes, nothing escaped.
func (r Resource) Challenge(p ChallengeParams) string {
	if p.Scope == "" {
		p.Scope = r.RequiredScope()
	}
	origin, path := r.split()
	challenge := "Bearer resource_metadata=" + quoted(origin+protectedResourcePath+path) + ", scope=" + quoted(p.Scope)
	if p.Code != "" {
		challenge += ", error=" + quoted(string(p.Code))
		if p.Description != "" {
			challenge += ", error_description=" + quoted(p.Description)
		}
	}
	return challenge
}

func quoted(s string) string { return `"` + printable(s) + `"` }

// CanonicalResource returns the one spelling of a resource's URL under which it is kept:
// normal form without a trailing slash. It reports false for what is not an https URL, or
// an http one on loopback or a private network, or has a user, a query or a fragment.
func CanonicalResource(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || len(text) > maxResource {
		return "", false
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname()) && !IsPrivateHost(strings.ToLower(u.Hostname()))) {
		return "", false
	}
	target, ok := normalTarget(text)
	return strings.TrimRight(target, "/"), ok
}

// IsPlain reports whether a URL is one of http beyond this machine, which others on the
// network can read.
func IsPlain(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "http" && !isLoopback(u.Hostname())
}

// maxResource bounds the URL of a resource.
const maxResource = 1000

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
