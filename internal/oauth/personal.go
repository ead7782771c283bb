package oauth

import (
	"slices"
	"strings"
)

// PersonalScope returns the scope of a personal token: the basic one and those that are named.
// It reports false when one of them cannot be a scope (RFC 6749 §3.3), or has no meaning for a
// token that is never refreshed.
func PersonalScope(names []string) (string, bool) {
	list := BasicScopes()
	for _, name := range names {
		if name == "" || name == ScopeOfflineAccess || !consistsOf(name, isScopeChar) {
			return "", false
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, " "), true
}
