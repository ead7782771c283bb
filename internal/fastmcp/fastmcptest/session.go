package fastmcptest

import (
	"encoding/json"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// OpenSession reads the value of a session's row as FastMCP does.
func OpenSession(t testing.TB, c fastmcp.Cipher, id, value string) fastmcp.Session {
	t.Helper()
	plaintext, err := fastmcp.Open(c, json.RawMessage(value))
	if err != nil {
		t.Fatal(err)
	}
	s, err := fastmcp.DecodeSession(plaintext, id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
