package rules

import (
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Kind is what a name names.
type Kind uint8

// The kinds that rules are about.
const (
	Tool Kind = iota
	Prompt
	Resource // by its URI
	kinds
)

// Rule says who may use what its patterns match. A rule without conditions lets everyone.
type Rule struct {
	Tools, Prompts, Resources []string // patterns; * stands for any characters
	Allow                     func(storage.Person) bool
	Scope                     string // that the access token needs; "" for none
	ReadOnly                  bool   // only tools that the server calls read-only
	Deny                      bool   // no one
}

// Policy is a list of rules, of which the first that matches decides. What none matches is
// allowed. A nil Policy allows everything; a Policy is safe for concurrent use.
type Policy struct {
	of [kinds][]rule
}

// rule is a Rule for one kind.
type rule struct {
	*Rule
	patterns []pattern
}

// New returns the policy of some rules.
func New(list []Rule) *Policy {
	p := new(Policy)
	for i := range list {
		r := &list[i]
		for kind, texts := range [kinds][]string{Tool: r.Tools, Prompt: r.Prompts, Resource: r.Resources} {
			if len(texts) > 0 {
				p.of[kind] = append(p.of[kind], rule{Rule: r, patterns: patternsOf(Kind(kind), texts)})
			}
		}
	}
	return p
}

// NeedsBody reports whether requests have to be read to be judged.
func (p *Policy) NeedsBody() bool {
	return p != nil && (p.Covers(Tool) || p.Covers(Prompt) || p.Covers(Resource))
}

// Covers reports whether there are rules for a kind. Lists of it depend on the person.
func (p *Policy) Covers(k Kind) bool { return p != nil && len(p.of[k]) > 0 }

// NeedsHints reports whether the server's hints about its tools matter.
func (p *Policy) NeedsHints() bool {
	if p != nil {
		for _, r := range p.of[Tool] {
			if r.ReadOnly {
				return true
			}
		}
	}
	return false
}

// Hint returns whether the server calls a tool read-only, and whether that is known.
type Hint func(tool string) (readOnly, known bool)

// Verdict is what the rules say of a name.
type Verdict struct {
	Outcome Outcome
	Scope   string // what is missing, of NeedsScope
}

// Outcome is one of four.
type Outcome uint8

// The outcomes, in the order of their weight. Only Allowed lets a call through.
const (
	Allowed    Outcome = iota
	NeedsScope         // another access token is needed
	Unknown            // it depends on a hint that is not known
	Denied             // it does not exist for this person
)

// Decide judges a name. A URI that servers may read in several ways is allowed only if each
// of them is.
func (p *Policy) Decide(who principal.Principal, k Kind, name string, hint Hint) Verdict {
	var v Verdict
	if !p.Covers(k) {
		return v
	}
	forms, certain := formsOf(k, name)
	if !certain {
		return Verdict{Outcome: Denied}
	}
	for _, r := range p.of[k] {
		some, all := r.matches(forms)
		if !some {
			continue
		}
		switch {
		case r.Deny, r.Allow != nil && !r.Allow(who.User.Person):
			return Verdict{Outcome: Denied}
		case r.ReadOnly:
			if readOnly, known := hint(name); !known {
				return Verdict{Outcome: Unknown}
			} else if !readOnly {
				return Verdict{Outcome: Denied}
			}
		}
		if r.Scope != "" && v.Scope == "" && !holds(who.Scope, r.Scope) {
			v = Verdict{Outcome: NeedsScope, Scope: r.Scope}
		}
		if all {
			break
		}
	}
	return v
}

// Shows reports whether a list for this person has the name. What only another access token
// may use is listed: clients ask for that scope when it is used.
func (p *Policy) Shows(who principal.Principal, k Kind, name string, hint Hint) bool {
	outcome := p.Decide(who, k, name, hint).Outcome
	return outcome == Allowed || outcome == NeedsScope
}

func (r rule) matches(forms forms) (some, all bool) {
	for _, p := range r.patterns {
		here, everywhere := p.matches(forms)
		some, all = some || here, all || everywhere
	}
	return some, all
}

// holds reports whether a scope parameter has a scope.
func holds(granted, name string) bool {
	for held := range strings.SplitSeq(granted, " ") {
		if held == name {
			return true
		}
	}
	return false
}
