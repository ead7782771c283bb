package doctor_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestRunInside: the checks without a look from outside ask neither the base URL nor a
// provider, and find a database that is not there.
func TestRunInside(t *testing.T) {
	t.Parallel()
	d := &doctor.Doctor{
		DatabaseURL: "sqlite:" + t.TempDir() + "/none.db", BaseURL: "https://keep.invalid", Provider: identity.Local{}, Private: true,
		Keys: func() (*keyring.Keyring, error) { return keyring.Parse(keyring.Generate()) },
	}
	areas := map[string]bool{}
	for _, f := range d.RunInside(t.Context()) {
		areas[f.Area] = true
	}
	for _, area := range []string{"base_url", "provider", "documents", "upstreams"} {
		if areas[area] {
			t.Errorf("it looks at %s", area)
		}
	}
	for _, area := range []string{"settings", "database", "schema", "keys", "access"} {
		if !areas[area] {
			t.Errorf("it does not look at %s", area)
		}
	}
}
