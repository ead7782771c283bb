package rules_test

import (
	"slices"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// who is a member of groups, with the scopes of an access token.
func who(scope string, groups ...string) principal.Principal {
	return principal.Principal{
		User: storage.User{ID: "u_1", Person: storage.Person{Groups: groups}}, ClientID: "c_1", Scope: scope,
	}
}

// members lets the members of a group in.
func members(group string) func(storage.Person) bool {
	return func(p storage.Person) bool { return slices.Contains(p.Groups, group) }
}

// hints are what a server says of its tools.
func hints(readOnly map[string]bool) rules.Hint {
	return func(name string) (bool, bool) {
		value, known := readOnly[name]
		return value, known
	}
}

// TestDecide: the first rule that matches decides, by all its conditions.
func TestDecide(t *testing.T) {
	t.Parallel()
	p := rules.New([]rules.Rule{
		{Tools: []string{"free"}},
		{Tools: []string{"delete_*", "close"}, Allow: members("leads"), Scope: "write"},
		{Tools: []string{"both"}, Scope: "write", ReadOnly: true},
		{Tools: []string{"*_x_*_y"}, Deny: true},
		{Tools: []string{"get_*"}, ReadOnly: true},
		{Prompts: []string{"*"}, Deny: true},
	})
	hint := hints(map[string]bool{"get_a": true, "get_b": false, "both": true})
	for _, tt := range []struct {
		kind rules.Kind
		name string
		who  principal.Principal
		want rules.Outcome
	}{
		{rules.Tool, "free", who("mcp"), rules.Allowed},
		{rules.Tool, "delete_a", who("mcp write"), rules.Denied},
		{rules.Tool, "delete_a", who("mcp writes", "leads"), rules.NeedsScope},
		{rules.Tool, "delete_a", who("mcp write", "leads"), rules.Allowed},
		{rules.Tool, "delete_", who("mcp write"), rules.Denied},
		{rules.Tool, "delete", who("mcp"), rules.Allowed},
		{rules.Tool, "close", who("mcp"), rules.Denied},
		{rules.Tool, "closer", who("mcp"), rules.Allowed},
		{rules.Tool, "both", who("mcp"), rules.NeedsScope},
		{rules.Tool, "a_x_b_y", who("mcp"), rules.Denied},
		{rules.Tool, "_x__y", who("mcp"), rules.Denied},
		{rules.Tool, "_x_y", who("mcp"), rules.Allowed}, // the parts of a pattern do not overlap
		{rules.Tool, "get_a", who("mcp"), rules.Allowed},
		{rules.Tool, "get_b", who("mcp"), rules.Denied},
		{rules.Tool, "get_c", who("mcp"), rules.Unknown},
		{rules.Tool, "other", who("mcp"), rules.Allowed},
		{rules.Prompt, "any", who("mcp", "leads"), rules.Denied},
		{rules.Resource, "docs://a", who("mcp"), rules.Allowed},
	} {
		got := p.Decide(tt.who, tt.kind, tt.name, hint)
		if got.Outcome != tt.want || (got.Scope != "") != (tt.want == rules.NeedsScope) {
			t.Errorf("%q for %+v: %+v, want %v", tt.name, tt.who.User.Groups, got, tt.want)
		}
		shown := tt.want == rules.Allowed || tt.want == rules.NeedsScope
		if p.Shows(tt.who, tt.kind, tt.name, hint) != shown {
			t.Errorf("%q is listed: %v", tt.name, !shown)
		}
	}
	var none *rules.Policy
	if none.NeedsBody() || none.NeedsHints() || none.Decide(who(""), rules.Tool, "a", nil).Outcome != rules.Allowed || !p.NeedsBody() || !p.NeedsHints() {
		t.Error("a policy without rules allows everything")
	}
}

// TestURIs: what servers may understand as a forbidden URI is forbidden, and what they may
// understand as one that is not allowed is not allowed.
func TestURIs(t *testing.T) {
	t.Parallel()
	secret := rules.New([]rules.Rule{{Resources: []string{"file:///srv/secret/*", "docs://Secret", "https://h/x y"}, Deny: true}})
	public := rules.New([]rules.Rule{
		{Resources: []string{"file:///srv/public/*", "search://q?text=*", "https://h/a%20b/*", "docs://*%2A"}},
		{Resources: []string{"*"}, Deny: true},
	})
	for uri, want := range map[string][2]bool{ // allowed by secret, by public
		"file:///srv/public/a":           {true, true},
		"file:///srv/publica":            {true, false},
		"file:///srv/secret/a":           {},
		"FILE:///srv/secret/a":           {},
		"file:/srv/secret/a":             {},
		"file:////srv//secret/a":         {},
		`file:\\\srv\secret\a`:           {},
		"file:///srv/%73ecret/a":         {},
		"file:///srv/%2573ecret/a":       {},
		"file:///srv%2Fsecret/a":         {},
		"file:///srv/ｓecret/a":           {},
		"file:///srv/public/../secret/a": {},
		"file:///srv/public/%2e%2E/a":    {},
		"file:///srv/public/%252e./a":    {},
		"file:///srv/public/．．/a":        {},
		`file:///srv/public/..\a`:        {},
		"file:///srv/public/a..b/...":    {true, true},
		"file:///srv/public/%2525252e":   {},
		"file:///srv/public/a\tb":        {},
		"file:///srv/public/a%00":        {},
		" file:///srv/public/a":          {},
		"file:///srv/public/\xff":        {},
		"file:///srv/public/%ff":         {},
		"docs://secret":                  {},
		"docs://Secret/":                 {},
		"docs://Secret?a=b":              {},
		"docs://Secret#a":                {},
		"docs://Secrets":                 {true, false},
		"https://u@H:443/x%20y":          {},
		"https://h/x+y":                  {true, false},
		"https://h/a%20b/c":              {true, true},
		"https://h/a b/c":                {true, false}, // not as the pattern is written
		"search://q?text=a":              {true, true},
		"search://q?text=a%2Fb":          {true, true},
		"search://q?other=a":             {true, false},
		"docs://x":                       {true, false}, // the star is encoded, and so is one
		"docs://x*":                      {true, false},
		"other":                          {true, false},
	} {
		got := [2]bool{
			secret.Decide(who(""), rules.Resource, uri, nil).Outcome == rules.Allowed,
			public.Decide(who(""), rules.Resource, uri, nil).Outcome == rules.Allowed,
		}
		if got != want {
			t.Errorf("%q: got %v, want %v", uri, got, want)
		}
	}
	query := rules.New([]rules.Rule{{Resources: []string{"search://q?text=secret*"}, Deny: true}})
	if query.Decide(who(""), rules.Resource, "search://q?text=a", nil).Outcome != rules.Allowed {
		t.Error("a rule for one query is one for all")
	}
	if rules.CanMatch(rules.Resource, "a/../b") || rules.CanMatch(rules.Tool, "") || !rules.CanMatch(rules.Tool, "a/../b") {
		t.Error("which patterns can match")
	}
}
