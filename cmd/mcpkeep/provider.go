package main

import "github.com/mcpkeep/mcpkeep"

// providerFlags say who signs people in, and who of them may enter.
type providerFlags struct {
	Provider           string   `name:"provider" env:"MCPKEEP_PROVIDER" placeholder:"NAME" help:"Sign-in provider: local (a single user with a password), github, google, or oidc (any OpenID provider). Default local if only this machine can connect; otherwise required."`
	ProviderName       string   `name:"provider-name" env:"MCPKEEP_PROVIDER_NAME" placeholder:"TEXT" help:"The provider's name on pages. Default GitHub, Google, Microsoft or the issuer's host."`
	GitHubClientID     string   `name:"github-client-id" env:"MCPKEEP_GITHUB_CLIENT_ID,FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID" placeholder:"ID" help:"Client ID of the GitHub OAuth app."`
	GitHubClientSecret string   `name:"github-client-secret" env:"MCPKEEP_GITHUB_CLIENT_SECRET,FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET" placeholder:"SECRET" help:"Client secret of the GitHub OAuth app. Prefer the environment variable."`
	GitHubURL          string   `name:"github-url" env:"MCPKEEP_GITHUB_URL" placeholder:"URL" help:"Origin of GitHub Enterprise. Default https://github.com."`
	GitHubAPIURL       string   `name:"github-api-url" env:"MCPKEEP_GITHUB_API_URL" placeholder:"URL" help:"API URL of GitHub Enterprise. Derived from --github-url by default."`
	GoogleClientID     string   `name:"google-client-id" env:"MCPKEEP_GOOGLE_CLIENT_ID,FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_ID" placeholder:"ID" help:"Client ID of the Google OAuth client."`
	GoogleClientSecret string   `name:"google-client-secret" env:"MCPKEEP_GOOGLE_CLIENT_SECRET,FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_SECRET" placeholder:"SECRET" help:"Client secret of the Google OAuth client. Prefer the environment variable."`
	OIDCIssuer         string   `name:"oidc-issuer" env:"MCPKEEP_OIDC_ISSUER" placeholder:"URL" help:"Issuer of the OpenID provider, which serves /.well-known/openid-configuration below it."`
	OIDCClientID       string   `name:"oidc-client-id" env:"MCPKEEP_OIDC_CLIENT_ID" placeholder:"ID" help:"Client ID at the OpenID provider."`
	OIDCClientSecret   string   `name:"oidc-client-secret" env:"MCPKEEP_OIDC_CLIENT_SECRET" placeholder:"SECRET" help:"Client secret at the OpenID provider. Prefer the environment variable."`
	OIDCScopes         []string `name:"oidc-scopes" env:"MCPKEEP_OIDC_SCOPES" placeholder:"SCOPE" help:"Scopes to request in addition to openid. Default profile, email, plus offline_access and (if groups are configured) groups where the provider advertises them."`
	OIDCGroupsClaim    string   `name:"oidc-groups-claim" env:"MCPKEEP_OIDC_GROUPS_CLAIM" placeholder:"CLAIM" help:"Claim that holds the user's groups; address nested claims with dots, such as realm_access.roles. Default groups, or the provider's usual claim."`
	CallbackPath       string   `name:"callback-path" env:"MCPKEEP_CALLBACK_PATH,FASTMCP_SERVER_AUTH_GITHUB_REDIRECT_PATH,FASTMCP_SERVER_AUTH_GOOGLE_REDIRECT_PATH" placeholder:"PATH" default:"/auth/callback" help:"Where github, google or oidc send users back to; register the base URL followed by it there."`
	AllowedUsers       []string `name:"allowed-users" env:"MCPKEEP_ALLOWED_USERS,GITHUB_ALLOWED_USERNAMES" placeholder:"WHO" help:"Users who may sign in: logins, verified email addresses, or sub: followed by the provider's account ID. Default none."`
	AllowedDomains     []string `name:"allowed-domains" env:"MCPKEEP_ALLOWED_DOMAINS" placeholder:"DOMAIN" help:"Domains whose users may sign in, by verified email address or Google Workspace; subdomains do not match. Default none."`
	AllowedOrgs        []string `name:"allowed-orgs" env:"MCPKEEP_ALLOWED_ORGS" placeholder:"ORG" help:"GitHub organizations, or teams as org/team, whose members may sign in. Default none."`
	AllowedGroups      []string `name:"allowed-groups" env:"MCPKEEP_ALLOWED_GROUPS" placeholder:"GROUP" help:"Groups of the OpenID provider whose members may sign in. Default none."`
	AllowAnyone        bool     `name:"allow-anyone" env:"MCPKEEP_ALLOW_ANYONE" help:"Allow every user of the provider."`
	Admins             []string `name:"admins" env:"MCPKEEP_ADMINS" placeholder:"WHO" help:"Users who may list and delete all clients, in the format of --allowed-users. Default none. The local provider's user is \"owner\"."`
}

// provider returns who signs people in. Only the settings of that one count.
func (f *providerFlags) provider(password string) mcpkeep.Provider {
	p := mcpkeep.Provider{Kind: f.Provider, Password: password, Title: f.ProviderName, CallbackPath: f.CallbackPath}
	switch f.Provider {
	case "github":
		p.ClientID, p.ClientSecret, p.Issuer, p.APIURL = f.GitHubClientID, f.GitHubClientSecret, f.GitHubURL, f.GitHubAPIURL
	case "google":
		p.ClientID, p.ClientSecret = f.GoogleClientID, f.GoogleClientSecret
	case "oidc":
		p.Issuer, p.ClientID, p.ClientSecret = f.OIDCIssuer, f.OIDCClientID, f.OIDCClientSecret
		p.Scopes, p.GroupsClaim = f.OIDCScopes, f.OIDCGroupsClaim
	}
	return p
}

func (f *providerFlags) allow() mcpkeep.Allow {
	return mcpkeep.Allow{
		Users: f.AllowedUsers, Domains: f.AllowedDomains, Orgs: f.AllowedOrgs, Groups: f.AllowedGroups, Anyone: f.AllowAnyone,
	}
}
