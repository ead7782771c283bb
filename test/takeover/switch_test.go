//go:build takeover

package takeover_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	hosts = 50
	// hostTokens is how long tokens of FastMCP and GitHub live: some end during the test.
	hostTokens = time.Minute
	// switchIn bounds each half of the test, on a machine under load.
	switchIn = 8 * time.Minute
	// python4 is the FastMCP server of the test.
	python4 = "4.2.3"
)

// tally counts what all hosts saw.
type tally struct {
	moved     atomic.Bool // FastMCP has stopped
	mu        sync.Mutex
	calls     map[string]map[int]int // by server and host
	refreshes map[string]int         // by server
	others    map[string]int         // what made hosts come again
	longest   time.Duration          // between two calls of a host
}

func newTally() *tally {
	return &tally{calls: map[string]map[int]int{python4: {}, "mcpkeep": {}}, refreshes: map[string]int{}, others: map[string]int{}}
}

func (c *tally) served(server string, host int, since time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[server][host]++
	c.longest = max(c.longest, since)
}

func (c *tally) refreshed(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	server := python4
	if strings.HasPrefix(token, "mka_") {
		server = "mcpkeep"
	}
	c.refreshes[server]++
}

func (c *tally) missed(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.others[why]++
}

// enough reports whether each host has called a server so often, and all refreshed there.
func (c *tally) enough(server string, calls, refreshes int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for host := range hosts {
		if c.calls[server][host] < calls {
			return false
		}
	}
	return c.refreshes[server] >= refreshes
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := map[string]int{}
	for server, of := range c.calls {
		for _, n := range of {
			total[server] += n
		}
	}
	return fmt.Sprintf("calls %v, refreshes %v, again after %v, at most %v between two calls of a client",
		total, c.refreshes, c.others, c.longest.Round(time.Millisecond))
}

// signIn signs a user's host in at FastMCP, which is the only time that its browser opens.
func (d *deployment) signIn(t *testing.T, login string) (held, error) {
	t.Helper()
	d.gh.AddUser(githubtest.User{Login: login})
	b := harness.NewBrowser(asUser{d.gh.URL, d.gh.SessionCookie(login)})
	b.Sites = []string{d.gh.URL}
	c := harness.NewClient(d.url(), nil)
	c.Scope, c.FastMCP = "user", true
	err := c.SignIn(t.Context(), b)
	return held{Access: c.AccessToken, Refresh: c.RefreshToken, Client: c.ID}, err
}

// asUser is the connection of a browser in which a user is signed in at GitHub.
type asUser struct {
	site   string
	cookie *http.Cookie
}

func (u asUser) RoundTrip(req *http.Request) (*http.Response, error) {
	if site, err := url.Parse(u.site); err == nil && req.URL.Host == site.Host {
		req.AddCookie(u.cookie)
	}
	return http.DefaultTransport.RoundTrip(req)
}

// TestSwitchUnderLoad: 50 hosts call and refresh while FastMCP stops, as Cloud Run stops it,
// and mcpkeep starts at its address: some come again, and none opens a browser. It runs alone,
// because it is about load.
func TestSwitchUnderLoad(t *testing.T) { //nolint:paralleltest // see above
	d := deployOn(t, hostTokens, pgtest.New(t))
	d.options.Env = append(d.options.Env, "GITHUB_ALLOWED_USERNAMES=*", "MCPKEEP_ACCESS_TOKEN_TTL=10s")
	d.options.Binary = harness.Build(t)
	stop := serveUntil(t, python4, d.setup)
	seen, over := newTally(), make(chan struct{})
	all := d.signInHosts(t, seen)
	var running sync.WaitGroup
	for _, h := range all {
		running.Go(func() { h.run(over) })
	}
	defer running.Wait()
	end := sync.OnceFunc(func() { close(over) })
	defer end()
	seen.wait(t, python4, 1, hosts/10)

	began := time.Now()
	stop(syscall.SIGTERM)
	seen.moved.Store(true)
	stopped := time.Since(began)
	harness.Start(t, d.options)
	ready := time.Since(began)
	seen.wait(t, "mcpkeep", 3, 2*hosts)
	end()
	running.Wait()
	grants := dbtest.Value[int64](t, dbtest.SQL(t, d.options.Database), "SELECT COUNT(*) FROM mcpkeep_grants")
	if grants != hosts {
		t.Errorf("%d connections of %d clients", grants, hosts)
	}
	t.Logf("FastMCP took %v to stop, and mcpkeep was ready %v after that: %v", stopped.Round(time.Millisecond), (ready - stopped).Round(time.Millisecond), seen)
}

// signInHosts signs users in at FastMCP, each with a host, a few at a time.
func (d *deployment) signInHosts(t *testing.T, seen *tally) (all []*host) {
	t.Helper()
	dir, doors := t.TempDir(), make(chan struct{}, 4)
	var arriving sync.WaitGroup
	for i := range hosts {
		h := &host{t: t, id: i, server: d.url(), file: filepath.Join(dir, fmt.Sprintf("%d.json", i)), seen: seen,
			http: &http.Client{Timeout: switchIn, Transport: &http.Transport{}}}
		all = append(all, h)
		arriving.Go(func() {
			doors <- struct{}{}
			defer func() { <-doors }()
			kept, err := d.signIn(t, fmt.Sprintf("user-%d", i))
			if err == nil {
				err = h.hold(kept)
			}
			if err != nil {
				t.Errorf("sign in: %v", err)
			}
		})
	}
	arriving.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// wait waits until hosts have seen so much of a server.
func (c *tally) wait(t *testing.T, server string, calls, refreshes int) {
	t.Helper()
	for end := time.Now().Add(switchIn); !c.enough(server, calls, refreshes); time.Sleep(50 * time.Millisecond) {
		if t.Failed() || time.Now().After(end) {
			t.Fatalf("%s: %v", server, c)
		}
	}
}
