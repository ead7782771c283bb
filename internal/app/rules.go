package app

import (
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/rules"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// rulePolicy returns what the rules of an entry allow; nil for everything.
func (s Settings) rulePolicy(list upstreams.Rules) (*rules.Policy, error) {
	if !list.NeedsBody() {
		return nil, nil //nolint:nilnil // no policy is no error
	}
	all := make([]rules.Rule, 0, len(list))
	for _, r := range list {
		rule := rules.Rule{Tools: r.Tools, Prompts: r.Prompts, Resources: r.Resources, Scope: r.Scope, ReadOnly: r.ReadOnly, Deny: r.Deny}
		policy, err := s.entryPolicy(r.Allow)
		if err != nil {
			return nil, err
		}
		if policy != nil {
			rule.Allow = func(who storage.Person) bool { return policy.Check(recheck.PersonOf(who)) == nil }
		}
		all = append(all, rule)
	}
	return rules.New(all), nil
}

// guarded is an upstream behind its rules. One over HTTP judges by itself.
func (a *App) guarded(b behind) (http.Handler, error) {
	if _, judges := any(b.upstream).(*gateway.Upstream); judges {
		return b.upstream, nil
	}
	policy, err := a.checked.settings.rulePolicy(b.entry.Rules)
	return gateway.Guard(gateway.Config{
		Name: b.entry.Name, MaxBody: b.entry.MaxBody, Rules: policy, Challenge: challenge(b.entry.Scopes), Logger: a.log, Called: a.called,
	}, b.upstream), err
}

// offered are the scopes of an entry.
func offered(list []upstreams.Scope) []oauth.Scope {
	all := make([]oauth.Scope, 0, len(list))
	for _, s := range list {
		all = append(all, oauth.Scope{Name: s.Name, Description: s.Description})
	}
	return all
}

// challenge returns what asks clients for a further scope of an entry (RFC 6750 §3.1).
func challenge(list []upstreams.Scope) func(principal.Principal, string) string {
	resource := oauth.Resource{Offered: offered(list)}
	return func(p principal.Principal, scope string) string {
		resource := resource
		resource.URI = p.Resource
		return resource.Challenge(oauth.ChallengeParams{
			Code: oauth.InsufficientScope, Description: "this call requires another scope", Scope: resource.StepUp(p.Scope, scope),
		})
	}
}
