package app

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestStates: what one replica seals, another opens, also after the keys were rotated, and for
// no other server. It shows nothing of what it says.
func TestStates(t *testing.T) {
	t.Parallel()
	ring := func(spec ...string) *keyring.Keyring {
		keys, err := keyring.Parse(strings.Join(spec, ","))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	before, after := keyring.Generate(), keyring.Generate()
	text, err := states{ring(before), "stdio/state/files"}.Seal([]byte("u_alice"))
	if err != nil || strings.Contains(text, "alice") {
		t.Fatal(text, err)
	}
	for name, tt := range map[string]struct {
		by   states
		text string
		want bool
	}{
		"another replica":      {states{ring(before), "stdio/state/files"}, text, true},
		"after a rotation":     {states{ring(after, before), "stdio/state/files"}, text, true},
		"without the old key":  {states{ring(after), "stdio/state/files"}, text, false},
		"another server":       {states{ring(before), "stdio/state/other"}, text, false},
		"a changed character":  {states{ring(before), "stdio/state/files"}, text[:40] + "x" + text[41:], false},
		"nothing":              {states{ring(before), "stdio/state/files"}, "", false},
		"a key and no message": {states{ring(before), "stdio/state/files"}, text[:16], false},
	} {
		if got, ok := tt.by.Open(tt.text); ok != tt.want || ok && string(got) != "u_alice" {
			t.Errorf("%s: %q %v, want %v", name, got, ok, tt.want)
		}
	}
}
