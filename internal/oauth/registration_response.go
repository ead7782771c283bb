package oauth

import (
	"fmt"
	"log/slog"
	"time"
)

// ClientInformation is the answer to a registration (RFC 7591 §3.2.1). As JSON
// it holds the client secret; printed or logged it does not.
type ClientInformation struct {
	ClientID                string   `json:"client_id"`
	ClientSecret            string   `json:"client_secret,omitempty"`
	ClientIDIssuedAt        int64    `json:"client_id_issued_at"`
	ClientSecretExpiresAt   *int64   `json:"client_secret_expires_at,omitempty"`
	ClientName              string   `json:"client_name,omitempty"`
	ClientURI               string   `json:"client_uri,omitempty"`
	RedirectURIs            []string `json:"redirect_uris"`
	GrantTypes              []string `json:"grant_types"`
	ResponseTypes           []string `json:"response_types"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	ApplicationType         string   `json:"application_type,omitempty"`
	Scope                   string   `json:"scope"`
	SoftwareID              string   `json:"software_id,omitempty"`
	SoftwareVersion         string   `json:"software_version,omitempty"`
}

// Response returns the answer to the registration: the client's id, its secret
// or "", and when the id was issued. A secret never expires.
func (r Registration) Response(clientID, secret string, issuedAt time.Time) ClientInformation {
	info := ClientInformation{
		ClientID:                clientID,
		ClientSecret:            secret,
		ClientIDIssuedAt:        issuedAt.Unix(),
		ClientName:              r.ClientName,
		ClientURI:               r.ClientURI,
		RedirectURIs:            r.RedirectURIs,
		GrantTypes:              r.GrantTypes,
		ResponseTypes:           r.ResponseTypes,
		TokenEndpointAuthMethod: r.TokenEndpointAuthMethod,
		ApplicationType:         r.ApplicationType,
		Scope:                   r.Scope,
		SoftwareID:              r.SoftwareID,
		SoftwareVersion:         r.SoftwareVersion,
	}
	if secret != "" {
		info.ClientSecretExpiresAt = new(int64) // 0: never
	}
	return info
}

// Format writes the client id only, whatever the verb.
func (c ClientInformation) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client %q", c.ClientID)
}

// LogValue is the client id only.
func (c ClientInformation) LogValue() slog.Value { return slog.StringValue(c.ClientID) }
