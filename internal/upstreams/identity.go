package upstreams

import (
	"net/url"
	"strings"

	"go.yaml.in/yaml/v4"
)

// identify sets how the upstream learns who calls. By default, one of the operator's own
// does in both ways, and one on the public internet does not.
func (u *Upstream) identify(how string) {
	if how == "" && u.Target.Near() {
		how = "both"
	}
	u.Identify = how == "headers" || how == "both"
	u.Assert = how == "assertion" || how == "both"
	if u.Audience == "" {
		u.Audience = u.Target.Configured
	}
}

// audience reads what assertions name as their audience: a name, or a URI if it has a colon
// (RFC 7519 §2).
func (r *reader) audience(n *yaml.Node) string {
	const want, longest = "a name or a URI", 200
	text := r.text(n, want)
	bad := func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }
	u, err := url.Parse(text)
	if text == "" || len(text) > longest || strings.ContainsFunc(text, bad) || strings.Contains(text, ":") && (err != nil || u.Scheme == "") {
		r.fail(n, want, "an audience that cannot be used")
	}
	return text
}
