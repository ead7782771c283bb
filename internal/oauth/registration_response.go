package oauth

import (
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
)

// ClientInformation is the answer to a registration (RFC 7591 §3.2.1) and to
// its management (RFC 7592 §3). As JSON it holds the client secret and the
// registration access token; printed or logged it does not.
type ClientInformation struct {
	ClientID                string `json:"client_id"`
	ClientSecret            string `json:"client_secret,omitempty"`
	ClientIDIssuedAt        int64  `json:"client_id_issued_at"`
	ClientSecretExpiresAt   *int64 `json:"client_secret_expires_at,omitempty"`
	RegistrationAccessToken string `json:"registration_access_token"`
	RegistrationClientURI   string `json:"registration_client_uri"`
	metadata.Client
}

// Issued is what the server adds to a registration.
type Issued struct {
	ClientID string
	Secret   string // "" for none, or for one that the client has already; never expires
	Token    string // the registration access token (RFC 7592 §1.2)
	At       time.Time
}

// RegistrationPath is the path of the client configuration endpoint of a client
// (RFC 7592 §1.2).
func RegistrationPath(clientID string) string { return registerPath + "/" + url.PathEscape(clientID) }

// Response returns the answer to the registration at a server with a base URL.
func (r Registration) Response(base string, issued Issued) ClientInformation {
	info := ClientInformation{
		ClientID:                issued.ClientID,
		ClientSecret:            issued.Secret,
		ClientIDIssuedAt:        issued.At.Unix(),
		RegistrationAccessToken: issued.Token,
		RegistrationClientURI:   base + RegistrationPath(issued.ClientID),
		Client:                  r.Client,
	}
	if issued.Secret != "" {
		info.ClientSecretExpiresAt = new(int64) // 0: never
	}
	return info
}

// Format writes the client ID only, whatever the verb.
func (c ClientInformation) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client %q", c.ClientID)
}

// LogValue is the client ID only.
func (c ClientInformation) LogValue() slog.Value { return slog.StringValue(c.ClientID) }
