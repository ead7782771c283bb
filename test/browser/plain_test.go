//go:build browser

package browser_test

import (
	"net"
	"net/http"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// plainHost is a host of a private network, which the browser finds on this machine.
const plainHost = "keep.lan"

// Over plain http the browser says nothing about the page that sends a form: no
// Sec-Fetch-Site, and a null Origin. People sign in all the same.
func TestPlainNetwork(t *testing.T) {
	t.Parallel()
	address := harness.FreeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	k := keep{"http://" + plainHost + ":" + port}
	built.Store(harness.Build(t))
	local := keep{harness.Start(t, harness.Options{
		Database: harness.SQLite(t), Listen: address,
		Env: []string{"MCPKEEP_BASE_URL=" + k.url, "MCPKEEP_ALLOW_HTTP=true", "MCPKEEP_PROVIDER=local"},
	}).URL}
	b, a := newTab(t), loopbackApp(t, "127.0.0.1")
	client := local.register(t, "Test Client", registeredURI)
	b.open(k.url+"/mcp", http.StatusUnauthorized)
	b.shows("is an MCP server", k.url+"/mcp", "not encrypted")
	b.open(k.authorizeURL(client, a.redirectURI), http.StatusOK)
	b.shows("not encrypted")
	if status := b.signIn(harness.Password); status != http.StatusOK {
		t.Fatalf("sign-in led to %d: %s", status, b.text())
	}
	b.shows("not encrypted", "wants to connect")
	wantFocus(b, "body", "summary", "deny")
	b.waitUnlocked("none")
	wantFocus(b, "deny", "approve")
	b.submit(enterKey)
	wantAnswer(t, k, a.answer(t))
}
