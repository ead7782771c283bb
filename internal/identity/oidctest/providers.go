package oidctest

import (
	"maps"
	"strings"
)

// Plain is a provider that does what the specifications say and nothing more.
func Plain() Provider {
	return Provider{
		Document: document("/authorize", "/token", "/userinfo", "/jwks", map[string]any{
			"scopes_supported": []string{"openid", "profile", "email", "offline_access"},
		}),
		IDToken: []string{"*"}, OfflineScope: true, OfflineConsent: true,
	}
}

// Bare has only what discovery requires: no userinfo endpoint, no scopes, no ways to
// authenticate, and it gives no refresh token.
func Bare() Provider {
	return Provider{Document: document("/authorize", "/token", "", "/jwks", nil), IDToken: []string{"*"}, NoRefreshToken: true, TokenAuth: "client_secret_basic"}
}

// Panva is the npm package oidc-provider: claims are in userinfo only, offline_access
// needs prompt=consent, unknown prompts are errors, refresh tokens rotate, and the
// callback has iss.
func Panva() Provider {
	p := Plain()
	p.IDToken, p.UserInfo = []string{}, []string{"*"}
	p.Prompts, p.Rotates, p.IssuerInCallback, p.KeepsNonce = []string{"login", "consent"}, true, true, true
	p.TokenAuth = "client_secret_basic"
	return p
}

// Google is Google Identity.
func Google() Provider {
	d := document("https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token",
		"https://openidconnect.googleapis.com/v1/userinfo", "https://www.googleapis.com/oauth2/v3/certs", map[string]any{
			"scopes_supported":                      []string{"openid", "email", "profile"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		})
	return Provider{
		Issuer: "https://accounts.google.com", Document: d, IDToken: []string{"*"}, UserInfo: []string{"*"},
		StrictScopes: true, AccessTypeParam: true, IssuerInCallback: true, Prompts: []string{"consent", "select_account"},
	}
}

// EntraTenant is the tenant of the people of Entra and EntraCommon.
const EntraTenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"

// Entra is one tenant of Microsoft Entra ID. Its userinfo endpoint belongs to another
// API and answers with nothing of use.
func Entra() Provider {
	const host = "https://login.microsoftonline.com/" + EntraTenant
	d := document(host+"/oauth2/v2.0/authorize", host+"/oauth2/v2.0/token", "https://graph.microsoft.com/oidc/userinfo",
		host+"/discovery/v2.0/keys", map[string]any{
			"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		})
	return Provider{
		Issuer: host + "/v2.0", Document: d, IDToken: []string{"*"}, UserInfo: []string{}, StrictScopes: true,
		OfflineScope: true, OnePrompt: true, Rotates: false, Prompts: []string{"select_account", "login"},
	}
}

// EntraCommon is the issuer for the people of any tenant: each ID token has the
// issuer of its own.
func EntraCommon() Provider {
	p := Entra()
	const template = "https://login.microsoftonline.com/{tenantid}/v2.0"
	p.Issuer, p.At = template, "https://login.microsoftonline.com/common/v2.0"
	p.IssuerOf = func(c Claims) string {
		tid, _ := c["tid"].(string)
		return strings.Replace(template, "{tenantid}", tid, 1)
	}
	return p
}

// Okta is an Okta org authorization server.
func Okta() Provider {
	return Provider{
		Issuer: "https://acme.okta.com",
		Document: document("/oauth2/v1/authorize", "/oauth2/v1/token", "/oauth2/v1/userinfo", "/oauth2/v1/keys", map[string]any{
			"scopes_supported":                      []string{"openid", "email", "profile", "address", "phone", "offline_access", "groups"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"},
		}),
		IDToken: []string{"*"}, UserInfo: []string{"*"}, StrictScopes: true, OfflineScope: true, IssuerInCallback: true, AuthTime: AuthTimeAlways,
		Prompts: []string{"none", "login", "consent"}, TokenAuth: "client_secret_basic",
	}
}

// Auth0 has an issuer with a final slash, and tokens that rotate.
func Auth0() Provider {
	return Provider{
		Issuer: "https://acme.eu.auth0.com/",
		Document: document("/authorize", "/oauth/token", "/userinfo", "/.well-known/jwks.json", map[string]any{
			"scopes_supported":                      []string{"openid", "profile", "offline_access", "name", "nickname", "email"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
			"id_token_signing_alg_values_supported": []string{"HS256", "RS256", "PS256"},
		}),
		IDToken: []string{"*"}, UserInfo: []string{"*"}, OfflineScope: true, Rotates: true, TokenAuth: "client_secret_post",
		Prompts: []string{"login", "consent", "none"}, AuthTime: AuthTimeIfAsked,
	}
}

// Keycloak is a realm of Keycloak.
func Keycloak() Provider {
	const below = "/protocol/openid-connect"
	return Provider{
		Issuer: "https://sso.example.com/realms/acme",
		Document: document(below+"/auth", below+"/token", below+"/userinfo", below+"/certs", map[string]any{
			"scopes_supported":                      []string{"openid", "profile", "email", "offline_access", "roles", "acr"},
			"prompt_values_supported":               []string{"none", "login", "consent"},
			"token_endpoint_auth_methods_supported": []string{"private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth", "client_secret_jwt"},
		}),
		IDToken: []string{"*"}, UserInfo: []string{"*"}, OfflineScope: true, IssuerInCallback: true, KeepsNonce: true, AuthTime: AuthTimeAlways,
		TokenExtra: map[string]any{"refresh_expires_in": 0, "not-before-policy": 0}, TokenLifetime: 5 * 60 * 1e9,
	}
}

// Dex is Dex, whose userinfo endpoint says what the ID token says.
func Dex() Provider {
	return Provider{
		Document: document("/auth", "/token", "/userinfo", "/keys", map[string]any{
			"scopes_supported":                      []string{"openid", "email", "groups", "profile", "offline_access"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		}),
		IDToken: []string{"*"}, UserInfo: []string{"*"}, OfflineScope: true, Rotates: true, SpentRefresh: "invalid_request",
		StrictScopes: true,
	}
}

// Cognito is a user pool of Amazon Cognito: endpoints on another host, groups in ID
// tokens only, booleans as strings in userinfo, one refresh token for good.
func Cognito() Provider {
	const host = "https://acme.auth.eu-central-1.amazoncognito.com"
	const issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E"
	return Provider{
		Issuer: issuer,
		Document: document(host+"/oauth2/authorize", host+"/oauth2/token", host+"/oauth2/userInfo", issuer+"/.well-known/jwks.json", map[string]any{
			"scopes_supported":                      []string{"openid", "email", "phone", "profile"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		}),
		IDToken:  []string{"cognito:username", "cognito:groups", "email", "email_verified", "name"},
		UserInfo: []string{"username", "email", "email_verified", "name"}, StrictScopes: true,
	}
}

func document(authorize, token, userInfo, keys string, more map[string]any) map[string]any {
	d := map[string]any{
		"authorization_endpoint": authorize, "token_endpoint": token, "jwks_uri": keys,
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	}
	if userInfo != "" {
		d["userinfo_endpoint"] = userInfo
	}
	maps.Copy(d, more)
	return d
}
