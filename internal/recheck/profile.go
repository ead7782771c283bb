package recheck

import (
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Profile returns what is stored of a person, at a sign-in and after each check. An
// email address that the provider does not vouch for is left out.
func Profile(p identity.Person) storage.Person {
	stored := storage.Person{
		Issuer: p.Issuer, Subject: p.Subject, Login: p.Login, Name: p.Name,
		Domain: p.HostedDomain, Groups: slices.Concat(p.Groups, p.Orgs),
	}
	if p.EmailVerified {
		stored.Email = p.Email
	}
	for _, fact := range p.Known {
		stored.Known = append(stored.Known, string(fact))
	}
	return stored
}

// PersonOf is the inverse of Profile. Of one provider, groups and organizations are the
// same list: none has both.
func PersonOf(p storage.Person) identity.Person {
	person := identity.Person{
		Issuer: p.Issuer, Subject: p.Subject, Login: p.Login, Name: p.Name,
		Email: p.Email, EmailVerified: p.Email != "", HostedDomain: p.Domain, Groups: p.Groups, Orgs: p.Groups,
	}
	for _, fact := range p.Known {
		person.Known = append(person.Known, identity.Fact(fact))
	}
	return person
}
