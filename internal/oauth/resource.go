package oauth

import (
	"net/url"
	"strings"
)

// ResourcePath is the path of the protected resource, the MCP endpoint.
const ResourcePath = "/mcp"

// protectedResourceMetadataPath is the well-known path with that of the resource
// inserted (RFC 9728 §3.1).
const protectedResourceMetadataPath = "/.well-known/oauth-protected-resource" + ResourcePath

// Resource is the one protected resource (RFC 8707, RFC 9728): the MCP endpoint.
type Resource struct {
	base   string // as configured: what clients compare
	origin string // in normal form: what requests are compared with
}

// NewResource returns the resource of a base URL: an origin, that is scheme and
// host without path and trailing slash.
func NewResource(base string) Resource {
	origin, _ := normalTarget(base)
	return Resource{base: base, origin: origin}
}

// String returns the canonical resource identifier, the audience of tokens.
func (r Resource) String() string { return r.base + ResourcePath }

// Canonical returns the resource identifier that the resource parameters of a
// request mean (RFC 8707 §2). Without any that is the only resource there is.
// Each must be its URI or the bare origin, which some clients send; the case of
// scheme and host, the default port and one trailing slash make no difference.
//
// The error is an *Error with the code invalid_target.
func (r Resource) Canonical(values []string) (string, error) {
	for _, value := range values {
		target, ok := normalTarget(value)
		if !ok {
			return "", NewError(InvalidTarget, "resource must be an absolute URI without fragment")
		}
		if !r.isAt(target) {
			return "", NewError(InvalidTarget, "tokens are not issued for this resource; see the protected resource metadata")
		}
	}
	return r.String(), nil
}

func (r Resource) isAt(target string) bool {
	path, ok := strings.CutPrefix(target, r.origin)
	return ok && (path == "" || path == "/" || path == ResourcePath || path == ResourcePath+"/")
}

// normalTarget is a URI with scheme and host in lower case and without default
// port (RFC 3986 §6.2.2.1, §6.2.3), otherwise as it is.
func normalTarget(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(s, "#") {
		return "", false
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), ":")
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	return u.String(), true
}

// ChallengeParams are the variable parts of a challenge. Without Code it has no
// error: RFC 6750 §3 wants none when the request had no credentials.
type ChallengeParams struct {
	Code        Code
	Description string
	Scope       string // all that the operation needs; "" means BasicScopes
}

// Challenge returns the value of a WWW-Authenticate header (RFC 6750 §3, RFC 9728
// §5.1). Clients take it apart with regular expressions: one scheme, every value
// in double quotes, nothing escaped.
func (r Resource) Challenge(p ChallengeParams) string {
	if p.Scope == "" {
		p.Scope = strings.Join(BasicScopes(), " ")
	}
	challenge := "Bearer resource_metadata=" + quoted(r.base+protectedResourceMetadataPath) + ", scope=" + quoted(p.Scope)
	if p.Code != "" {
		challenge += ", error=" + quoted(string(p.Code))
		if p.Description != "" {
			challenge += ", error_description=" + quoted(p.Description)
		}
	}
	return challenge
}

func quoted(s string) string { return `"` + printable(s) + `"` }
