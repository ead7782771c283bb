package fastmcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Client is FastMCP's ProxyDCRClient. A nil pointer is written as null, since
// its readers miss absent members.
type Client struct {
	RedirectURIs               []string        `json:"redirect_uris"`
	TokenEndpointAuthMethod    string          `json:"token_endpoint_auth_method"`
	GrantTypes                 []string        `json:"grant_types"`
	ResponseTypes              []string        `json:"response_types"`
	Scope                      *string         `json:"scope"`
	ClientName                 *string         `json:"client_name"`
	ClientURI                  *string         `json:"client_uri"`
	LogoURI                    *string         `json:"logo_uri"`
	Contacts                   []string        `json:"contacts"`
	TosURI                     *string         `json:"tos_uri"`
	PolicyURI                  *string         `json:"policy_uri"`
	JWKSURI                    *string         `json:"jwks_uri"`
	JWKS                       json.RawMessage `json:"jwks"`
	SoftwareID                 *string         `json:"software_id"`
	SoftwareVersion            *string         `json:"software_version"`
	ClientID                   string          `json:"client_id"`
	ClientSecret               *string         `json:"client_secret"`
	ClientIDIssuedAt           *int64          `json:"client_id_issued_at"`
	ClientSecretExpiresAt      *int64          `json:"client_secret_expires_at"`
	AllowedRedirectURIPatterns []string        `json:"allowed_redirect_uri_patterns"`

	// Extra holds members that FastMCP 2.13 does not have: later versions' and
	// other programs'. They are kept in a rewrite.
	Extra map[string]json.RawMessage `json:"-"`
}

// plainClient is Client without its methods.
type plainClient Client

// ErrClient: the JSON is not a client of FastMCP's.
var ErrClient = errors.New("not a FastMCP client")

// EncodeClient writes a client as FastMCP 2.13 does: its order of members, every
// null, compact, ASCII only. Extra members follow in alphabetical order.
func EncodeClient(c Client) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plainClient(c)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrClient, err)
	}
	out := bytes.TrimSuffix(buf.Bytes(), []byte("}\n"))
	for _, name := range slices.Sorted(maps.Keys(c.Extra)) {
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		out = append(append(append(append(out, ','), key...), ':'), c.Extra[name]...)
	}
	return asciiJSON(append(out, '}')), nil
}

// DecodeClient reads a client of any version of FastMCP: absent members are
// null, unknown ones are kept. The error is ErrClient and holds nothing of it.
func DecodeClient(data []byte) (Client, error) {
	var c plainClient
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &c) != nil || json.Unmarshal(data, &members) != nil || members == nil || c.ClientID == "" {
		return Client{}, ErrClient
	}
	for _, name := range memberNames {
		delete(members, name)
	}
	c.Extra = members
	return Client(c), nil
}

// memberNames are the members of Client.
var memberNames = func() []string {
	var members map[string]json.RawMessage
	encoded, _ := json.Marshal(plainClient{})
	_ = json.Unmarshal(encoded, &members)
	return slices.Collect(maps.Keys(members))
}()

// asciiJSON escapes what Python's json.dumps escapes: everything beyond ASCII.
// Such characters occur inside strings only, where an escape may stand.
func asciiJSON(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r < utf8.RuneSelf:
			out = append(out, data[0])
		case r <= 0xffff:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		data = data[size:]
	}
	return out
}
