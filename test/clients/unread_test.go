//go:build clients

package clients_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// retryUnread is for how long a failed fetch is not repeated at a sign-in, and some.
const retryUnread = 31 * time.Second

// TestUnreadDocument: CIMD-16. A client that presents its document whose site is away is
// let in by a person, renews its token after kill -9 of the server, and signs in again by its document
// when the site is back.
func TestUnreadDocument(t *testing.T) {
	t.Parallel()
	engines := harness.Engines()
	for i, lib := range libraries() {
		if !slices.Contains([]string{"python", "fastmcp", "typescript2", "go"}, lib.key) {
			continue
		}
		t.Run(lib.key, func(t *testing.T) {
			t.Parallel()
			site := harness.NewClientSite(t)
			id := site.Publish("/oauth/client.json", map[string]any{"redirect_uris": []string{"http://127.0.0.1" + lib.redirectPath()}})
			site.Fail(fetchtest.Down)
			opts := engines[i%len(engines)].Options(t)
			opts.Env = append(append(opts.Env, ttl(shortTTL), "MCPKEEP_READOPT=known"), site.Env()...)
			p := harness.Start(t, opts)
			known := setup{Server: p.URL + "/mcp", RedirectURI: lib.redirectURI(t), DocumentURL: id}
			l := &life{t: t, server: p, client: lib.start(t, known)}
			l.keepToken(l.refresh(l.signIn(way{}, known)))

			site.Fail(nil)
			time.Sleep(retryUnread)
			before := site.Requests("")
			l.client = lib.start(t, known) // without what it remembered
			l.signIn(way{}, known)
			if n := site.Requests("") - before; n != 1 {
				t.Errorf("the document was asked for %d times, want once", n)
			}
		})
	}
}
