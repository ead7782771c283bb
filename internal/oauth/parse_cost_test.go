package oauth_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// TestParseCost: whatever the 64 KiB of a stranger's metadata hold, reading them allocates less
// than 1 MiB, and values in strings do not count.
func TestParseCost(t *testing.T) { //nolint:paralleltest // it measures what is allocated
	const start, id = `{"client_id":"https://a.test/c","client_name":"x","redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none","zz":`, "https://a.test/c"
	for name, tt := range map[string]struct {
		filler string
		taken  bool
	}{
		"numbers":       {"[" + strings.Repeat("0,", 32000) + "0]", false},
		"arrays":        {"[" + strings.Repeat("[],", 21000) + "0]", false},
		"objects":       {"[" + strings.Repeat("{},", 21000) + "0]", false},
		"not JSON":      {strings.Repeat("[", 64000), false},
		"some numbers":  {"[" + strings.Repeat("0,", 900) + "0]", true},
		"some objects":  {"[" + strings.Repeat(`{},`, 450) + "0]", true},
		"text":          {`"` + strings.Repeat(`,[{`, 21000) + `"`, true},
		"escaped quote": {`"` + strings.Repeat(`\",`, 21000) + `"`, true},
	} {
		body := []byte(start + tt.filler + "}")
		for parser, parse := range map[string]func() error{
			"registration": func() error { _, err := oauth.ParseRegistration(body); return err },
			"document":     func() error { _, err := oauth.ParseMetadataDocument(id, body); return err },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := parse()
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; (err == nil) != tt.taken || spent > 1<<20 {
				t.Errorf("%s as %s: %d bytes allocated, %v", name, parser, spent, err)
			}
		}
	}
}
