package identity

import (
	"slices"
	"strings"
)

// subjectPrefix marks a list entry that is the provider's ID of an account rather than a
// name.
const subjectPrefix = "sub:"

// Policy says who may sign in. The zero value allows no one.
//
// Names and addresses are compared without regard to ASCII case and to nothing else: no
// other character folds to an ASCII letter. They are names, not ids: when an account on the
// list is renamed or deleted, its provider may let someone else register the old name, and
// that person then matches. Entries such as "sub:583231" are IDs and do not have that
// problem; neither do organizations and groups.
//
// A policy applies to one provider's accounts; it does not check the issuer.
type Policy struct {
	AllowAnyone bool     // every user of the provider
	Users       []string // logins, verified email addresses, or "sub:" and the provider's id of the account
	Domains     []string // domains of verified email addresses and of Google Workspaces, without their subdomains
	Orgs        []string // GitHub organizations and teams (org/team) whose members may sign in
	Groups      []string // groups of an OpenID provider whose members may sign in, compared exactly
	Admins      []string // administrators, like Users; being one is no permission to sign in
}

// Empty reports whether the policy allows no one.
func (p Policy) Empty() bool {
	return !p.AllowAnyone && len(p.Users)+len(p.Domains)+len(p.Orgs)+len(p.Groups) == 0
}

// Check returns nil if the user may sign in, and otherwise a *RefusedError whose text may
// be shown to the user. It does not name the lists' contents.
func (p Policy) Check(who Person) error {
	switch {
	case who.Issuer == "" || who.Subject == "":
		return refused(who.Label(), "the provider did not identify the account")
	case p.AllowAnyone, listed(p.Users, who), p.inDomain(who), p.inOrg(who), p.inGroup(who):
		return nil
	case len(p.Groups) > 0 && who.GroupsUnknown:
		return refused(who.Label(), "the account is in too many groups for the provider to list; "+
			"the administrator can limit the list to groups assigned to this application")
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

// plainGroup trims the leading slash of Keycloak's group paths.
func plainGroup(name string) string { return strings.TrimPrefix(name, "/") }

// NeedsOrgs reports whether GitHub has to be asked for the person's organizations.
func (p Policy) NeedsOrgs() bool {
	return !p.AllowAnyone && slices.ContainsFunc(p.Orgs, func(o string) bool { return !strings.Contains(o, "/") })
}

// NeedsTeams reports whether GitHub has to be asked for the person's teams.
func (p Policy) NeedsTeams() bool {
	return !p.AllowAnyone && slices.ContainsFunc(p.Orgs, func(o string) bool { return strings.Contains(o, "/") })
}

// NeedsEmail reports whether the person's verified email address matters.
func (p Policy) NeedsEmail() bool {
	return hasAddress(p.Admins) || !p.AllowAnyone && (len(p.Domains) > 0 || hasAddress(p.Users))
}

// NeedsGroups reports whether the provider has to say which groups the person is in.
func (p Policy) NeedsGroups() bool { return !p.AllowAnyone && len(p.Groups) > 0 }

// IsAdmin reports whether the person is on the administrators' list. It says nothing
// about whether the person may sign in.
func (p Policy) IsAdmin(who Person) bool {
	return who.Issuer != "" && who.Subject != "" && listed(p.Admins, who)
}

// Validate reports the first entry that can never match, such as a malformed domain. The
// error is ErrMisconfigured and quotes the entry.
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
		return "no one is allowed to sign in to this server yet"
	case len(p.Orgs) > 0:
		return "the account is neither on the list of users who may sign in to this server " +
			"nor a member of an allowed organization, or the organization has not approved this application"
	case len(p.Groups) > 0:
		return "the account is neither on the list of users who may sign in to this server " +
			"nor in an allowed group"
	default:
		return "the account is not on the list of users who may sign in to this server"
	}
}

// listed reports whether a list of users contains the user: by login, by verified email
// address, or by the provider's id.
func listed(list []string, who Person) bool {
	if len(list) == 0 {
		return false
	}
	email, err := normalEmail(who.Email)
	verified := err == nil && who.EmailVerified
	for _, entry := range list {
		if id, ok := strings.CutPrefix(entry, subjectPrefix); ok {
			if id != "" && id == who.Subject {
				return true
			}
			continue
		}
		if equalName(entry, who.Login) || verified && isAddress(entry, email) {
			return true
		}
	}
	return false
}

// isAddress reports whether an entry is the normal address. Most entries differ before the
// "@", so domains are rarely compared: calls with an access token run this as well.
func isAddress(entry, email string) bool {
	mine, _, _ := cutAddress(email)
	local, _, ok := cutAddress(entry)
	if !ok || !equalName(local, mine) {
		return false
	}
	address, err := normalEmail(entry)
	return err == nil && address == email
}

func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return equalName(n, name) })
}

// equalName folds A-Z only.
func equalName(a, b string) bool {
	return b != "" && len(a) == len(b) && lowerASCII(a) == lowerASCII(b)
}
