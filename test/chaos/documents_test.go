//go:build chaos

package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestDocumentClientLives: C-09, CIMD-09. A client with a metadata document and a key
// of its own lives as long as its tokens: at any replica, over kill -9 of all of
// them, with its site away. Of all that, its site sees two requests.
func TestDocumentClientLives(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			site := harness.NewClientSite(t)
			opts := engine.Options(t)
			opts.Env = append(opts.Env, site.Env()...)
			a := harness.Start(t, opts)
			opts.Args = append(opts.Args, "--base-url", a.URL)
			b := harness.Start(t, opts)
			route := harness.NewRoute(a)
			c := harness.NewClient(a.URL, route)
			var keys any
			c.Key, keys = harness.NewSigningKey()
			site.PublishJSON("/jwks.json", keys, nil)
			c.AuthMethod = "private_key_jwt"
			c.ID = site.Publish("/client.json", map[string]any{
				"token_endpoint_auth_method": c.AuthMethod, "jwks_uri": site.URL + "/jwks.json",
			})
			if err := c.SignIn(t.Context(), harness.NewBrowser(route)); err != nil {
				t.Fatal(err)
			}
			goOn := func(p *harness.Process) {
				t.Helper()
				route.To(p)
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Call(t.Context(), "whoami"); err != nil {
					t.Fatal(err)
				}
			}
			goOn(b)
			site.Fail(fetchtest.Down)
			for _, p := range []*harness.Process{a, b} {
				p.Kill9()
			}
			for _, p := range []*harness.Process{a, b} {
				if err := p.Restart(); err != nil {
					t.Fatal(err)
				}
				goOn(p)
			}
			if n := site.Requests(""); n != 2 {
				t.Errorf("the site was asked %d times, want once for the document and once for the keys", n)
			}
			assertNo500(t, a)
			assertNo500(t, b)
		})
	}
}

// TestClientWithKey: AS-10, C-04. A client that the operator made with a public key,
// by the command line, lives at the server that runs meanwhile.
func TestClientWithKey(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			opts := engine.Options(t)
			p := harness.Start(t, opts)
			c := harness.NewClient(p.URL, nil)
			key, set := harness.NewSigningKey()
			text, err := json.Marshal(set)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "jwks.json")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			made := harness.Run(t.Context(), t, opts.Env, "clients", "create", "--database-url", opts.Database, "--id", "desk", "--name", "Desk",
				"--redirect-uri", c.RedirectURI, "--auth-method", "private_key_jwt", "--jwks", file)
			if made.Status != 0 {
				t.Fatalf("status %d: %s", made.Status, made.Stderr)
			}
			c.ID, c.AuthMethod, c.Key = "desk", "private_key_jwt", key
			if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
				t.Fatal(err)
			}
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.Key, _ = harness.NewSigningKey()
			if err := c.Refresh(t.Context()); harness.StatusOf(err) != http.StatusUnauthorized {
				t.Errorf("7523-03: with another key: %v", err)
			}
		})
	}
}

// TestVendorsApp: CIMD-13. The app of a vendor whose site this network does not
// reach (it trusts no public certificate) signs in all the same.
func TestVendorsApp(t *testing.T) {
	t.Parallel()
	p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Env: harness.NewClientSite(t).Env()})
	c := harness.NewClient(p.URL, nil)
	c.ID, c.RedirectURI = "https://claude.ai/oauth/claude-code-client-metadata", "http://localhost:54321/callback"
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), "whoami"); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestUnreadDocumentLives: CIMD-16, C-09. A client whose site has been away from the
// beginning signs in, lives over kill -9 of all replicas at any of them, and is known by
// its document once its site is back.
func TestUnreadDocumentLives(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			site := harness.NewClientSite(t)
			opts := engine.Options(t)
			opts.Env = append(append(opts.Env, "MCPKEEP_READOPT=known"), site.Env()...)
			a := harness.Start(t, opts)
			opts.Args = append(opts.Args, "--base-url", a.URL)
			b := harness.Start(t, opts)
			route := harness.NewRoute(a)
			c := harness.NewClient(a.URL, route)
			c.ID = site.Publish("/client.json")
			site.Fail(fetchtest.Down)
			if err := c.SignIn(t.Context(), harness.NewBrowser(route)); err != nil {
				t.Fatal(err)
			}
			for _, p := range []*harness.Process{a, b} {
				p.Kill9()
			}
			for _, p := range []*harness.Process{a, b} {
				if err := p.Restart(); err != nil {
					t.Fatal(err)
				}
				route.To(p)
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Call(t.Context(), "whoami"); err != nil {
					t.Fatal(err)
				}
			}
			site.Fail(nil)
			time.Sleep(31 * time.Second) // failures are remembered for that long
			before := site.Requests("")
			if err := c.SignIn(t.Context(), harness.NewBrowser(route)); err != nil {
				t.Fatal(err)
			}
			if n := site.Requests("") - before; n != 1 {
				t.Errorf("the document was asked for %d times, want once", n)
			}
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			assertNo500(t, a)
			assertNo500(t, b)
		})
	}
}

// TestNotOffered: AS-15, CIMD-17. Where no vendor's site can be reached (this process
// trusts no public certificate), documents are not offered, in whatever order replicas
// start; a document's ID is accepted all the same, and nothing waits.
func TestNotOffered(t *testing.T) {
	t.Parallel()
	site := harness.NewClientSite(t)
	p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Env: []string{"SSL_CERT_FILE=" + site.CAFile, "MCPKEEP_READOPT=known"}})
	metadata := get(t.Context(), t, p.URL+"/.well-known/oauth-authorization-server").body
	if _, ok := metadata["client_id_metadata_document_supported"]; ok || metadata["registration_endpoint"] == nil {
		t.Errorf("offered: %v", metadata)
	}
	c := harness.NewClient(p.URL, nil)
	c.ID, c.RedirectURI = "https://fast-agent.test/client.json", "http://127.0.0.1:3030/callback"
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestDocumentsOff: without documents such an id is unknown, and nothing is fetched.
func TestDocumentsOff(t *testing.T) {
	t.Parallel()
	site := harness.NewClientSite(t)
	id := site.Publish("/client.json")
	for name, args := range map[string][]string{
		"off": {"--cimd", "off"}, "another host": {"--cimd-hosts", "client.test"}, "closed": {"--registration", "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Env: site.Env(), Args: args})
			c := harness.NewClient(p.URL, nil)
			c.ID = id
			if a := get(t.Context(), t, c.AuthorizeURL()); a.status != http.StatusBadRequest {
				t.Errorf("status %d", a.status)
			}
			metadata := get(t.Context(), t, p.URL+"/.well-known/oauth-authorization-server").body
			if offered := metadata["client_id_metadata_document_supported"] == true; offered != (name == "another host") {
				t.Errorf("AS-15: offered: %t", offered)
			}
			if n := site.Requests(""); n != 0 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestDocumentFlood: E4. A thousand made-up IDs, sent concurrently to two replicas, make
// a bounded number of requests; known clients notice nothing.
func TestDocumentFlood(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			site := harness.NewClientSite(t)
			opts := engine.Options(t)
			opts.Env = append(opts.Env, site.Env()...)
			a := harness.Start(t, opts)
			opts.Args = append(opts.Args, "--base-url", a.URL)
			processes := []*harness.Process{a, harness.Start(t, opts)}
			c := harness.NewClient(a.URL, nil)
			c.ID = site.Publish("/client.json")
			if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
				t.Fatal(err)
			}
			before := site.Requests("")
			var wg sync.WaitGroup
			for worker := range 20 {
				wg.Go(func() { flood(t.Context(), t, processes[worker%2], site.URL, worker) })
			}
			for range 10 {
				if err := c.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
			}
			wg.Wait()
			// Two replicas that take the last place of the limit concurrently are one over it.
			if n := site.Requests("") - before; n == 0 || n > 21 {
				t.Errorf("%d requests went out for 1000 made-up ids", n)
			}
			for _, p := range processes {
				assertNo500(t, p)
			}
		})
	}
}

// flood opens fifty ids that do not exist.
func flood(ctx context.Context, t *testing.T, p *harness.Process, site string, worker int) {
	c := harness.NewClient(p.URL, nil)
	for i := range 50 {
		c.ID = fmt.Sprintf("%s/%d/%d.json", site, worker, i)
		if a := get(ctx, t, c.AuthorizeURL()); a.status != http.StatusServiceUnavailable {
			t.Errorf("status %d", a.status)
		}
	}
}
