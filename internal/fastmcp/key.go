package fastmcp

import "strings"

// ClientCollection is py-key-value's collection in which FastMCP's OAuth proxy
// keeps its clients.
const ClientCollection = "mcp-oauth-proxy-clients"

// ClientTable is py-key-value's table for that collection, and for FastMCP's others.
const ClientTable = "oauth_clients"

// ExtraMember is the member of a client's JSON that holds what FastMCP does not
// keep; FastMCP ignores it.
const ExtraMember = "mcpkeep"

const clientKeyPrefix = ClientCollection + ":"

// ClientKey returns the key of the row of a client.
func ClientKey(clientID string) string { return clientKeyPrefix + clientID }

// ClientID returns the client ID in the key of a row. It is not ok for the key
// of another collection's row, and for one without an id.
func ClientID(key string) (id string, ok bool) {
	id, ok = strings.CutPrefix(key, clientKeyPrefix)
	return id, ok && id != ""
}
