package fastmcp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

const clientSecret = "test-client-secret"

// TestSigningKeys: the keys that FastMCP itself derives, in all four ways to give one.
func TestSigningKeys(t *testing.T) {
	t.Parallel()
	const derived = "w61pjIKtFnRBoROxDTZb0iJX2-cRxKND8EfF0lF5-mY="
	hkdf := fastmcp.KeyOfClientSecret(clientSecret)
	same := parseKey(t, "derived:"+derived)
	stretched := parseKey(t, "passphrase:my-jwt-signing-key")
	raw := parseKey(t, "raw:dzYxcGpJS3RGblJCb1JPeERUWmIwaUpYMi1jUnhLTkQ4RWZGMGxGNS1tWT0=") // the text as bytes
	for name, c := range map[string]struct {
		key                  fastmcp.SigningKey
		storage, fingerprint string
	}{
		"client secret": {hkdf, storageKey, "07efc031825a"},
		"derived":       {same, storageKey, "07efc031825a"},
		"raw":           {raw, storageKey, "07efc031825a"},
		"passphrase":    {stretched, "cKcudmJ1dbT768FZ0UWiK8ZF-fqSK_Tob45MnQJgEcc=", "8b16f2f82182"},
	} {
		if got := c.key.StorageKey(); got != c.storage {
			t.Errorf("%s: the storage key is %s, want %s", name, got, c.storage)
		}
		if got := c.key.Fingerprint(); got != c.fingerprint {
			t.Errorf("%s: the fingerprint is %s, want %s", name, got, c.fingerprint)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			if got := fmt.Sprintf(verb, c.key); got != "FastMCP signing key "+c.fingerprint {
				t.Errorf("%s of the key: %s", verb, got)
			}
		}
	}
	if got := (fastmcp.SigningKey{}).Fingerprint(); got != "" {
		t.Errorf("no key has the fingerprint %q", got)
	}
}

// TestPassphraseKeys: the keys that py-key-value's tests expect.
func TestPassphraseKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ material, salt, want string }{
		{"test-source-material", "test-salt", "znx7rVYt4roVgu3ymt5sIYFmfMNGEPbm8AShXQv6CY4="},
		{"different-source-material", "test-salt", "1TLRpjxQm4Op699i9hAXFVfyz6PqPXbuvwKaWB48tS8="},
		{"test-source-material", "different-salt", "oLz_g5NoLhANNh2_-ZwbgchDZ1q23VFx90kUQDjracc="},
	} {
		if got, err := fastmcp.PassphraseKey(c.material, c.salt); got != c.want || err != nil {
			t.Errorf("%s, %s: %s, %v; want %s", c.material, c.salt, got, err, c.want)
		}
	}
}

// TestParseSigningKeyRefuses: an error about a key quotes nothing of it.
func TestParseSigningKeyRefuses(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"", "s3cret", "passphrase:", "raw:", "raw:s3cret!", "derived:s3cret", "derived:" + strings.Repeat("!", 44), "other:s3cret",
	} {
		if _, err := fastmcp.ParseSigningKey(spec); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

func parseKey(t testing.TB, spec string) fastmcp.SigningKey {
	t.Helper()
	key, err := fastmcp.ParseSigningKey(spec)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
