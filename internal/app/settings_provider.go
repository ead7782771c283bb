package app

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// shortestPassword is for one that a person chose and that strangers may try;
// guessing is slowed down. On a private server any will do.
const shortestPassword = 8

// Kinds of providers.
const (
	Local  = "local"
	GitHub = "github"
	Google = "google"
	OIDC   = "oidc"
)

// onlyLoopback says when a server is private.
const onlyLoopback = "it listens on loopback, and {BaseURL} has only loopback names"

const providerKinds = "local, github, google or oidc"

// policy says who may sign in.
func (s Settings) policy() identity.Policy {
	return identity.Policy{
		AllowAnyone: s.Allow.Anyone, Users: trimmed(s.Allow.Users), Domains: trimmed(s.Allow.Domains),
		Orgs: trimmed(s.Allow.Orgs), Groups: trimmed(s.Allow.Groups), Admins: trimmed(s.Admins),
	}
}

// checkProvider returns the provider that signs people in, by a clock. private is
// Checked.Private.
func (s Settings) checkProvider(private bool, now func() time.Time) (identity.Provider, *SettingError) {
	var connect func(now func() time.Time) (identity.Provider, *SettingError)
	switch s.Provider.Kind {
	case "":
		if !private {
			return nil, problem("Provider", providerKinds, "required unless only this machine can connect: "+onlyLoopback)
		}
		return identity.Local{}, s.checkLocal(private)
	case Local:
		return identity.Local{}, s.checkLocal(private)
	case GitHub:
		connect = s.github
	case Google:
		connect = s.google
	case OIDC:
		connect = s.oidc
	default:
		return nil, problem("Provider", providerKinds, "%q is not known", s.Provider.Kind)
	}
	provider, err := connect(now)
	if err == nil {
		err = s.checkPolicy()
	}
	if err == nil {
		err = s.checkCallbackPath()
	}
	return provider, err
}

// checkCallbackPath refuses a path that is no path, or that has another meaning.
func (s Settings) checkCallbackPath() *SettingError {
	path := s.Provider.CallbackPath
	if path == "" || server.UsableCallbackPath(path) {
		return nil
	}
	return problem("Provider.CallbackPath", "a path of its own such as /auth/callback", "%q is not usable", path)
}

// checkLocal refuses a password that strangers could guess.
func (s Settings) checkLocal(private bool) *SettingError {
	if p := s.Provider.Password; p != "" && len(p) < shortestPassword && !private {
		return problem("Provider.Password", "at least 8 characters unless only this machine can connect: "+onlyLoopback, "too short")
	}
	return s.checkAdmins()
}

// required returns the first part of the provider that is missing as an error.
func (p Provider) required(id, secret string) *SettingError {
	const missing = "required with the provider %s"
	switch {
	case p.ClientID == "":
		return problem("Provider.ClientID", id, missing, p.Kind)
	case p.ClientSecret == "":
		return problem("Provider.ClientSecret", secret, missing, p.Kind)
	}
	return nil
}

func (s Settings) github(now func() time.Time) (identity.Provider, *SettingError) {
	p := s.Provider
	if err := p.required("the OAuth app's client id", "the OAuth app's client secret"); err != nil {
		return nil, err
	}
	gh, err := identity.NewGitHub(identity.GitHubConfig{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, URL: p.Issuer, APIURL: p.APIURL, Title: p.Title,
		Orgs: s.anyNeeds(identity.Policy.NeedsOrgs), Teams: s.anyNeeds(identity.Policy.NeedsTeams), Emails: s.anyNeeds(identity.Policy.NeedsEmail),
		Now: now, HTTPClient: s.providerClient(),
	})
	if err != nil {
		return nil, because("Provider.Issuer", "", err)
	}
	return gh, nil
}

func (s Settings) google(now func() time.Time) (identity.Provider, *SettingError) {
	p := s.Provider
	if err := p.required("the OAuth client's id", "the OAuth client's secret"); err != nil {
		return nil, err
	}
	provider, err := identity.NewGoogle(identity.OIDCConfig{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Title: p.Title, Now: now, HTTPClient: s.providerClient()})
	if err != nil {
		return nil, because("Provider", "", err)
	}
	return provider, nil
}

func (s Settings) oidc(now func() time.Time) (identity.Provider, *SettingError) {
	p := s.Provider
	if p.Issuer == "" {
		return nil, problem("Provider.Issuer", "the provider's issuer, such as https://login.example.com", "required with the provider oidc")
	}
	if err := p.required("the client id that the provider gave", "the client secret that the provider gave"); err != nil {
		return nil, err
	}
	notInScope := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	provider, err := identity.NewOIDC(identity.OIDCConfig{
		Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret,
		Scopes: strings.FieldsFunc(strings.Join(p.Scopes, ","), notInScope),
		Groups: s.anyNeeds(identity.Policy.NeedsGroups), GroupsClaim: p.GroupsClaim, Title: p.Title, Now: now,
		HTTPClient: s.providerClient(),
	})
	if err != nil {
		return nil, because("Provider.Issuer", "", err)
	}
	return provider, nil
}

// checkPolicy rejects lists that allow no one, or not the users they seem to allow.
func (s Settings) checkPolicy() *SettingError {
	p, kind := s.policy(), s.Provider.Kind
	if err := checkEntries(kind, p); err != nil {
		return err
	}
	switch {
	case len(p.Orgs) > 0 && kind != GitHub:
		others := "{Allow.Users} or {Allow.Domains}"
		if kind == OIDC {
			others = "{Allow.Users}, {Allow.Domains} or {Allow.Groups}"
		}
		return problem("Allow.Orgs", others, "only GitHub has organizations")
	case len(p.Groups) > 0 && kind != OIDC:
		others := "domains in {Allow.Domains}"
		if kind == GitHub {
			others = "organizations and teams in {Allow.Orgs}"
		}
		return problem("Allow.Groups", others, "the provider %s does not report groups", kind)
	case p.AllowAnyone && len(p.Users)+len(p.Domains)+len(p.Orgs)+len(p.Groups) > 0:
		return problem("Allow.Anyone", "one or the other", "allows everyone, so the lists of who may sign in have no effect")
	case p.Empty():
		return problem("Allow.Users", "people here, domains in {Allow.Domains}, "+map[string]string{
			GitHub: "organizations in {Allow.Orgs}", Google: "including Google Workspace domains", OIDC: "groups in {Allow.Groups}",
		}[kind]+", or {Allow.Anyone}=true", "no one could sign in")
	}
	if err := (identity.Policy{Domains: p.Domains}).Validate(); err != nil {
		return because("Allow.Domains", "domains such as example.com", err)
	}
	if err := (identity.Policy{Users: p.Users}).Validate(); err != nil {
		return because("Allow.Users", people, err)
	}
	return s.checkAdmins()
}

const people = "logins, addresses such as alice@example.com, or sub:ID"

// checkEntries refuses entries that can match no one: a list in another notation, a URL.
func checkEntries(kind string, p identity.Policy) *SettingError {
	for _, list := range []struct {
		field, want string
		err         error
	}{
		{"Allow.Users", people + ", separated by commas", identity.CheckUsers(kind, p.Users)},
		{"Allow.Domains", "domains such as example.com, separated by commas", identity.CheckDomains(p.Domains)},
		{"Allow.Orgs", "names such as my-org, or my-org/some-team, separated by commas", identity.CheckOrgs(p.Orgs)},
		{"Allow.Groups", "names as in the groups claim, separated by commas", identity.CheckGroups(p.Groups)},
	} {
		if list.err != nil {
			return because(list.field, list.want, list.err)
		}
	}
	return nil
}

func (s Settings) checkAdmins() *SettingError {
	if slices.Contains(trimmed(s.Admins), "*") {
		return problem("Admins", people+", separated by commas", "%q is not a user: administrators are listed one by one", "*")
	}
	if err := identity.CheckUsers(s.Provider.Kind, trimmed(s.Admins)); err != nil {
		return because("Admins", people+", separated by commas", err)
	}
	if err := (identity.Policy{Admins: trimmed(s.Admins)}).Validate(); err != nil {
		return because("Admins", people, err)
	}
	return nil
}
