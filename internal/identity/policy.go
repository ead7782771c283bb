package identity

import (
	"slices"
	"strings"
)

// subjectPrefix marks an entry of a list that is the provider's id of an account and
// not a name.
const subjectPrefix = "sub:"

// Policy says who may sign in. The zero value lets nobody in.
//
// Names and addresses are compared without regard to ASCII case and to nothing else:
// no other character folds to an ASCII letter. They are names, not ids: when an
// account on the list is renamed or deleted, its provider may let somebody else
// register the old name, and that person then matches. Entries such as "sub:583231"
// are ids and do not have that problem, nor have organisations and groups for their
// members.
//
// A policy speaks about one provider's accounts; it does not look at the issuer.
type Policy struct {
	AllowAnyone bool     // whoever the provider signs in
	Users       []string // logins, verified e-mail addresses, or "sub:" and the provider's id of the account
	Domains     []string // domains of verified e-mail addresses and of Google Workspaces, without their subdomains
	Orgs        []string // GitHub organisations and teams (org/team) whose members may sign in
	Groups      []string // groups of an OpenID provider whose members may sign in, compared exactly
	Admins      []string // administrators, like Users; being one is no permission to sign in
}

// Empty reports that the policy lets nobody in.
func (p Policy) Empty() bool {
	return !p.AllowAnyone && len(p.Users)+len(p.Domains)+len(p.Orgs)+len(p.Groups) == 0
}

// Check returns nil when the person may sign in, and otherwise a *RefusedError
// whose text may be shown to the person. It does not name the lists' contents.
func (p Policy) Check(who Person) error {
	switch {
	case who.Issuer == "" || who.Subject == "":
		return refused(who.Label(), "the provider did not say which account it is")
	case p.AllowAnyone, listed(p.Users, who), p.inDomain(who), p.inOrg(who), p.inGroup(who):
		return nil
	case len(p.Groups) > 0 && who.GroupsUnknown:
		return refused(who.Label(), "the account is in too many groups for the provider to list them; "+
			"the operator can have it list only the groups that are assigned to this application")
	case who.Withheld != "":
		return refused(who.Label(), who.Withheld)
	}
	return refused(who.Label(), p.reason())
}

func (p Policy) inDomain(who Person) bool {
	var mine []string
	if email, err := normalEmail(who.Email); err == nil && who.EmailVerified {
		mine = append(mine, domainOf(email))
	}
	if domain, err := normalDomain(who.HostedDomain); err == nil {
		mine = append(mine, domain)
	}
	for _, entry := range p.Domains {
		domain, err := normalDomain(strings.TrimPrefix(entry, "@"))
		if err == nil && slices.Contains(mine, domain) {
			return true
		}
	}
	return false
}

func (p Policy) inOrg(who Person) bool {
	return slices.ContainsFunc(who.Orgs, func(org string) bool { return contains(p.Orgs, org) })
}

func (p Policy) inGroup(who Person) bool {
	for _, entry := range p.Groups {
		if entry = plainGroup(entry); entry != "" && slices.Contains(who.Groups, entry) {
			return true
		}
	}
	return false
}

// plainGroup leaves out the slash that Keycloak begins the path of a group with.
func plainGroup(name string) string { return strings.TrimPrefix(name, "/") }

// NeedsOrgs reports whether GitHub has to be asked for the person's organisations.
func (p Policy) NeedsOrgs() bool {
	return !p.AllowAnyone && slices.ContainsFunc(p.Orgs, func(o string) bool { return !strings.Contains(o, "/") })
}

// NeedsTeams reports whether GitHub has to be asked for the person's teams.
func (p Policy) NeedsTeams() bool {
	return !p.AllowAnyone && slices.ContainsFunc(p.Orgs, func(o string) bool { return strings.Contains(o, "/") })
}

// NeedsEmail reports whether the person's verified e-mail address matters.
func (p Policy) NeedsEmail() bool {
	hasAddress := func(list []string) bool {
		return slices.ContainsFunc(list, func(entry string) bool {
			return strings.Contains(entry, "@") && !strings.HasPrefix(entry, subjectPrefix)
		})
	}
	return hasAddress(p.Admins) || !p.AllowAnyone && (len(p.Domains) > 0 || hasAddress(p.Users))
}

// NeedsGroups reports whether the provider has to say which groups the person is in.
func (p Policy) NeedsGroups() bool { return !p.AllowAnyone && len(p.Groups) > 0 }

// IsAdmin reports whether the person is on the administrators' list. It says nothing
// about whether the person may sign in.
func (p Policy) IsAdmin(who Person) bool {
	return who.Issuer != "" && who.Subject != "" && listed(p.Admins, who)
}

// Validate reports the first entry that can never match, such as a domain that is
// none. The error is ErrMisconfigured and quotes the entry.
func (p Policy) Validate() error {
	for _, entry := range p.Domains {
		if _, err := normalDomain(strings.TrimPrefix(entry, "@")); err != nil {
			return misconfigured("%s is %v", clip(entry), err)
		}
	}
	for _, entry := range slices.Concat(p.Users, p.Admins) {
		if strings.HasPrefix(entry, subjectPrefix) || !strings.Contains(entry, "@") {
			continue
		}
		if _, err := normalEmail(entry); err != nil {
			return misconfigured("%s is %v", clip(entry), err)
		}
	}
	return nil
}

func (p Policy) reason() string {
	switch {
	case p.Empty():
		return "nobody has been allowed to sign in to this server yet"
	case len(p.Orgs) > 0:
		return "the account is neither on the list of people who may sign in to this server " +
			"nor a member of an allowed organisation, or the organisation has not approved this application"
	case len(p.Groups) > 0:
		return "the account is neither on the list of people who may sign in to this server " +
			"nor in a group that may"
	default:
		return "the account is not on the list of people who may sign in to this server"
	}
}

// listed reports whether a list of people holds the person: by login, by verified
// e-mail address, or by the provider's id.
func listed(list []string, who Person) bool {
	email, err := normalEmail(who.Email)
	verified := err == nil && who.EmailVerified
	for _, entry := range list {
		if id, ok := strings.CutPrefix(entry, subjectPrefix); ok {
			if id != "" && id == who.Subject {
				return true
			}
			continue
		}
		address, err := normalEmail(entry)
		if equalName(entry, who.Login) || verified && err == nil && address == email {
			return true
		}
	}
	return false
}

func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return equalName(n, name) })
}

// equalName folds A-Z only.
func equalName(a, b string) bool {
	return b != "" && len(a) == len(b) && lowerASCII(a) == lowerASCII(b)
}
