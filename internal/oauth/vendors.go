package oauth

import "strings"

// Vendor is a client of the field, as its maker describes it.
type Vendor struct {
	Name string
	// MetadataURL is its client id where client ID metadata documents are used
	// (draft-ietf-oauth-client-id-metadata-document); "" when it publishes none.
	MetadataURL string
	// RedirectURIs are exact. {id} stands for one path segment that the maker
	// chooses for each connection. Loopback URIs have the port of the document or
	// none, and any port fits (RFC 8252 §7.3).
	RedirectURIs []string
	// JWKSURI is where its keys are, if it can authenticate by private_key_jwt; each
	// of them can do without.
	JWKSURI string
}

// vendors is data of October 2026. Sources: OpenAI's "Authenticate users" page of
// the Apps SDK (ChatGPT), Anthropic's "Building custom connectors" (Claude), the
// clients' own source (Visual Studio Code, Zed, Antigravity, OpenCode), their
// traffic against a server of ours (Claude Code, Codex, OpenCode) and their
// makers' documents and issue trackers (Cursor).
var vendors = []Vendor{
	{
		Name: "ChatGPT", MetadataURL: "https://chatgpt.com/oauth/client.json",
		RedirectURIs: []string{
			"https://chatgpt.com/connector_platform_oauth_redirect",
			"https://chatgpt.com/connector/oauth/{id}",
			"https://chatgpt.com/backend-api/aip/connectors/links/oauth/callback",
		},
		JWKSURI: "https://chatgpt.com/oauth/jwks.json",
	},
	{
		Name: "Codex", MetadataURL: "https://chatgpt.com/oauth/codex/client.json",
		RedirectURIs: []string{"http://127.0.0.1/callback"},
	},
	{
		Name: "Claude", MetadataURL: "https://claude.ai/oauth/mcp-oauth-client-metadata",
		RedirectURIs: []string{"https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"},
	},
	{
		Name: "Claude Code", MetadataURL: "https://claude.ai/oauth/claude-code-client-metadata",
		RedirectURIs: []string{"http://localhost/callback", "http://127.0.0.1/callback"},
	},
	{
		Name: "Visual Studio Code", MetadataURL: "https://vscode.dev/oauth/client-metadata.json",
		RedirectURIs: []string{
			"https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/",
		},
	},
	{
		Name: "Cursor", MetadataURL: "https://cursor.com/oauth/mcp-client.json",
		RedirectURIs: []string{
			"https://www.cursor.com/agents/mcp/oauth/callback", "https://www.cursor.com/bot/mcp/oauth/callback",
			"http://localhost:8787/callback", "cursor://anysphere.cursor-mcp/oauth/callback",
			"https://grok.com/connectors-oauth-exchange-code/", "grokbot://mcp/oauth/callback",
		},
	},
	{
		Name: "Zed", MetadataURL: "https://zed.dev/oauth/client-metadata.json",
		RedirectURIs: []string{"http://127.0.0.1/callback"},
	},
	{
		Name: "OpenCode", MetadataURL: "https://opencode.ai/oauth/opencode/client.json",
		RedirectURIs: []string{"http://127.0.0.1:19876/mcp/oauth/callback"},
	},
	{
		Name:         "Antigravity",
		RedirectURIs: []string{"https://antigravity.google/oauth-callback"},
	},
}

// Vendors returns the known clients of the field.
func Vendors() []Vendor { return vendors }

// VendorDocument returns what the metadata document of a known client says, as far
// as its maker has published that: it stands in where the document cannot be
// fetched. Redirect URIs that are made for each connection are not in it.
func VendorDocument(clientID string) (Registration, bool) {
	for _, v := range vendors {
		if v.MetadataURL == clientID && clientID != "" {
			return v.registration(), true
		}
	}
	return Registration{}, false
}

func (v Vendor) registration() Registration {
	reg := Registration{
		ClientName: v.Name, GrantTypes: supportedGrantTypes(), ResponseTypes: supportedResponseTypes(),
		Scope: strings.Join(AdvertisedScopes(), " "), JWKSURI: v.JWKSURI,
	}
	for _, uri := range v.RedirectURIs {
		if !strings.Contains(uri, "{") {
			reg.RedirectURIs = append(reg.RedirectURIs, uri)
		}
	}
	if v.JWKSURI != "" {
		reg.AuthMethods = append(reg.AuthMethods, AuthMethodPrivateKeyJWT)
	}
	reg.AuthMethods = append(reg.AuthMethods, AuthMethodNone)
	reg.TokenEndpointAuthMethod = reg.AuthMethods[0]
	return reg
}

// VendorOf returns the vendor to whom a redirect URI leads for sure: one of its
// own that is not on loopback, where anybody may listen.
func VendorOf(uri string) (Vendor, bool) {
	if ParseRedirectURI(uri) != nil || IsLoopback(uri) {
		return Vendor{}, false
	}
	for _, v := range vendors {
		for _, known := range v.RedirectURIs {
			if fitsVendorURI(known, uri) {
				return v, true
			}
		}
	}
	return Vendor{}, false
}

// fitsVendorURI compares exactly, but for the path segment that the vendor
// chooses. The URI is canonical: it has no dot segments and one spelling.
func fitsVendorURI(known, uri string) bool {
	before, after, varies := strings.Cut(known, "{id}")
	if !varies {
		return known == uri
	}
	id, ok := strings.CutPrefix(uri, before)
	if ok {
		id, ok = strings.CutSuffix(id, after)
	}
	return ok && id != "" && consistsOf(id, isUnreserved)
}
