//go:build providers

package providers_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// accessTTL is how long access tokens live: short, so that refreshes happen all the
// time, and longer than a loaded machine pauses between a refresh and the call after it.
const accessTTL = 4 * time.Second

// outage is how long a provider is away. MCPKEEP_TEST_OUTAGE=1m makes it a minute.
func outage(t *testing.T) time.Duration {
	t.Helper()
	return harness.Outage(t, 20*time.Second)
}

// keep is a server whose people sign in at a provider.
type keep struct {
	*harness.Process
	at *provider
}

// each runs a test with each provider on each engine.
func each(t *testing.T, run func(t *testing.T, k keep)) {
	t.Helper()
	eachOf(t, kinds(), run)
}

func eachOf(t *testing.T, kinds []kind, run func(t *testing.T, k keep)) {
	t.Helper()
	for _, kind := range kinds {
		for _, engine := range harness.Engines() {
			t.Run(kind.name+"/"+engine.Name, func(t *testing.T) {
				t.Parallel()
				opts := engine.Options(t)
				opts.Listen = harness.FreeAddress(t)
				at := startProvider(t, kind, opts.Listen)
				opts.Env = append(opts.Env,
					"MCPKEEP_PROVIDER=oidc", "MCPKEEP_OIDC_ISSUER="+at.issuer, "MCPKEEP_OIDC_CLIENT_ID=mcpkeep",
					"MCPKEEP_OIDC_CLIENT_SECRET=secret of the tests", "MCPKEEP_ALLOWED_DOMAINS=example.com", "MCPKEEP_ADMINS=alice@example.com",
					"MCPKEEP_ACCESS_TOKEN_TTL="+accessTTL.String())
				run(t, keep{harness.Start(t, opts), at})
			})
		}
	}
}

// browser is a browser in which someone signs in as an account at the provider.
func (k keep) browser(account string) *harness.Browser {
	b := harness.NewBrowser(nil)
	b.Sites = []string{k.at.issuer, "http://" + k.Address()}
	b.Password, b.Fields = account, k.at.login(account)
	return b
}

// connect connects a new client for an account.
func (k keep) connect(t *testing.T, account string) *harness.Client {
	t.Helper()
	c := harness.NewClient(k.URL, nil)
	c.Scope = "mcp offline_access"
	if err := c.SignIn(t.Context(), k.browser(account)); err != nil {
		t.Fatal(err)
	}
	return c
}

// connections is how many apps alice has connected, which all refresh concurrently.
func (k keep) connections(t *testing.T) []*harness.Client {
	t.Helper()
	clients := make([]*harness.Client, 3)
	for i := range clients {
		clients[i] = k.connect(t, "alice")
	}
	return clients
}

// calls calls a tool, which tells who is signed in.
func calls(t *testing.T, c *harness.Client, email string) {
	t.Helper()
	who, err := c.Call(t.Context(), "whoami")
	if err != nil || who["email"] != email {
		t.Fatalf("whoami: %v, %v", who, err)
	}
}

func refreshes(t *testing.T, c *harness.Client) {
	t.Helper()
	began := time.Now()
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatalf("refresh after %v: %v", time.Since(began), err)
	}
}

func wantStatus(t *testing.T, err error, status int, text string) {
	t.Helper()
	if harness.StatusOf(err) != status || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %d %s", err, status, text)
	}
}

// TestSignIn is the whole way: discovery, sign-in, tool call, refresh.
func TestSignIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, k keep) {
		c := k.connect(t, "alice")
		calls(t, c, "alice@example.com")
		for range 3 {
			refreshes(t, c)
			calls(t, c, "alice@example.com")
		}
		if err := k.restart(); err != nil {
			t.Fatal(err)
		}
		refreshes(t, c)
		calls(t, c, "alice@example.com")
		if n := k.Logs.Events("grant_created"); n != 1 {
			t.Errorf("%d sign-ins, want 1", n)
		}
	})
}

func (k keep) restart() error {
	k.Kill9()
	return k.Restart()
}

// TestRemovedPerson: someone who was removed at the provider is out at the next refresh.
func TestRemovedPerson(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, k keep) {
		c, other := k.connect(t, "alice"), k.connect(t, "alice")
		refreshes(t, c)
		k.at.remove(t, "alice")
		calls(t, c, "alice@example.com") // the access token lives on
		for _, c := range []*harness.Client{c, other} {
			wantStatus(t, c.Refresh(t.Context()), http.StatusBadRequest, "invalid_grant")
			_, err := c.Call(t.Context(), "whoami")
			wantStatus(t, err, http.StatusUnauthorized, "invalid_token")
		}
	})
}

// TestChangedAddress: so is someone whose address now belongs to another domain.
func TestChangedAddress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, k keep) {
		c := k.connect(t, "alice")
		k.at.add(t, "alice", map[string]any{"name": "Alice A.", "preferred_username": "alice", "email": "alice@home.example", "email_verified": true})
		wantStatus(t, c.Refresh(t.Context()), http.StatusBadRequest, "invalid_grant")
	})
}

// TestStoppedProvider: a provider that hangs signs no one out, and is not asked twice for
// what it may give once.
func TestStoppedProvider(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, k keep) {
		clients := k.connections(t)
		k.at.stop(t)
		defer k.at.resume(t)
		k.goOn(t, clients, outage(t))
		k.at.resume(t)
		k.goOn(t, clients, 3*accessTTL)
		calls(t, k.connect(t, "alice"), "alice@example.com")
		k.at.remove(t, "alice")
		time.Sleep(accessTTL)
		wantStatus(t, clients[0].Refresh(t.Context()), http.StatusBadRequest, "invalid_grant")
	})
}

// TestKilledProvider is the same with one that is gone and comes back, which only one
// that keeps its people on disk can do.
func TestKilledProvider(t *testing.T) {
	t.Parallel()
	keeping := slices.DeleteFunc(kinds(), func(k kind) bool { return !k.keeps })
	eachOf(t, keeping, func(t *testing.T, k keep) {
		clients := k.connections(t)
		k.at.kill()
		k.goOn(t, clients, outage(t)/2)
		if err := k.restart(); err != nil {
			t.Fatalf("start while the provider is away: %v", err)
		}
		k.goOn(t, clients, outage(t)/2)
		_, err := k.browser("alice").Visit(t.Context(), clients[0].AuthorizeURL())
		wantStatus(t, err, http.StatusServiceUnavailable, "Not available right now")
		k.at.start(t)
		k.goOn(t, clients, 3*accessTTL)
		calls(t, k.connect(t, "alice"), "alice@example.com")
	})
}

// goOn has clients refresh whenever their access token has expired, all concurrently.
func (k keep) goOn(t *testing.T, clients []*harness.Client, for_ time.Duration) {
	t.Helper()
	var wg sync.WaitGroup
	end := time.Now().Add(for_)
	for i, c := range clients {
		wg.Go(func() {
			longest, n := time.Duration(0), 0
			for time.Now().Before(end) {
				began := time.Now()
				if err := c.Refresh(t.Context()); err != nil {
					t.Errorf("client %d, refresh %d: %v", i, n, err)
					return
				}
				longest, n = max(longest, time.Since(began)), n+1
				if _, err := c.Call(t.Context(), "whoami"); err != nil {
					t.Errorf("client %d, call %d: %v", i, n, err)
				}
				time.Sleep(accessTTL)
			}
			t.Logf("client %d: %d refreshes in %v, the longest took %v", i, n, for_, longest.Round(time.Millisecond))
		})
	}
	wg.Wait()
	if n := k.Logs.Events("grant_revoked"); n != 0 {
		t.Errorf("%d grants were revoked", n)
	}
}

// TestAnotherAccount: someone who came with the wrong account changes it at the
// provider, and the client gets its code.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, k keep) {
		c, b := harness.NewClient(k.URL, nil), k.browser("mallory")
		if err := c.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := b.Open(t.Context(), c.AuthorizeURL())
		for range 6 {
			if err != nil || page.Left != nil {
				break
			}
			page, err = b.Submit(t.Context(), page)
		}
		var refusal *harness.Error
		if !errors.As(err, &refusal) || refusal.Status != http.StatusForbidden || !strings.Contains(refusal.Description, "mallory") {
			t.Fatalf("got %v, want a page that refuses mallory", err)
		}
		b.Password, b.Fields = "alice", k.at.login("alice")
		answer, err := b.Visit(t.Context(), page.Links()["Use another account"])
		if err != nil {
			t.Fatal(err)
		}
		code, err := c.Code(answer)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Exchange(t.Context(), code); err != nil {
			t.Fatal(err)
		}
		calls(t, c, "alice@example.com")
	})
}
