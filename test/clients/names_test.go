//go:build clients

package clients_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// localNames are what people type for a server on their machine.
func localNames(t *testing.T, server string) map[string]string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]"} {
		names[host] = "http://" + host + ":" + u.Port() + "/mcp"
	}
	return names
}

// TestNames: clients that compare the resource with the address that was typed sign in at
// each name of a server that was started without settings.
func TestNames(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, harness.Engines()[0].Options(t))
	for host, address := range localNames(t, p.URL) {
		for _, lib := range libraries() {
			if !strings.HasPrefix(lib.key, "typescript") {
				continue
			}
			t.Run(lib.key+"/"+host, func(t *testing.T) {
				t.Parallel()
				l := &life{t: t, server: p, client: lib.start(t, setup{Server: address, RedirectURI: lib.redirectURI(t)})}
				if err := l.client.connect(); err != nil {
					t.Fatal(err)
				}
				if who := l.mustWho(); who.ConnectionID == "" {
					t.Errorf("%+v", who)
				}
			})
		}
	}
}
