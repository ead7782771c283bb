//go:build clients

package clients_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// shortTTL is how long access tokens live where a test waits for their end.
const shortTTL = "2s"

// assertSignedInOnce checks what the server logged: one registration and one
// grant, however often it was restarted.
func assertSignedInOnce(t *testing.T, p *harness.Process) {
	t.Helper()
	for _, event := range []string{"client_registered", "grant_created"} {
		if n := p.Logs.Events(event); n != 1 {
			t.Errorf("%d log lines with event=%s, want 1", n, event)
		}
	}
}
