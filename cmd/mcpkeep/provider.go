package main

import (
	"context"
	"log/slog"
	"strings"
	"unicode"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// providerFlags say who signs people in, and who of them may enter.
type providerFlags struct {
	Provider           string   `name:"provider" env:"MCPKEEP_PROVIDER" placeholder:"NAME" help:"Who signs people in: local (one person, a password), github, google, or oidc (any OpenID provider). Default local on loopback; otherwise required."`
	GitHubClientID     string   `name:"github-client-id" env:"MCPKEEP_GITHUB_CLIENT_ID,FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID" placeholder:"ID" help:"Client id of the GitHub OAuth app."`
	GitHubClientSecret string   `name:"github-client-secret" env:"MCPKEEP_GITHUB_CLIENT_SECRET,FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET" placeholder:"SECRET" help:"Client secret of the GitHub OAuth app. Better given by the variable."`
	GitHubURL          string   `name:"github-url" env:"MCPKEEP_GITHUB_URL" placeholder:"URL" help:"GitHub Enterprise's origin. Default https://github.com."`
	GitHubAPIURL       string   `name:"github-api-url" env:"MCPKEEP_GITHUB_API_URL" placeholder:"URL" help:"GitHub Enterprise's API. Default derived from --github-url."`
	GoogleClientID     string   `name:"google-client-id" env:"MCPKEEP_GOOGLE_CLIENT_ID,FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_ID" placeholder:"ID" help:"Client id of the Google OAuth client."`
	GoogleClientSecret string   `name:"google-client-secret" env:"MCPKEEP_GOOGLE_CLIENT_SECRET,FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_SECRET" placeholder:"SECRET" help:"Client secret of the Google OAuth client. Better given by the variable."`
	OIDCIssuer         string   `name:"oidc-issuer" env:"MCPKEEP_OIDC_ISSUER" placeholder:"URL" help:"Issuer of the OpenID provider, below which it has /.well-known/openid-configuration."`
	OIDCClientID       string   `name:"oidc-client-id" env:"MCPKEEP_OIDC_CLIENT_ID" placeholder:"ID" help:"Client id at the OpenID provider."`
	OIDCClientSecret   string   `name:"oidc-client-secret" env:"MCPKEEP_OIDC_CLIENT_SECRET" placeholder:"SECRET" help:"Client secret at the OpenID provider. Better given by the variable."`
	OIDCScopes         []string `name:"oidc-scopes" env:"MCPKEEP_OIDC_SCOPES" placeholder:"SCOPE" help:"Scopes to ask for beside openid. Default profile, email, and of what the provider announces offline_access, and groups where they decide."`
	OIDCGroupsClaim    string   `name:"oidc-groups-claim" env:"MCPKEEP_OIDC_GROUPS_CLAIM" placeholder:"CLAIM" help:"Claim with the person's groups; names within objects are joined by dots, such as realm_access.roles. Default groups, or the provider's usual one."`
	AllowedUsers       []string `name:"allowed-users" env:"MCPKEEP_ALLOWED_USERS,GITHUB_ALLOWED_USERNAMES" placeholder:"WHO" help:"People who may sign in: logins, verified e-mail addresses, or sub: and the provider's id of the account. Default nobody."`
	AllowedDomains     []string `name:"allowed-domains" env:"MCPKEEP_ALLOWED_DOMAINS" placeholder:"DOMAIN" help:"Domains whose people may sign in, by their verified e-mail address or Google Workspace; without subdomains. Default none."`
	AllowedOrgs        []string `name:"allowed-orgs" env:"MCPKEEP_ALLOWED_ORGS" placeholder:"ORG" help:"GitHub organisations, or teams as org/team, whose members may sign in. Default none."`
	AllowedGroups      []string `name:"allowed-groups" env:"MCPKEEP_ALLOWED_GROUPS" placeholder:"GROUP" help:"Groups of the OpenID provider whose members may sign in. Default none."`
	AllowAnyone        bool     `name:"allow-anyone" env:"MCPKEEP_ALLOW_ANYONE" help:"Let everybody in whom the provider signs in."`
	Admins             []string `name:"admins" env:"MCPKEEP_ADMINS" placeholder:"WHO" help:"People who may see and delete everybody's clients, given like --allowed-users. Default nobody. The local provider's person is \"owner\"."`
}

// policy returns who may sign in.
func (f *providerFlags) policy() identity.Policy {
	return identity.Policy{
		AllowAnyone: f.AllowAnyone, Users: trimmed(f.AllowedUsers), Domains: trimmed(f.AllowedDomains),
		Orgs: trimmed(f.AllowedOrgs), Groups: trimmed(f.AllowedGroups), Admins: trimmed(f.Admins),
	}
}

func trimmed(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

const providers = "want local, github, google or oidc"

// upstream returns the provider that signs people in, nil for the local one.
func (f *providerFlags) upstream(loopback bool) (identity.Upstream, error) {
	var connect func() (identity.Upstream, error)
	switch f.Provider {
	case "local":
		return nil, f.checkAdmins()
	case "github":
		connect = f.github
	case "google":
		connect = f.google
	case "oidc":
		connect = f.oidc
	case "":
		if loopback {
			return nil, f.checkAdmins()
		}
		return nil, usagef("MCPKEEP_PROVIDER (--provider): required when not listening on loopback; " + providers)
	default:
		return nil, usagef("MCPKEEP_PROVIDER (--provider): %q is not known; "+providers, f.Provider)
	}
	upstream, err := connect()
	if err != nil {
		return nil, err
	}
	return upstream, f.checkPolicy()
}

// required returns the first of the settings that is empty as an error.
func (f *providerFlags) required(settings ...[3]string) error {
	for _, s := range settings {
		variable, value, what := s[0], s[1], s[2]
		if value == "" {
			flag := "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, "MCPKEEP_"), "_", "-"))
			return usagef("%s (%s): required with the provider %s; want %s", variable, flag, f.Provider, what)
		}
	}
	return nil
}

func (f *providerFlags) github() (identity.Upstream, error) {
	err := f.required(
		[3]string{"MCPKEEP_GITHUB_CLIENT_ID", f.GitHubClientID, "the OAuth app's client id"},
		[3]string{"MCPKEEP_GITHUB_CLIENT_SECRET", f.GitHubClientSecret, "the OAuth app's client secret"},
	)
	if err != nil {
		return nil, err
	}
	policy := f.policy()
	gh, err := identity.NewGitHub(identity.GitHubConfig{
		ClientID: f.GitHubClientID, ClientSecret: f.GitHubClientSecret, URL: f.GitHubURL, APIURL: f.GitHubAPIURL,
		Orgs: policy.NeedsOrgs(), Teams: policy.NeedsTeams(), Emails: policy.NeedsEmail(),
	})
	if err != nil {
		return nil, usagef("MCPKEEP_GITHUB_URL, MCPKEEP_GITHUB_API_URL: %w", err)
	}
	return gh, nil
}

func (f *providerFlags) google() (identity.Upstream, error) {
	err := f.required(
		[3]string{"MCPKEEP_GOOGLE_CLIENT_ID", f.GoogleClientID, "the OAuth client's id"},
		[3]string{"MCPKEEP_GOOGLE_CLIENT_SECRET", f.GoogleClientSecret, "the OAuth client's secret"},
	)
	if err != nil {
		return nil, err
	}
	return identity.NewGoogle(identity.OIDCConfig{ClientID: f.GoogleClientID, ClientSecret: f.GoogleClientSecret})
}

func (f *providerFlags) oidc() (identity.Upstream, error) {
	err := f.required(
		[3]string{"MCPKEEP_OIDC_ISSUER", f.OIDCIssuer, "the provider's issuer, such as https://login.example.com"},
		[3]string{"MCPKEEP_OIDC_CLIENT_ID", f.OIDCClientID, "the client id that the provider gave"},
		[3]string{"MCPKEEP_OIDC_CLIENT_SECRET", f.OIDCClientSecret, "the client secret that the provider gave"},
	)
	if err != nil {
		return nil, err
	}
	notInScope := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	op, err := identity.NewOIDC(identity.OIDCConfig{
		Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: f.OIDCClientSecret,
		Scopes: strings.FieldsFunc(strings.Join(f.OIDCScopes, ","), notInScope),
		Groups: f.policy().NeedsGroups(), GroupsClaim: f.OIDCGroupsClaim,
	})
	if err != nil {
		return nil, usagef("MCPKEEP_OIDC_ISSUER (--oidc-issuer): %w", err)
	}
	return op, nil
}

// checkPolicy refuses lists that let nobody in, or not those whom they seem to.
func (f *providerFlags) checkPolicy() error {
	p := f.policy()
	switch {
	case len(p.Orgs) > 0 && f.Provider != "github":
		return usagef("MCPKEEP_ALLOWED_ORGS (--allowed-orgs): only GitHub has organisations; want MCPKEEP_ALLOWED_USERS, _DOMAINS%s", groupsToo(f.Provider))
	case len(p.Groups) > 0 && f.Provider != "oidc":
		return usagef("MCPKEEP_ALLOWED_GROUPS (--allowed-groups): the provider %s tells no groups; want %s", f.Provider, insteadOfGroups(f.Provider))
	case p.AllowAnyone && len(p.Users)+len(p.Domains)+len(p.Orgs)+len(p.Groups) > 0:
		return usagef("MCPKEEP_ALLOW_ANYONE (--allow-anyone): lets everybody in, whatever the lists of who may sign in say; want the one or the others")
	case p.Empty():
		return usagef("MCPKEEP_ALLOWED_USERS (--allowed-users): nobody could sign in; want people here, domains in MCPKEEP_ALLOWED_DOMAINS, %s, or MCPKEEP_ALLOW_ANYONE=true",
			map[string]string{
				"github": "organisations in MCPKEEP_ALLOWED_ORGS", "google": "a Google Workspace's among them",
				"oidc": "groups in MCPKEEP_ALLOWED_GROUPS",
			}[f.Provider])
	}
	if err := (identity.Policy{Domains: p.Domains}).Validate(); err != nil {
		return usagef("MCPKEEP_ALLOWED_DOMAINS (--allowed-domains): %w; want domains such as example.com", err)
	}
	if err := (identity.Policy{Users: p.Users}).Validate(); err != nil {
		return usagef("MCPKEEP_ALLOWED_USERS (--allowed-users): %w; want logins, addresses such as alice@example.com, or sub:ID", err)
	}
	return f.checkAdmins()
}

func (f *providerFlags) checkAdmins() error {
	if err := (identity.Policy{Admins: trimmed(f.Admins)}).Validate(); err != nil {
		return usagef("MCPKEEP_ADMINS (--admins): %w; want logins, addresses such as alice@example.com, or sub:ID", err)
	}
	return nil
}

func groupsToo(provider string) string {
	if provider == "oidc" {
		return " or _GROUPS"
	}
	return ""
}

func insteadOfGroups(provider string) string {
	if provider == "github" {
		return "organisations and teams in MCPKEEP_ALLOWED_ORGS"
	}
	return "domains in MCPKEEP_ALLOWED_DOMAINS"
}

// lookUp asks an OpenID provider about itself at start, so that what is wrong is in
// the log before people come. A provider that is down does not stop the start.
func lookUp(ctx context.Context, upstream identity.Upstream, log *slog.Logger) {
	provider, ok := upstream.(interface{ Discover(context.Context) error })
	if !ok {
		return
	}
	if err := provider.Discover(ctx); err != nil && ctx.Err() == nil {
		log.Warn("the sign-in provider cannot be used now", "error", err)
	}
}
