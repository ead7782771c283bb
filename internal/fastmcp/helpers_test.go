package fastmcp_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// storageKey is the key that FastMCP derives from the upstream client secret
// "test-client-secret".
const storageKey = "ShZNsV87_h3lPyryK6kQC2UPzsXDmc52zVYcFVn30JA="

func ring(t testing.TB, spec string) *keyring.Keyring {
	t.Helper()
	k, err := keyring.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// record is one client that FastMCP stored.
type record struct {
	Name      string `json:"name"`
	ClientID  string `json:"client_id"`
	Value     string `json:"value"`
	Plaintext string `json:"plaintext"`
}

// recordings returns the records of each recorded version of FastMCP.
func recordings(t testing.TB) map[string][]record {
	t.Helper()
	all := map[string][]record{}
	for _, version := range []string{"2.13.0", "3.4.7"} {
		content, err := os.ReadFile(filepath.Join("testdata", "fastmcp-"+version+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct {
			Records []record `json:"records"`
		}
		if err := json.Unmarshal(content, &recorded); err != nil {
			t.Fatal(err)
		}
		if len(recorded.Records) == 0 {
			t.Fatalf("nothing is recorded of %s", version)
		}
		all[version] = recorded.Records
	}
	return all
}

func decode(t testing.TB, text string) fastmcp.Client {
	t.Helper()
	c, err := fastmcp.DecodeClient([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encode(t testing.TB, c fastmcp.Client) string {
	t.Helper()
	text, err := fastmcp.EncodeClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
