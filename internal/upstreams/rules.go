package upstreams

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// Rules say which tools, prompts and resources of an upstream a person may use. The first
// rule that matches decides; what none matches is allowed.
type Rules []Rule

// Rule is one of them.
type Rule struct {
	Tools, Prompts, Resources []string // patterns
	Allow                     Allow    // who may use them; empty for everyone
	Scope                     string   // that is needed; "" for none
	ReadOnly                  bool     // only tools that the upstream calls read-only
	Deny                      bool     // no one may use them

	scopeAt position
}

// NeedsBody reports whether requests have to be read to be judged.
func (list Rules) NeedsBody() bool { return len(list) > 0 }

// anywhere are the rules without their places in a file.
func (list Rules) anywhere() Rules {
	list = slices.Clone(list)
	for i := range list {
		list[i].Allow, list[i].scopeAt = list[i].Allow.anywhere(), position{}
	}
	return list
}

const (
	wantRules = "a list of rules, each with tools, prompts or resources"
	wantNames = "a list of names, with * for any characters"
	wantURIs  = "a list of URIs, with * for any characters and without dot segments"
)

// rules reads a list of rules.
func (r *reader) rules(n *yaml.Node) (list Rules) {
	n = resolved(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fail(n, wantRules, "%s here", kindOf(n))
		return nil
	}
	for _, entry := range n.Content {
		list = append(list, r.rule(entry))
	}
	return list
}

func (r *reader) rule(n *yaml.Node) (u Rule) {
	r.object(n, wantRules, keys{
		"tools":     func(_, n *yaml.Node) { u.Tools = r.patterns(n, rules.Tool, wantNames) },
		"prompts":   func(_, n *yaml.Node) { u.Prompts = r.patterns(n, rules.Prompt, wantNames) },
		"resources": func(_, n *yaml.Node) { u.Resources = r.patterns(n, rules.Resource, wantURIs) },
		"allow":     func(_, n *yaml.Node) { u.Allow = r.allow(n) },
		"scope": func(_, n *yaml.Node) {
			u.Scope, u.scopeAt = r.text(n, "one of the scopes of this server"), positionOf(n)
			if u.Scope == "" {
				r.fail(n, "one of the scopes of this server", "an empty value")
			}
		},
		"readonly": func(_, n *yaml.Node) { u.ReadOnly = r.yes(n) },
		"deny":     func(_, n *yaml.Node) { u.Deny = r.yes(n) },
	})
	others := len(u.Prompts)+len(u.Resources) > 0
	switch {
	case len(u.Tools) == 0 && !others:
		r.fail(n, wantRules, "a rule for nothing")
	case u.ReadOnly && others:
		r.fail(n, "a rule of its own for tools", "readonly says something of tools only")
	case u.Deny && (u.ReadOnly || u.Scope != "" || !u.Allow.Empty()):
		r.fail(n, "deny alone, or other conditions", "deny leaves nothing to allow")
	}
	return u
}

// patterns reads what a rule is for.
func (r *reader) patterns(n *yaml.Node, kind rules.Kind, want string) []string {
	list := r.texts(n, want)
	if len(list) == 0 {
		r.fail(n, want, "an empty list")
	}
	for i, text := range list {
		if !rules.CanMatch(kind, text) {
			r.fail(resolved(n).Content[i], want, "a pattern that can match nothing")
		}
	}
	return list
}

// yes reads a condition, which is there or left out.
func (r *reader) yes(n *yaml.Node) bool {
	if !r.flag(n) {
		r.fail(n, "true, or no such key", "a condition that is off")
	}
	return true
}

// checkScopes demands that the entry has the scopes of its rules: no client could get another.
func (r *reader) checkScopes(u Upstream) {
	for _, rule := range u.Rules {
		known := slices.ContainsFunc(u.Scopes, func(s Scope) bool { return s.Name == rule.Scope })
		if rule.Scope != "" && !known && r.err == nil {
			r.err = rule.scopeAt.errorf(r.file, "one of the scopes of this server", "the scope of a rule that the server does not have")
		}
	}
}
