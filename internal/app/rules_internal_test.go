package app

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// TestRulePolicy: a rule names people as the sign-in provider does, which is asked for what
// the rule needs; groups of a provider without any are an error.
func TestRulePolicy(t *testing.T) {
	t.Parallel()
	list := upstreams.Rules{{Tools: []string{"*"}, Allow: upstreams.Allow{Groups: []string{"acme/leads"}}}}
	s := Settings{Provider: Provider{Kind: GitHub}}
	policy, err := s.rulePolicy(list)
	if err != nil {
		t.Fatal(err)
	}
	for group, want := range map[string]rules.Outcome{"acme/leads": rules.Allowed, "acme": rules.Denied, "leads": rules.Denied} {
		who := principal.Principal{User: storage.User{Person: storage.Person{Issuer: "https://github.com", Subject: "1", Groups: []string{group}}}}
		if got := policy.Decide(who, rules.Tool, "a", nil).Outcome; got != want {
			t.Errorf("a member of %s: %v, want %v", group, got, want)
		}
	}
	if err := s.admitTo([]upstreams.Upstream{{Rules: list}}); err != nil || !s.anyNeeds(identity.Policy.NeedsTeams) {
		t.Errorf("%v: GitHub is not asked for teams", err)
	}
	if _, err := (Settings{}).rulePolicy(list); err == nil {
		t.Error("the local provider has groups")
	}
	if policy, err := s.rulePolicy(nil); err != nil || policy.NeedsBody() {
		t.Errorf("no rules: %v %v", policy, err)
	}
}
