package repotest

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// SharedRow is the value of a client row as FastMCP writes it.
func SharedRow(t testing.TB, keys *keyring.Keyring, id string) []byte {
	t.Helper()
	plaintext, err := fastmcp.EncodeClient(fastmcp.Client{
		ClientID: id, RedirectURIs: []string{"http://127.0.0.1/cb"}, TokenEndpointAuthMethod: "none",
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if keys == nil {
		return plaintext
	}
	value, err := fastmcp.Seal(keys, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
