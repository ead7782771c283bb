package mcpkeep

import "github.com/mcpkeep/mcpkeep/internal/app"

// Provider is who signs people in. Make one with [GitHub], [Google], [OIDC] or [Local];
// the fields are for what these leave open.
type Provider struct {
	Kind         string // "github", "google", "oidc" or "local"
	ClientID     string
	ClientSecret string
	Issuer       string   // of an OpenID provider; for GitHub Enterprise its origin
	APIURL       string   // of GitHub Enterprise; default derived from Issuer
	Scopes       []string // for an OpenID provider, in addition to openid; default by what it offers
	GroupsClaim  string   // in which an OpenID provider reports groups; default "groups" or the provider's usual one
	Password     string   // of the local user
	Title        string   // shown on pages; default "GitHub", "Google" or the issuer's host
	CallbackPath string   // where it sends users back to, below BaseURL; default "/auth/callback"
}

// GitHub signs people in with a GitHub OAuth app, whose callback URL is Config.BaseURL +
// "/auth/callback".
func GitHub(clientID, clientSecret string) Provider {
	return Provider{Kind: app.GitHub, ClientID: clientID, ClientSecret: clientSecret}
}

// Google signs people in with Google accounts; the redirect URI to register is
// Config.BaseURL + "/auth/callback".
func Google(clientID, clientSecret string) Provider {
	return Provider{Kind: app.Google, ClientID: clientID, ClientSecret: clientSecret}
}

// OIDC signs people in at any OpenID provider, whose metadata is at issuer +
// "/.well-known/openid-configuration". The redirect URI to register is Config.BaseURL +
// "/auth/callback". Without scopes it asks for what it needs and the provider offers.
func OIDC(issuer, clientID, clientSecret string, scopes ...string) Provider {
	return Provider{Kind: app.OIDC, Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes}
}

// Local signs one person in with a password: for a laptop or a private server. When
// the password is empty and BaseURL is on loopback, one is made at the first start. It is
// shown once on standard error if that is a terminal, and otherwise written to the file
// mcpkeep.password, which the log names. On other base URLs it is required, with at least 8
// characters.
func Local(password string) Provider { return Provider{Kind: app.Local, Password: password} }
