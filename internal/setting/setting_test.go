package setting_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

func TestError(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*setting.Error{
		`MCPKEEP_LISTEN (--listen): "x" is not an address; want host:port`: setting.Errorf("MCPKEEP_LISTEN", "host:port", "%q is not an address", "x"),
		"DATABASE_URL (--database-url): unknown scheme":                    setting.Errorf("DATABASE_URL", "", "unknown scheme"),
		"PORT: not a port; want a number":                                  setting.Errorf("PORT", "a number", "not a port"),
		"MCPKEEP_LOCAL_PASSWORD: too short":                                setting.Errorf("MCPKEEP_LOCAL_PASSWORD", "", "too short"),
		"--limit: out of range; want 0 or more":                            {Flag: "--limit", Problem: "out of range", Want: "0 or more"},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

// TestShown: values that may hold a secret are not for messages.
func TestShown(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"/run/secrets/url": true, "mcpkeep.key": true, "https://mcp.example.com": true, "alice@example.com": true, "C:\\keys": true,
		"postgres://u:sesame@h/d": false, "https:u:sesame@h": false, "-----BEGIN PRIVATE KEY-----": false, "two\nlines": false, "": false,
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=": false, "/tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": true, strings.Repeat("a", 5000): false,
	} {
		if got := setting.Shown(value) == value && value != ""; got != want {
			t.Errorf("%q is shown: %t, want %t", value, got, want)
		}
	}
}
