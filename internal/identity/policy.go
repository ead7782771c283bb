package identity

// Policy says who may sign in. The zero value lets nobody in.
//
// Names are compared without regard to ASCII case and to nothing else: no other
// character folds to an ASCII letter. They are names, not ids: when an account on
// the list is renamed or deleted, its provider may let somebody else register the
// old name, and that person then matches. Organisations, whose owners manage the
// membership, do not have that problem for their members.
//
// A policy speaks about one provider's logins and organisations; it does not look
// at the issuer.
type Policy struct {
	AllowAnyone bool     // whoever the provider signs in
	Users       []string // logins that may sign in
	Orgs        []string // organisations whose members may sign in
	Admins      []string // logins of administrators; being one is no permission to sign in
}

// Check returns nil when the person may sign in, and otherwise a *RefusedError
// whose text may be shown to the person. It does not name the lists' contents.
func (p Policy) Check(who Person) error {
	switch {
	case who.Issuer == "" || who.Subject == "":
		return refused(who.Login, "the provider did not say which account it is")
	case p.AllowAnyone, contains(p.Users, who.Login):
		return nil
	}
	for _, org := range who.Orgs {
		if contains(p.Orgs, org) {
			return nil
		}
	}
	return refused(who.Login, p.reason())
}

// NeedsOrgs reports whether the provider has to be asked for the person's
// organisations.
func (p Policy) NeedsOrgs() bool { return !p.AllowAnyone && len(p.Orgs) > 0 }

// IsAdmin reports whether the person's login is on the administrators' list. It
// says nothing about whether the person may sign in.
func (p Policy) IsAdmin(who Person) bool {
	return who.Issuer != "" && who.Subject != "" && contains(p.Admins, who.Login)
}

func (p Policy) reason() string {
	switch {
	case len(p.Users) == 0 && len(p.Orgs) == 0:
		return "nobody has been allowed to sign in to this server yet"
	case len(p.Orgs) == 0:
		return "the account is not on the list of people who may sign in to this server"
	default:
		return "the account is neither on the list of people who may sign in to this server " +
			"nor a member of an allowed organisation, or the organisation has not approved this application"
	}
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if name != "" && equalFoldASCII(n, name) {
			return true
		}
	}
	return false
}

// equalFoldASCII folds A-Z only. strings.EqualFold would also fold U+212A KELVIN
// SIGN to k and U+017F LONG S to s.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
