package fastmcp

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// Client is the ProxyDCRClient that FastMCP's OAuth proxy stores: the client
// metadata of RFC 7591 section 2, what registration returns for it, and members
// of FastMCP's own. Nil is null. It is written by EncodeClient only; anything
// else that prints it shows the client ID.
type Client struct {
	RedirectURIs               []string // normalized by FastMCP; nil with a client ID metadata document
	TokenEndpointAuthMethod    string   // FastMCP writes "none", whatever was registered
	GrantTypes                 []string
	ResponseTypes              []string
	Scope                      *string // space-separated
	ClientName                 *string
	ClientURI                  *string
	LogoURI                    *string
	Contacts                   []string
	TosURI                     *string
	PolicyURI                  *string
	JWKSURI                    *string
	JWKS                       json.RawMessage
	SoftwareID                 *string
	SoftwareVersion            *string
	ClientID                   string
	ClientSecret               *string `json:"-"` // plain text; FastMCP before 2.14
	ClientIDIssuedAt           *int64  // Unix seconds
	ClientSecretExpiresAt      *int64  // Unix seconds; 0 is never
	AllowedRedirectURIPatterns []string

	// Members of later versions, written only when they are there.
	CIMDDocument    json.RawMessage // client ID metadata document; 3.0
	CIMDFetchedAt   *float64        // Unix seconds; 3.0
	ApplicationType *string         // 4.0
	Issuer          *string         // 4.0

	// Extra holds all other members, so that a rewrite loses nothing. FastMCP's
	// readers ignore them, and its writers drop them.
	Extra map[string]json.RawMessage `json:"-"`
}

// member is a member of the JSON with the field that holds it.
type member struct {
	name  string
	field func(*Client) any // a pointer
	later bool              // left out when null, since FastMCP 2.13 does not have it
}

// members lists the members in the order of FastMCP 2.13.0.
var members = []member{
	{name: "redirect_uris", field: func(c *Client) any { return &c.RedirectURIs }},
	{name: "token_endpoint_auth_method", field: func(c *Client) any { return &c.TokenEndpointAuthMethod }},
	{name: "grant_types", field: func(c *Client) any { return &c.GrantTypes }},
	{name: "response_types", field: func(c *Client) any { return &c.ResponseTypes }},
	{name: "scope", field: func(c *Client) any { return &c.Scope }},
	{name: "client_name", field: func(c *Client) any { return &c.ClientName }},
	{name: "client_uri", field: func(c *Client) any { return &c.ClientURI }},
	{name: "logo_uri", field: func(c *Client) any { return &c.LogoURI }},
	{name: "contacts", field: func(c *Client) any { return &c.Contacts }},
	{name: "tos_uri", field: func(c *Client) any { return &c.TosURI }},
	{name: "policy_uri", field: func(c *Client) any { return &c.PolicyURI }},
	{name: "jwks_uri", field: func(c *Client) any { return &c.JWKSURI }},
	{name: "jwks", field: func(c *Client) any { return &c.JWKS }},
	{name: "software_id", field: func(c *Client) any { return &c.SoftwareID }},
	{name: "software_version", field: func(c *Client) any { return &c.SoftwareVersion }},
	{name: "client_id", field: func(c *Client) any { return &c.ClientID }},
	{name: "client_secret", field: func(c *Client) any { return &c.ClientSecret }},
	{name: "client_id_issued_at", field: func(c *Client) any { return &c.ClientIDIssuedAt }},
	{name: "client_secret_expires_at", field: func(c *Client) any { return &c.ClientSecretExpiresAt }},
	{name: "allowed_redirect_uri_patterns", field: func(c *Client) any { return &c.AllowedRedirectURIPatterns }},
	{name: "cimd_document", field: func(c *Client) any { return &c.CIMDDocument }, later: true},
	{name: "cimd_fetched_at", field: func(c *Client) any { return &c.CIMDFetchedAt }, later: true},
	{name: "application_type", field: func(c *Client) any { return &c.ApplicationType }, later: true},
	{name: "issuer", field: func(c *Client) any { return &c.Issuer }, later: true},
}

// memberOf finds a member's place in the list by its name.
var memberOf = func() map[string]int {
	places := make(map[string]int, len(members))
	for i, m := range members {
		places[m.name] = i
	}
	return places
}()

// setDefaults fills in what FastMCP never leaves out, with what it writes itself:
// its readers do not take null there.
func (c *Client) setDefaults() {
	if c.TokenEndpointAuthMethod == "" {
		c.TokenEndpointAuthMethod = "none"
	}
	if c.GrantTypes == nil {
		c.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	if c.ResponseTypes == nil {
		c.ResponseTypes = []string{"code"}
	}
}

// String returns the client ID.
func (c Client) String() string { return fmt.Sprintf("FastMCP client %q", c.ClientID) }

// Format writes the client ID, whatever the verb.
func (c Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue logs the client ID.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// FetchedAt is when FastMCP fetched the client's metadata document, zero for never.
func (c Client) FetchedAt() time.Time {
	if c.CIMDFetchedAt == nil || !inRange(*c.CIMDFetchedAt) {
		return time.Time{}
	}
	return secondsAt(*c.CIMDFetchedAt)
}
