package oauth

import (
	"slices"
	"strings"
)

// The scopes that exist.
const (
	ScopeMCP           = "mcp"            // use of the MCP endpoint
	ScopeOfflineAccess = "offline_access" // staying signed in (OpenID Connect Core §11)
)

// Scope is what a person is asked to allow.
type Scope struct {
	Name        string
	Description string // in plain words, for the consent page
}

type scopeEntry struct {
	Scope
	implies   []string // narrower scopes that this one includes
	byDefault bool     // granted when a client names no scope
	// ofResource: the MCP endpoint can ask for it. The others concern client and
	// authorization server alone, and are no part of challenges and of the
	// protected resource's metadata.
	ofResource bool
}

// scopeTable is a set of scopes, in the order in which they are listed.
type scopeTable []scopeEntry

var scopes = scopeTable{
	{
		Scope:     Scope{ScopeMCP, "Use this server in your name: its tools and the data they reach"},
		byDefault: true, ofResource: true,
	},
	{
		Scope: Scope{ScopeOfflineAccess, "Stay signed in, also while you are not using the app"},
	},
}

// ParseScope splits a scope parameter (RFC 6749 §3.3) and drops repetitions.
func ParseScope(scope string) []string {
	var list []string
	for name := range strings.SplitSeq(scope, " ") {
		if name != "" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// Grantable returns what can be granted of a requested scope: unknown scopes are
// left out, an empty request means the default (RFC 6749 §3.3). When nothing is
// left the error is an *Error with the code invalid_scope.
func Grantable(requested string) (string, error) { return scopes.grantable(requested) }

// Narrow returns the scope of a refreshed access token: what was granted of the
// requested scope. Asking for more is no error, because clients do so without a
// need (RFC 6749 §6 would allow one); asking for nothing, or for nothing that
// was granted, leaves the granted scope.
func Narrow(granted, requested string) string { return scopes.narrow(granted, requested) }

// Has reports whether a granted scope includes every needed one, itself or
// through a broader one. An empty need is never met: it would be a mistake.
func Has(granted, needed string) bool { return scopes.has(granted, needed) }

// DescribeScopes returns the known scopes of a scope parameter with what they
// mean.
func DescribeScopes(scope string) []Scope {
	var list []Scope
	for _, name := range ParseScope(scope) {
		if i := scopes.index(name); i >= 0 {
			list = append(list, scopes[i].Scope)
		}
	}
	return list
}

// SupportedScopes returns all scopes, for the authorization server's metadata.
func SupportedScopes() []string {
	return scopes.names(func(scopeEntry) bool { return true })
}

// ResourceScopes returns the scopes that the MCP endpoint can ask for, for
// challenges and the protected resource's metadata.
func ResourceScopes() []string {
	return scopes.names(func(e scopeEntry) bool { return e.ofResource })
}

func (t scopeTable) names(wanted func(scopeEntry) bool) []string {
	var list []string
	for _, e := range t {
		if wanted(e) {
			list = append(list, e.Name)
		}
	}
	return list
}

func (t scopeTable) index(name string) int {
	return slices.IndexFunc(t, func(e scopeEntry) bool { return e.Name == name })
}

// known returns the known scopes of a list.
func (t scopeTable) known(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return t.index(name) < 0 })
}

func (t scopeTable) grantable(requested string) (string, error) {
	list := ParseScope(requested)
	if len(list) == 0 {
		list = t.names(func(e scopeEntry) bool { return e.byDefault })
	}
	list = t.known(list)
	if len(list) == 0 {
		return "", NewError(InvalidScope, "none of the requested scopes exists here")
	}
	return strings.Join(list, " "), nil
}

func (t scopeTable) narrow(granted, requested string) string {
	var list []string
	for _, name := range ParseScope(requested) {
		if t.has(granted, name) {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return granted
	}
	return strings.Join(list, " ")
}

func (t scopeTable) has(granted, needed string) bool {
	held := ParseScope(granted)
	for i := 0; i < len(held); i++ { // held grows
		if j := t.index(held[i]); j >= 0 {
			for _, name := range t[j].implies {
				if !slices.Contains(held, name) {
					held = append(held, name)
				}
			}
		}
	}
	need := ParseScope(needed)
	return len(need) > 0 && !slices.ContainsFunc(need, func(name string) bool { return !slices.Contains(held, name) })
}
