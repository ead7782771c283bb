package identity_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// TestCheckStored: what is on record refuses only where no missing fact could allow.
func TestCheckStored(t *testing.T) {
	t.Parallel()
	all := []identity.Fact{identity.FactEmail, identity.FactDomain, identity.FactOrgs, identity.FactTeams, identity.FactGroups}
	without := func(fact identity.Fact) []identity.Fact {
		var rest []identity.Fact
		for _, f := range all {
			if f != fact {
				rest = append(rest, f)
			}
		}
		return rest
	}
	for name, tt := range map[string]struct {
		policy  identity.Policy
		decides identity.Fact // the fact without which nothing is refused; "" for none
	}{
		"logins":        {identity.Policy{Users: []string{"bob"}}, ""},
		"ids":           {identity.Policy{Users: []string{"sub:2@x"}}, ""},
		"no one":        {identity.Policy{}, ""},
		"administrator": {identity.Policy{Admins: []string{"alice@example.com"}}, ""},
		"addresses":     {identity.Policy{Users: []string{"bob@example.com"}}, identity.FactEmail},
		"domains":       {identity.Policy{Domains: []string{"example.com"}}, identity.FactEmail},
		"workspaces":    {identity.Policy{Domains: []string{"example.com"}}, identity.FactDomain},
		"organizations": {identity.Policy{Orgs: []string{"acme"}}, identity.FactOrgs},
		"teams":         {identity.Policy{Orgs: []string{"acme/eng"}}, identity.FactTeams},
		"groups":        {identity.Policy{Groups: []string{"eng"}}, identity.FactGroups},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice := identity.Person{Issuer: "https://op.example.com", Subject: "1", Login: "alice", Known: all}
			if tt.policy.CheckStored(alice) == nil {
				t.Error("all is known, and not refused")
			}
			alice.Known = nil
			if err := tt.policy.CheckStored(alice); (err == nil) != (tt.decides != "") {
				t.Errorf("nothing is known: %v", err)
			}
			alice.Known = without(tt.decides)
			if err := tt.policy.CheckStored(alice); (err == nil) != (tt.decides != "") {
				t.Errorf("all but %q is known: %v", tt.decides, err)
			}
			tt.policy.Users = append(tt.policy.Users, "alice")
			if err := tt.policy.CheckStored(alice); err != nil {
				t.Errorf("listed by login: %v", err)
			}
		})
	}
}
