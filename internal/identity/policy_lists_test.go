package identity_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// mail is a person with an address that the provider vouches for.
func mail(address string) identity.Person {
	return identity.Person{Issuer: "https://op.example.com", Subject: "1", Login: "x", Email: address, EmailVerified: true}
}

func unverified(address string) identity.Person {
	p := mail(address)
	p.EmailVerified = false
	return p
}

func TestPolicyLists(t *testing.T) {
	t.Parallel()
	users := identity.Policy{Users: []string{"Alice@Example.com", "sub:007", "bob@b\u00fccher.example"}}
	domains := identity.Policy{Domains: []string{"Example.com", "@b\u00fccher.example"}}
	teams := identity.Policy{Orgs: []string{"acme/Eng"}}
	groups := identity.Policy{Groups: []string{"/staff/admins", "Ops"}}
	group := func(names ...string) identity.Person {
		p := mail("alice@x.example")
		p.Groups = names
		return p
	}
	hosted := func(domain string) identity.Person {
		p := unverified("alice@other.example")
		p.HostedDomain = domain
		return p
	}
	tests := map[string]struct {
		policy identity.Policy
		person identity.Person
		ok     bool
	}{
		"address":                        {users, mail("alice@example.com"), true},
		"an id that begins like ours":    {users, identity.Person{Issuer: "https://op.example", Subject: "0071"}, false},
		"an id":                          {users, identity.Person{Issuer: "https://op.example", Subject: "007"}, true},
		"address, other case":            {users, mail("ALICE@EXAMPLE.COM"), true},
		"A14 unverified":                 {users, unverified("alice@example.com"), false},
		"A14 homoglyph domain":           {users, mail("alice@ex\u0430mple.com"), false},
		"A14 Kelvin sign":                {identity.Policy{Users: []string{"kate@example.com"}}, mail("\u212aate@example.com"), false},
		"A14 Unicode's other @":          {users, mail("alice\uff20example.com"), false},
		"A14 second @":                   {users, mail("mallory@evil.example@example.com"), false},
		"A14 display name":               {users, mail("<alice@example.com>"), false},
		"international domain":           {users, mail("bob@b\u00fccher.example"), true},
		"international domain, punycode": {users, mail("bob@xn--bcher-kva.example"), true},
		"address as login":               {users, person("alice@example.com"), true}, // only from who vouches for it
		"id":                             {users, identity.Person{Issuer: "i", Subject: "007", Login: "renamed"}, true},
		"id as login":                    {users, identity.Person{Issuer: "i", Subject: "1", Login: "sub:007"}, false},
		"id without prefix":              {identity.Policy{Users: []string{"007"}}, identity.Person{Issuer: "i", Subject: "007", Login: "bond"}, false},
		"empty id":                       {identity.Policy{Users: []string{"sub:"}}, identity.Person{Issuer: "i", Subject: "1", Login: "sub:"}, false},

		"domain":                        {domains, mail("anyone@example.com"), true},
		"domain, international":         {domains, mail("anyone@xn--bcher-kva.example"), true},
		"A14 domain, unverified":        {domains, unverified("anyone@example.com"), false},
		"A14 domain, homoglyph":         {domains, mail("a@\u0435xample.com"), false},
		"A14 domain, full width":        {domains, mail("a@\uff45xample.com"), false},
		"A14 domain, other @":           {domains, mail("a@evil.example\uff20example.com"), false},
		"A14 domain, quoted":            {domains, mail(`"a@evil.example"@example.com`), false},
		"subdomain":                     {domains, mail("a@sub.example.com"), false},
		"longer domain":                 {domains, mail("a@notexample.com"), false},
		"domain in the local part":      {domains, mail("example.com@evil.example"), false},
		"Workspace":                     {domains, hosted("example.com"), true},
		"another Workspace":             {domains, hosted("evil.example"), false},
		"no domain":                     {domains, mail(""), false},
		"an empty entry is not a match": {identity.Policy{Domains: []string{""}}, identity.Person{Issuer: "i", Subject: "1"}, false},

		"team":             {teams, person("x", "acme/eng"), true},
		"its organization": {teams, person("x", "acme"), false},
		"another team":     {teams, person("x", "acme/ops"), false},
		"same slug":        {teams, person("x", "evil/eng"), false},

		"group":                  {groups, group("Ops"), true},
		"group with a path":      {groups, group("staff/admins"), true},
		"group, other case":      {groups, group("ops"), false},
		"parent group":           {groups, group("staff"), false},
		"no groups":              {groups, group(), false},
		"an empty group":         {identity.Policy{Groups: []string{"", "/"}}, group(""), false},
		"a group is not a login": {groups, identity.Person{Issuer: "i", Subject: "1", Login: "Ops"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.policy.Check(tt.person)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, identity.ErrRefused) {
				t.Errorf("%v", err)
			}
			admins := identity.Policy{Admins: tt.policy.Users}
			if len(tt.policy.Users) > 0 && admins.IsAdmin(tt.person) != tt.ok {
				t.Error("administrators are found in another way than people who may enter")
			}
		})
	}
}

func TestPolicyNeeds(t *testing.T) {
	t.Parallel()
	type needs struct{ Orgs, Teams, Email, Groups, Empty bool }
	for name, tt := range map[string]struct {
		policy identity.Policy
		want   needs
	}{
		"nothing":                   {identity.Policy{}, needs{Empty: true}},
		"administrators only":       {identity.Policy{Admins: []string{"kate"}}, needs{Empty: true}},
		"anyone":                    {identity.Policy{AllowAnyone: true}, needs{}},
		"anyone, lists":             {identity.Policy{AllowAnyone: true, Orgs: []string{"a", "a/b"}, Domains: []string{"c"}, Groups: []string{"d"}}, needs{}},
		"logins":                    {identity.Policy{Users: []string{"kate", "sub:a@b"}}, needs{}},
		"addresses":                 {identity.Policy{Users: []string{"kate@example.com"}}, needs{Email: true}},
		"administrators by address": {identity.Policy{AllowAnyone: true, Admins: []string{"kate@example.com"}}, needs{Email: true}},
		"domains":                   {identity.Policy{Domains: []string{"example.com"}}, needs{Email: true}},
		"organizations":             {identity.Policy{Orgs: []string{"acme"}}, needs{Orgs: true}},
		"teams":                     {identity.Policy{Orgs: []string{"acme/eng"}}, needs{Teams: true}},
		"groups":                    {identity.Policy{Groups: []string{"ops"}}, needs{Groups: true}},
	} {
		p := tt.policy
		got := needs{p.NeedsOrgs(), p.NeedsTeams(), p.NeedsEmail(), p.NeedsGroups(), p.Empty()}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPolicyValidate(t *testing.T) {
	t.Parallel()
	for entry, p := range map[string]identity.Policy{
		"example":       {Domains: []string{"example"}},
		"*.example.com": {Domains: []string{"*.example.com"}},
		"a@example.com": {Domains: []string{"a@example.com"}},
		"kate@":         {Users: []string{"kate@"}},
		"@example.com":  {Users: []string{"@example.com"}},
		"a@b@c.example": {Admins: []string{"kate", "a@b@c.example"}},
	} {
		wantError(t, p.Validate(), identity.ErrMisconfigured, entry)
	}
	good := identity.Policy{
		Users: []string{"kate", "kate@example.com", "sub:a@b@c"}, Domains: []string{"@example.com", "b\u00fccher.example"}, Admins: []string{"k"},
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestGitHubTeamsAndAddress(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	s.SetTeams("octocat", "acme/a", "acme/b", "acme/c")
	s.SetOrgPageSize(2)
	s.SetPrimary("octocat", "Cat@Example.com", true)
	everything := func(c *identity.GitHubConfig) { c.Orgs, c.Teams, c.Emails = true, true, true }
	p, token := signIn(t, s, provider(t, s, everything))
	if diff := cmp.Diff([]string{"github", "octo-org", "acme/a", "acme/b", "acme/c"}, p.Orgs); diff != "" {
		t.Errorf("memberships (-want +got):\n%s", diff)
	}
	if p.Email != "Cat@Example.com" || !p.EmailVerified {
		t.Errorf("address %q, verified %v", p.Email, p.EmailVerified)
	}
	s.SetPrimary("octocat", "boss@example.com", false)
	p, _, err := provider(t, s, everything).Recheck(t.Context(), token)
	if err != nil || p.EmailVerified {
		t.Errorf("%v; an unverified primary address counts: %v", err, p.EmailVerified)
	}
	for name, change := range map[string]func(*identity.GitHubConfig){
		"user:email": func(c *identity.GitHubConfig) { c.Emails = true }, "read:org": func(c *identity.GitHubConfig) { c.Teams = true },
	} {
		s.LimitScopes("read:user")
		g := provider(t, s, change)
		p, _, err := g.Exchange(t.Context(), signInRequest(t, s, g))
		if err != nil || p.EmailVerified || len(p.Orgs) > 0 {
			t.Errorf("without %s: %v, verified %t, %v", name, err, p.EmailVerified, p.Orgs)
		}
		wantError(t, identity.Policy{Domains: []string{"example.com"}}.Check(p), identity.ErrRefused, name)
	}
}
