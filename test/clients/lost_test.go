//go:build clients

package clients_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// lostID belongs to a registration that this server never saw.
const lostID = "c_lost5gq3xwzr7aicvk2mdt6ne"

// keeping are the libraries that open the browser with the id that they have,
// whatever the server knows. FastMCP asks the server before and registers again.
var keeping = []string{"typescript1", "typescript2", "python", "inspector"}

// eachKeeping runs a test for each client that keeps a registration.
func eachKeeping(t *testing.T, keys []string, env []string, run func(t *testing.T, l *life, restart func() driver)) {
	t.Helper()
	engines := harness.Engines()
	for i, lib := range libraries() {
		if !slices.Contains(keys, lib.key) {
			continue
		}
		t.Run(lib.key, func(t *testing.T) {
			t.Parallel()
			opts := engines[i%len(engines)].Options(t)
			opts.Env = append(opts.Env, env...)
			p := harness.Start(t, opts)
			known := setup{
				Server: p.URL + "/mcp", RedirectURI: lib.redirectURI(t), ClientID: lostID, Stored: true,
			}
			start := func() driver { return lib.start(t, known) }
			run(t, &life{t: t, server: p, client: start()}, start)
		})
	}
}

// TestLostRegistration: a client whose registration vanished before mcpkeep came
// opens the browser with the stale ID. The person sees a consent page, signs in, and
// the client continues under its old id: across a crash, and when its token expires.
func TestLostRegistration(t *testing.T) {
	t.Parallel()
	eachKeeping(t, append(keeping, "fastmcp"), []string{ttl(shortTTL), "MCPKEEP_READOPT=known"}, func(t *testing.T, l *life, _ func() driver) {
		t.Helper()
		known := setup{ClientID: lostID}
		first := l.signIn(way{}, known)
		renewed := l.refresh(first)
		l.keepToken(renewed)
	})
}

// TestLostRegistrationRefused: without readoption the client is stuck. It opens the
// browser with the stale ID again and again and never registers again. FastMCP does.
func TestLostRegistrationRefused(t *testing.T) {
	t.Parallel()
	eachKeeping(t, keeping, []string{"MCPKEEP_READOPT=off"}, func(t *testing.T, l *life, restart func() driver) {
		t.Helper()
		s := l.during(func() {
			for range 2 {
				err := l.client.connect()
				if err == nil || !strings.Contains(err.Error(), "app is not registered") {
					t.Errorf("connect: %v, want the page for an unknown app", err)
				}
				l.client = restart()
			}
		}, func(seen) bool { return false })
		if s.registrations != 0 || s.grants != 0 {
			t.Errorf("%+v, want nothing", s)
		}
	})
	eachKeeping(t, []string{"fastmcp"}, []string{"MCPKEEP_READOPT=off"}, func(t *testing.T, l *life, _ func() driver) {
		t.Helper()
		if who := l.signIn(way{registrations: 1}, setup{}); who.ClientID == lostID {
			t.Error("the lost id came back")
		}
	})
}
