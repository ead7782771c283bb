package identity

import (
	"slices"
	"strings"
)

// Fact is something that a policy may depend on and that a provider does not always report.
type Fact string

// The facts.
const (
	FactEmail  Fact = "email"  // the verified address, or that there is none
	FactDomain Fact = "domain" // Person.HostedDomain
	FactOrgs   Fact = "orgs"
	FactTeams  Fact = "teams"
	FactGroups Fact = "groups"
)

// CheckStored is like Check, for what an earlier response of the provider left on record.
// It refuses only if no fact missing from Person.Known could allow the user: a list may be
// newer than the response. Errors are Check's.
func (p Policy) CheckStored(who Person) error {
	err := p.Check(who)
	if err == nil {
		return nil
	}
	for _, fact := range p.decisive() {
		if !slices.Contains(who.Known, fact) {
			return nil
		}
	}
	return err
}

// decisive returns the facts that can allow users.
func (p Policy) decisive() []Fact {
	var facts []Fact
	if hasAddress(p.Users) || len(p.Domains) > 0 {
		facts = append(facts, FactEmail)
	}
	if len(p.Domains) > 0 {
		facts = append(facts, FactDomain)
	}
	if p.NeedsOrgs() {
		facts = append(facts, FactOrgs)
	}
	if p.NeedsTeams() {
		facts = append(facts, FactTeams)
	}
	if p.NeedsGroups() {
		facts = append(facts, FactGroups)
	}
	return facts
}

// hasAddress reports whether a list of people names one by an email address.
func hasAddress(list []string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		return strings.Contains(entry, "@") && !strings.HasPrefix(entry, subjectPrefix)
	})
}
