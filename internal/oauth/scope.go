package oauth

import (
	"slices"
	"strings"
)

// The scopes that exist.
const (
	ScopeMCP           = "mcp"            // use of the MCP endpoint
	ScopeManage        = "mcp:manage"     // tools that end one's own connections
	ScopeAdmin         = "mcp:admin"      // administrators' tools, for who is one
	ScopeOfflineAccess = "offline_access" // staying signed in (OpenID Connect Core §11)
)

// Scope is what a person is asked to allow.
type Scope struct {
	Name        string
	Description string // in plain words, for the consent page
}

type scopeEntry struct {
	Scope
	implies []string // narrower scopes that this one includes
	// basic: granted when a client names no scope, and what the first challenge
	// and the protected resource's metadata ask for. Further scopes are asked for
	// by the operation that needs them (MCP authorization, step-up).
	basic bool
}

// scopeTable is a set of scopes, in the order in which they are listed.
type scopeTable []scopeEntry

var scopes = scopeTable{
	{
		Scope: Scope{ScopeMCP, "Use this server in your name: its tools and the data they reach"},
		basic: true,
	},
	{
		Scope:   Scope{ScopeManage, "End the connections that apps have to your account here"},
		implies: []string{ScopeMCP},
	},
	{
		Scope:   Scope{ScopeAdmin, "See everybody’s apps and the state of this server, if you are an administrator"},
		implies: []string{ScopeMCP},
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

// AdvertisedScopes returns the scopes of the authorization server's metadata. Those
// that only step-up asks for are left out, as RFC 8414 §2 allows: some clients ask
// for everything that is listed, and people would allow more than they need.
func AdvertisedScopes() []string {
	return scopes.names(func(e scopeEntry) bool { return e.basic || e.Name == ScopeOfflineAccess })
}

// BasicScopes returns the scopes without which the MCP endpoint is of no use, for
// the first challenge and the protected resource's metadata.
func BasicScopes() []string {
	return scopes.names(func(e scopeEntry) bool { return e.basic })
}

// StepUp returns the scope that a challenge asks for when an operation needs more
// than was granted: all that it needs together with what the token has, since
// clients that do not add up would lose the latter. offline_access is no matter
// of the resource and is left out.
func StepUp(granted, needed string) string {
	list := scopes.known(ParseScope(granted + " " + needed))
	return strings.Join(slices.DeleteFunc(list, func(name string) bool { return name == ScopeOfflineAccess }), " ")
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
		list = t.names(func(e scopeEntry) bool { return e.basic })
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
