//go:build chaos

package chaos_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/server/servertest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	person = "octavia"
	// renewals is the path at which GitHub renews tokens.
	renewals = "/login/oauth/access_token"
)

// moment is when the gate before GitHub holds a renewal up.
type moment int

const (
	never   moment = iota
	before         // GitHub has not heard of it
	renewed        // GitHub has renewed the token and the answer is on its way
)

// gate stands before a GitHub whose tokens are good for one renewal, which each
// refresh needs.
type gate struct {
	*githubtest.Server
	url  string
	held chan struct{} // gets a value for each renewal that is held up

	mu      sync.Mutex
	at      moment
	release chan struct{}
}

func newGate(t *testing.T) *gate {
	t.Helper()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{Login: person})
	gh.SignInAs(person)
	gh.SetTokenLifetime(30 * time.Second)
	target, err := url.Parse(gh.URL)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Server: gh, held: make(chan struct{}, 64), release: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(res *http.Response) error {
			g.hold(res.Request, renewed)
			return nil
		},
	}
	web := httptest.NewServer(servertest.BodyFirst(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.hold(r, before) {
			proxy.ServeHTTP(w, r)
		}
	})))
	t.Cleanup(func() {
		g.Hold(never)
		web.Close()
	})
	g.url = web.URL
	return g
}

// hold waits at a moment for as long as it is to be waited at, and reports whether it did.
func (g *gate) hold(r *http.Request, at moment) bool {
	g.mu.Lock()
	waits, release := g.at == at && r.URL.Path == renewals, g.release
	g.mu.Unlock()
	if waits {
		g.held <- struct{}{}
		<-release
	}
	return waits
}

// Hold lets go of what is held up, which goes nowhere, and holds up renewals at a moment.
func (g *gate) Hold(at moment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.release)
	g.at, g.release = at, make(chan struct{})
}

// options are those of a process whose people sign in there.
func (g *gate) options(t *testing.T, engine harness.Engine, args ...string) harness.Options {
	t.Helper()
	opts := engine.Options(t)
	opts.Args = args
	opts.Env = append(opts.Env, "MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOWED_USERS="+person,
		"MCPKEEP_GITHUB_CLIENT_ID="+g.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+g.ClientSecret,
		"MCPKEEP_GITHUB_URL="+g.url, "MCPKEEP_GITHUB_API_URL="+g.APIURL)
	return opts
}

// connect signs a new client in.
func (g *gate) connect(t *testing.T, p *harness.Process) *harness.Client {
	t.Helper()
	b := harness.NewBrowser(nil)
	b.Sites = []string{g.url}
	c := harness.NewClient(p.URL, nil)
	if err := c.SignIn(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return c
}
