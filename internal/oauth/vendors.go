package oauth

import (
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
)

// Vendor is a client of the field, as its maker describes it.
type Vendor struct {
	Name string
	// MetadataURL is its client ID where client ID metadata documents are used
	// (draft-ietf-oauth-client-id-metadata-document); "" when it publishes none.
	MetadataURL string
	// RedirectURIs are exact. {id} stands for one path segment that the maker
	// chooses for each connection. Loopback URIs have the port of the document or
	// none, and any port fits (RFC 8252 §7.3).
	RedirectURIs []string
	// JWKSURI is where its keys are, if it can authenticate by private_key_jwt; each
	// of them can do without.
	JWKSURI string
	// PerConnection are documents that the maker publishes for each connection.
	PerConnection []Connection
}

// Connection is a kind of document that is made for each connection: {id} stands for
// one path segment, the same in the client ID and in the redirect URI.
type Connection struct {
	MetadataURL, RedirectURI string
}

// vendors is data of October 2026 where no entry says otherwise. Sources: OpenAI's
// "Authenticate users" page of the Apps SDK (ChatGPT), Anthropic's "Building custom
// connectors" (Claude), the clients' own source (Visual Studio Code, Zed, Antigravity,
// OpenCode), their traffic against a server of ours (Claude Code, Codex, OpenCode) and
// their makers' documents and issue trackers (Cursor). The documents of Factory's Droid
// and of www.notion.so are missing: nothing public says what they list.
var vendors = []Vendor{
	{
		Name: "ChatGPT", MetadataURL: "https://chatgpt.com/oauth/client.json",
		RedirectURIs: []string{
			"https://chatgpt.com/connector_platform_oauth_redirect",
			"https://chatgpt.com/connector/oauth/{id}",
			"https://chatgpt.com/backend-api/aip/connectors/links/oauth/callback",
		},
		JWKSURI: "https://chatgpt.com/oauth/jwks.json",
		PerConnection: []Connection{ // the Apps SDK's page, October 2026
			{MetadataURL: "https://chatgpt.com/oauth/{id}/client.json", RedirectURI: "https://chatgpt.com/connector/oauth/{id}"},
		},
	},
	{
		Name: "Codex", MetadataURL: "https://chatgpt.com/oauth/codex/client.json",
		RedirectURIs: []string{"http://127.0.0.1/callback"},
		PerConnection: []Connection{ // Codex' manual on MCP, November 2026
			{MetadataURL: "https://chatgpt.com/oauth/codex/{id}/client.json", RedirectURI: "http://127.0.0.1/callback/{id}"},
		},
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
		// microsoft/vscode, src/vs/base/common/oauth.ts: what it sends, November 2026.
		Name: "Visual Studio Code - Insiders", MetadataURL: "https://insiders.vscode.dev/oauth/client-metadata.json",
		RedirectURIs: []string{
			"https://insiders.vscode.dev/redirect", "https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/",
		},
	},
	{
		// github/copilot-cli#4793 and #4901, September 2026, which quote the document.
		Name: "GitHub Copilot CLI", MetadataURL: "https://github.com/copilot/cli/client-metadata.json",
		RedirectURIs: []string{"http://127.0.0.1:33418/"},
	},
	{
		Name: "Cursor", MetadataURL: "https://cursor.com/oauth/mcp-client.json",
		RedirectURIs: []string{
			"https://www.cursor.com/agents/mcp/oauth/callback", "https://www.cursor.com/bot/mcp/oauth/callback",
			"http://localhost:8787/callback", "cursor://anysphere.cursor-mcp/oauth/callback",
			"https://grok.com/connectors-oauth-exchange-code/", "grokbot://mcp/oauth/callback",
			// Of Cursor until the summer of 2025 (reports on its forum and its tracker, #3576):
			// one for all servers, then one for each, by the server's name.
			"cursor://anysphere.cursor-retrieval/oauth/callback", "cursor://anysphere.cursor-retrieval/oauth/{id}/callback",
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
		// aaif-goose/goose, documentation/static/oauth/client-metadata.json, April 2026.
		Name: "Goose", MetadataURL: "https://goose-docs.ai/oauth/client-metadata.json",
		RedirectURIs: []string{"http://localhost/oauth_callback"},
	},
	{
		// Quoted in the MCP Inspector's notes on sign-in, June 2026, without the web app's.
		Name: "MCPJam", MetadataURL: "https://www.mcpjam.com/.well-known/oauth/client-metadata.json",
		RedirectURIs: []string{
			"mcpjam://oauth/callback", "mcpjam://authkit/callback",
			"http://127.0.0.1:6274/oauth/callback", "http://localhost:6274/oauth/callback",
		},
	},
	{
		// stacklok/toolhive's proposal for its document, May 2026; the port varies.
		Name: "ToolHive MCP Client", MetadataURL: "https://toolhive.dev/oauth/client-metadata.json",
		RedirectURIs: []string{"http://localhost/callback"},
	},
	{
		// As servers that admit it by name have it, November 2026.
		Name: "Notion", MetadataURL: "https://app.notion.com/oauth/mcp-client-metadata.json",
		RedirectURIs: []string{"https://app.notion.com/workflows/mcp/oauth/callback"},
	},
	{
		Name:         "Antigravity",
		RedirectURIs: []string{"https://antigravity.google/oauth-callback"},
	},
}

// Vendors returns the known clients of the field.
func Vendors() []Vendor { return slices.Concat(vendors, hosted) }

// IsVendorDocument reports whether a client ID is the one of a known client that all its
// installations share: of those there are few.
func IsVendorDocument(clientID string) bool {
	return slices.ContainsFunc(vendors, func(v Vendor) bool { return v.MetadataURL == clientID && clientID != "" })
}

// VendorDocument returns what the metadata document of a known client says, as far
// as its maker has published that: it stands in where the document cannot be
// fetched. Redirect URIs that are made for each connection are in the documents of
// single connections alone.
func VendorDocument(clientID string) (Registration, bool) {
	if i := slices.IndexFunc(vendors, func(v Vendor) bool { return v.MetadataURL == clientID && clientID != "" }); i >= 0 {
		return vendors[i].registration(), true
	}
	for _, v := range vendors {
		for _, c := range v.PerConnection {
			if id, ok := vendorsID(c.MetadataURL, clientID); ok {
				v.RedirectURIs = []string{strings.Replace(c.RedirectURI, "{id}", id, 1)}
				return v.registration(), true
			}
		}
	}
	return Registration{}, false
}

func (v Vendor) registration() Registration {
	reg := Registration{Client: metadata.Client{
		Name: v.Name, GrantTypes: supportedGrantTypes(), ResponseTypes: supportedResponseTypes(),
		Scope: strings.Join(AdvertisedScopes(), " "), JWKSURI: v.JWKSURI,
	}}
	reg.addRedirects(v, RedirectURI{})
	if v.JWKSURI != "" {
		reg.AuthMethods = append(reg.AuthMethods, AuthMethodPrivateKeyJWT)
	}
	reg.AuthMethods = append(reg.AuthMethods, AuthMethodNone)
	reg.AuthMethod = reg.AuthMethods[0]
	return reg
}

// addRedirects adds the exact redirect URIs of a vendor but the one that is there.
func (r *Registration) addRedirects(v Vendor, there RedirectURI) {
	for _, uri := range v.RedirectURIs {
		u, err := ParseRedirectURI(uri)
		if err == nil && !u.Equal(there) && !strings.Contains(uri, "{") {
			r.addRedirect(u)
		}
	}
}

// VendorOf returns the vendor that certainly owns a redirect URI: one of its
// own that is not on loopback, where anyone may listen.
func VendorOf(uri RedirectURI) (Vendor, bool) {
	if uri.text == "" || uri.IsLoopback() {
		return Vendor{}, false
	}
	for _, v := range Vendors() {
		for _, known := range v.RedirectURIs {
			if fitsVendorURI(known, uri.String()) {
				return v, true
			}
		}
	}
	return Vendor{}, false
}

// fitsVendorURI compares exactly, but for the path segment that the vendor
// chooses.
func fitsVendorURI(known, uri string) bool {
	if !strings.Contains(known, "{id}") {
		return known == uri
	}
	_, ok := vendorsID(known, uri)
	return ok
}

// vendorsID returns the path segment that the vendor chose. The URI is canonical: it
// has no dot segments and one spelling.
func vendorsID(pattern, uri string) (id string, ok bool) {
	before, after, _ := strings.Cut(pattern, "{id}")
	if id, ok = strings.CutPrefix(uri, before); ok {
		id, ok = strings.CutSuffix(id, after)
	}
	return id, ok && id != "" && id != "." && id != ".." && consistsOf(id, isUnreserved)
}
