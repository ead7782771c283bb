//go:build clients

package clients_test

import (
	"flag"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

var update = flag.Bool("update", false, "write what was run into docs/clients.md")

// TestClients takes each client through its life, for each way of being known,
// and holds docs/clients.md against what it saw.
func TestClients(t *testing.T) {
	t.Parallel()
	var seen report
	engines, all := harness.Engines(), 0
	t.Run("each", func(t *testing.T) {
		for i, lib := range libraries() {
			for j, w := range ways() {
				all++
				engine := engines[(i+j)%len(engines)] // the other suites try everything on both
				t.Run(lib.key+"/"+w.key, func(t *testing.T) {
					t.Parallel()
					seen.add(tryClient(t, lib, w, engine))
				})
			}
		}
	})
	table := seen.markdown()
	t.Log("\n" + table)
	if t.Failed() || len(seen.rows) < all {
		t.Log("not all were run: docs/clients.md is left alone")
		return
	}
	harness.Document(t, *update, "clients.md", "clients", table)
}

// tryClient takes one client through its life.
func tryClient(t *testing.T, lib library, w way, engine harness.Engine) row {
	t.Helper()
	known := w.prepare(t, lib)
	opts := engine.Options(t)
	opts.Env = append(append(opts.Env, ttl(shortTTL)), known.env...)
	p := harness.Start(t, opts)
	s := setup{Server: p.URL + "/mcp", RedirectURI: lib.redirectURI(t)}
	known.make(opts, &s)
	l := &life{t: t, server: p, client: lib.start(t, s)}
	version, err := l.client.version()
	if err != nil {
		t.Fatal(err)
	}
	have := l.live(w, s)
	lib.check(t, w, have)
	return row{library: lib, version: version, way: w, seen: have}
}
