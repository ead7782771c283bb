package oauth

import (
	"slices"
	"strings"
)

// The scopes that exist.
const (
	ScopeMCP           = "mcp"            // use of the MCP endpoint
	ScopeManage        = "mcp:manage"     // tools that end the user's own connections
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
	// offered by a resource: nothing without the basic scope
	offered bool
}

// scopeTable is a set of scopes, in the order in which they are listed.
type scopeTable []scopeEntry

var scopes = scopeTable{
	{
		Scope: Scope{ScopeMCP, "Use this server’s tools and data on your behalf"},
		basic: true,
	},
	{
		Scope:   Scope{ScopeManage, "End connections between apps and your account on this server"},
		implies: []string{ScopeMCP},
	},
	{
		Scope:   Scope{ScopeAdmin, "View all registered apps and this server’s status, if you are an administrator"},
		implies: []string{ScopeMCP},
	},
	{
		Scope: Scope{ScopeOfflineAccess, "Stay signed in while you are not using the app"},
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

// Grantable returns what can be granted of a requested scope. Unknown scopes are left
// out (RFC 6749 §3.3 lets the server ignore scopes), and a request of which nothing is
// left that a token can be used for gets the default as well: what the resource needs.
// The answer tells the client what it got.
func Grantable(requested string, resource Resource) string {
	return scopes.with(resource.Offered).grantable(requested, resource.requiredScopes())
}

// Narrow returns the scope of a refreshed access token: what was granted of the
// requested scope. Asking for more is no error, because clients do so without a
// need (RFC 6749 §6 would allow one); asking for nothing, or for nothing granted that
// a token can be used for, leaves the granted scope.
func Narrow(granted, requested string) string { return scopes.narrow(granted, requested) }

// Has reports whether a granted scope includes every needed one, itself or
// through a broader one. An empty need is never met: it would be a mistake.
func Has(granted, needed string) bool { return scopes.has(granted, needed) }

// DescribeScopes returns the known scopes of a scope parameter with what they
// mean.
func DescribeScopes(scope string) []Scope { return scopes.describe(scope) }

// Describe is DescribeScopes for a resource, which offers scopes of its own.
func (r Resource) Describe(scope string) []Scope { return scopes.with(r.Offered).describe(scope) }

func (t scopeTable) describe(scope string) []Scope {
	var list []Scope
	for _, name := range ParseScope(scope) {
		if i := t.index(name); i >= 0 {
			list = append(list, t[i].Scope)
		}
	}
	return list
}

// with returns the table with the scopes that a resource offers.
func (t scopeTable) with(offered []Scope) scopeTable {
	if len(offered) == 0 {
		return t
	}
	all := slices.Clone(t)
	for _, s := range offered {
		all = append(all, scopeEntry{Scope: s, offered: true})
	}
	return all
}

// AdvertisedScopes returns the scopes of the authorization server's metadata. Those
// that only step-up asks for are left out, as RFC 8414 §2 allows: some clients ask
// for everything that is listed, and people would allow more than they need.
func AdvertisedScopes() []string {
	return scopes.names(func(e scopeEntry) bool { return e.basic || e.Name == ScopeOfflineAccess })
}

// BasicScopes returns the scopes without which the MCP endpoint is useless, for
// the first challenge and the protected resource's metadata.
func BasicScopes() []string {
	return scopes.names(func(e scopeEntry) bool { return e.basic })
}

// StepUp returns the scope that a challenge asks for when an operation needs more
// than was granted: all that it needs together with what the token has, since
// clients that do not add up would lose the latter. offline_access is no matter
// of the resource and is left out.
func StepUp(granted, needed string) string { return scopes.stepUp(granted, needed) }

// StepUp is the same for a resource, which offers scopes of its own.
func (r Resource) StepUp(granted, needed string) string {
	return scopes.with(r.Offered).stepUp(granted, needed)
}

func (t scopeTable) stepUp(granted, needed string) string {
	list := t.known(ParseScope(granted + " " + needed))
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

func (t scopeTable) grantable(requested string, basic []string) string {
	list := t.known(ParseScope(requested))
	if !t.opens(list) {
		list = append(slices.Clone(basic), list...)
	}
	return strings.Join(list, " ")
}

// opens reports whether a token with these scopes can do anything: offline_access is
// about the refresh token alone.
func opens(list []string) bool {
	return slices.ContainsFunc(list, func(name string) bool { return name != ScopeOfflineAccess })
}

// opens is the same for scopes in the table.
func (t scopeTable) opens(list []string) bool {
	return slices.ContainsFunc(list, func(name string) bool {
		i := t.index(name)
		return name != ScopeOfflineAccess && i >= 0 && !t[i].offered
	})
}

func (t scopeTable) narrow(granted, requested string) string {
	var list []string
	for _, name := range ParseScope(requested) {
		if t.has(granted, name) {
			list = append(list, name)
		}
	}
	if !opens(list) {
		return granted
	}
	if !t.opens(list) { // what a resource offers, which needs the basic scope
		basic := t.names(func(e scopeEntry) bool { return e.basic && t.has(granted, e.Name) })
		list = append(basic, list...)
	}
	return strings.Join(list, " ")
}

func (t scopeTable) has(granted, needed string) bool {
	if needed != "" && !strings.Contains(needed, " ") && holds(granted, needed) {
		return true // most calls
	}
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

// holds says whether a scope parameter names a scope itself.
func holds(granted, name string) bool {
	for held := range strings.SplitSeq(granted, " ") {
		if held == name {
			return true
		}
	}
	return false
}
