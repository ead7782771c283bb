package oauth

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// OriginPolicy says which web pages may use the MCP endpoints, besides the server's own
// and those of the user's machine. The zero value allows none.
type OriginPolicy struct {
	origins []string // canonical
	schemes []string // with their colon
}

// NewOriginPolicy returns the policy that allows exact origins, such as
// "https://app.example.com", and whole schemes with their colon, such as
// "chrome-extension:". Schemes that any page can have cannot be listed.
func NewOriginPolicy(entries []string) (OriginPolicy, error) {
	var p OriginPolicy
	for _, entry := range entries {
		if scheme, isScheme := strings.CutSuffix(strings.ToLower(entry), ":"); isScheme {
			if !isAppScheme(scheme) {
				return OriginPolicy{}, fmt.Errorf("%q cannot be listed", entry)
			}
			p.schemes = append(p.schemes, scheme+":")
			continue
		}
		origin, ok := pageOrigin(entry)
		if !ok || strings.Contains(entry, "*") {
			return OriginPolicy{}, fmt.Errorf("%q cannot be listed", entry)
		}
		p.origins = append(p.origins, origin)
	}
	return p, nil
}

// Allow reports whether a page with this Origin header may use the endpoints.
func (p OriginPolicy) Allow(origin string) bool {
	if len(p.origins) == 0 && len(p.schemes) == 0 {
		return false
	}
	canonical, ok := pageOrigin(origin)
	if !ok {
		return false
	}
	scheme, _, _ := strings.Cut(canonical, ":")
	return slices.Contains(p.schemes, scheme+":") || slices.Contains(p.origins, canonical)
}

// pageOrigin returns the one spelling of an Origin header: a web origin, or one of an app
// or extension such as "chrome-extension://abcdef".
func pageOrigin(text string) (string, bool) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", false
	case u.Scheme == "http" || u.Scheme == "https":
		return Origin(text)
	case !isAppScheme(u.Scheme), u.Host == "", u.User != nil, u.Path != "", u.RawQuery != "", u.ForceQuery, strings.Contains(text, "#"):
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}

// isAppScheme reports whether a scheme belongs to an app or extension, and not to pages of
// the web or to content that anyone can make.
func isAppScheme(scheme string) bool {
	common := []string{"http", "https", "ws", "wss", "ftp", "file", "filesystem", "data", "blob", "about", "javascript", "null", "view-source"}
	u, err := url.Parse(scheme + "://x")
	return err == nil && u.Scheme == scheme && scheme != "" && !slices.Contains(common, scheme)
}
