package fastmcp

import "strings"

// ClientCollection is py-key-value's collection in which FastMCP's OAuth proxy
// keeps its clients.
const ClientCollection = "mcp-oauth-proxy-clients"

const clientKeyPrefix = ClientCollection + ":"

// ClientKey returns the key of the row of a client.
func ClientKey(clientID string) string { return clientKeyPrefix + clientID }

// ClientID returns the client id in the key of a row. It is not ok for the key
// of another collection's row, and for one without an id.
func ClientID(key string) (id string, ok bool) {
	id, ok = strings.CutPrefix(key, clientKeyPrefix)
	return id, ok && id != ""
}
