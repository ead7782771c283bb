package identity

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// family holds the quirks of one kind of OpenID provider. Its zero value is what
// the specifications say.
type family struct {
	// host recognizes the issuer; shape recognizes the discovery document of products that run
	// on any host.
	host  func(issuer *url.URL) bool
	shape func(document) bool

	title string // display name; empty for the issuer's host

	// issuerOf is the issuer that the discovery document and ID tokens have, where it
	// is not the configured one. It may hold "{tenantid}", and then the tenant is part
	// of the subject.
	issuerOf func(issuer *url.URL) string
	hint     string // what to look at when the document has another issuer

	authParams map[string]string // added to each authorization request
	consent    consentPrompt
	chooser    string // prompt that lets people change the account; "" goes by prompt_values_supported
	postSecret bool   // client_secret_post before client_secret_basic, where both are offered

	loginClaim  string // "" is preferred_username
	groupsClaim string // "" is groups
	// assignsLogins: administrators assign the login, so it counts even if it looks like an
	// email address.
	assignsLogins func(issuer *url.URL) bool
	// verifies decides whether the provider vouches for an email address; nil relies on
	// email_verified.
	verifies func(c claims) bool

	hostsDomains bool // the claim hd is the domain that the account belongs to

	noUserInfo bool     // the userinfo endpoint knows nothing that the ID token does not
	endsWith   []string // error codes, in addition to invalid_grant, with which a refresh is refused for good
}

// consentPrompt says when prompt=consent is sent.
type consentPrompt int

const (
	consentForOffline consentPrompt = iota // with offline_access, which providers drop otherwise (OpenID Connect Core section 11)
	consentAlways
	consentNever
)

// families are the providers with known quirks. The first match is used.
var families = []family{google, entra, okta, auth0, keycloak, cognito, dex}

// familyOf finds the family by issuer, and by the discovery document if that is known.
func familyOf(issuer *url.URL, d *document) family {
	for _, f := range families {
		if f.host != nil && f.host(issuer) || f.shape != nil && d != nil && f.shape(*d) {
			return f
		}
	}
	return family{}
}

// Google. Source: the guides "OpenID Connect" and "Using OAuth 2.0 for Web Server
// Applications" (developers.google.com/identity). Refresh tokens come for
// access_type=offline, and after the first time only with prompt=consent; the scope
// offline_access is an error, and discovery does not list it. The ID token has all
// claims. Source for addresses: "Verify the Google ID token on your server side":
// Google is authoritative for @gmail.com, and for verified addresses of a Workspace,
// which the claim hd names; any other may have been verified years ago by someone
// who no longer has it.
var google = family{
	host:       hosts("accounts.google.com"),
	title:      "Google",
	authParams: map[string]string{"access_type": "offline"},
	consent:    consentAlways,
	chooser:    "select_account",
	postSecret: true,

	hostsDomains: true,
	noUserInfo:   true,
	verifies: func(c claims) bool {
		gmail := strings.HasSuffix(lowerASCII(c.text("email")), "@gmail.com")
		return c.truth("email_verified") && (gmail || c.text("hd") != "")
	},
}

// Microsoft Entra ID. Sources (learn.microsoft.com/entra/identity-platform): "OpenID
// Connect on the Microsoft identity platform" for the tenants common, organizations and
// consumers, whose tokens have the issuer of the account's own tenant, and for prompt,
// which takes one value; "Scopes and permissions" for offline_access, which discovery
// lists, and for one resource in a request, so that neither resource nor another API's
// scope may be sent; prompt=consent would ask for what an administrator has granted
// already, and fail where people may not consent. "ID token claims reference" and "Optional
// claims reference": an address is no one's word unless xms_edov says that the domain's
// owner was verified; sub is per application, and unique together with the tenant.
// "Configure group claims": object ids; of more than 200 groups only the place to ask for
// them is given (_claim_names), with a permission that this program does not request.
// "Microsoft identity platform UserInfo endpoint": it has no more than the ID token, and
// belongs to another resource.
var entra = family{
	host:       hosts("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", ".ciamlogin.com"),
	title:      "Microsoft",
	issuerOf:   entraIssuer,
	hint:       "; Microsoft's issuers have the tenant's id and end with /v2.0",
	consent:    consentNever,
	chooser:    "select_account",
	postSecret: true,
	// preferred_username is the UPN. A tenant's administrators assign it, below a
	// domain that the tenant has proved to own; in another tenant that is its word.
	assignsLogins: func(issuer *url.URL) bool { return !strings.Contains(entraIssuer(issuer), tenantTemplate) },
	verifies:      func(c claims) bool { return c.truth("xms_edov") },
	noUserInfo:    true,
}

// tenantTemplate stands for the tenant in the issuer of Entra's discovery document.
const tenantTemplate = "{tenantid}"

// consumersTenant is the tenant of all personal Microsoft accounts.
const consumersTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

func entraIssuer(issuer *url.URL) string {
	switch tenant, version, _ := strings.Cut(strings.Trim(issuer.Path, "/"), "/"); tenant {
	case "common", "organizations":
		return origin(issuer) + "/" + tenantTemplate + "/" + version
	case "consumers":
		return origin(issuer) + "/" + consumersTenant + "/" + version
	}
	return issuer.String()
}

// Okta. Source: "OpenID Connect & OAuth 2.0 API" (developer.okta.com/docs/reference):
// prompt is none, consent, login, or consent and login; offline_access brings a
// refresh token without a prompt; the scope groups brings the claim, and is known to
// an org authorization server, but to a custom one only if someone added it, so that
// it is asked for only where discovery lists it.
var okta = family{
	host:    hosts(".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com"),
	consent: consentNever,
	chooser: "login",
}

// Auth0. Sources (auth0.com/docs): "Refresh Tokens": offline_access, no prompt.
// "Get Access Tokens": without the parameter audience the access token is for the
// userinfo endpoint, which is all that is wanted. "Create Custom Claims": claims of
// a tenant's own have a URL as name, so groups need MCPKEEP_OIDC_GROUPS_CLAIM. nickname,
// the local part of any address, is not unique and never a login here. The issuer has
// a final slash.
var auth0 = family{
	host:       hosts(".auth0.com"),
	consent:    consentNever,
	chooser:    "login",
	postSecret: true, // the default of a "regular web application", which is enforced
}

// Keycloak. Source: "Server Administration Guide": offline_access makes a session
// that outlives the browser's, without a prompt, and answers with
// refresh_expires_in: 0, which means never; no lifetime of a refresh token is read
// here at all. "Group Membership" mapper: names are paths that begin with a slash,
// unless "full group path" is off. An account chooser is not known; prompt=login
// shows the way to another account.
var keycloak = family{
	host:    func(issuer *url.URL) bool { return keycloakPath.MatchString(issuer.Path) },
	consent: consentNever,
	chooser: "login",
}

var keycloakPath = regexp.MustCompile(`/realms/[^/]+/?$`)

// Amazon Cognito. Source: "Amazon Cognito Developer Guide", "User pool endpoints" and
// "Understanding the identity (ID) token": groups are cognito:groups, in the ID token
// only; the login is cognito:username; refresh tokens come unasked, once, and the
// scope offline_access is an error, which discovery does not list; endpoints are on
// another host than the issuer; the userinfo endpoint has email_verified as a string.
var cognito = family{
	host: func(issuer *url.URL) bool {
		return strings.HasPrefix(issuer.Hostname(), "cognito-idp.")
	},
	chooser:     "login",
	loginClaim:  "cognito:username",
	groupsClaim: "cognito:groups",
}

// Dex. Source: dexidp.io/docs, "Custom scopes, claims and client features", for
// offline_access and groups, which discovery lists; server/grants/refresh.go of its
// source for a refresh token that is spent or expired: invalid_request with status 400.
var dex = family{
	shape: func(d document) bool {
		base := strings.TrimSuffix(d.Issuer, "/")
		return d.JWKSURI == base+"/keys" && d.TokenEndpoint == base+"/token" && d.AuthorizationEndpoint == base+"/auth"
	},
	consent:  consentNever,
	chooser:  "login",
	endsWith: []string{"invalid_request"},
}

// hosts matches a host by name; a leading dot matches every subdomain.
func hosts(names ...string) func(*url.URL) bool {
	return func(issuer *url.URL) bool {
		host := issuer.Hostname()
		return slices.ContainsFunc(names, func(name string) bool {
			return host == name || name[0] == '.' && strings.HasSuffix(host, name)
		})
	}
}
