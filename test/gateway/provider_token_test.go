package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// renewals is the path at which GitHub renews tokens.
const renewals = "/login/oauth/access_token"

// picky is an MCP server that refuses some of the tokens that it gets.
type picky struct {
	url     string
	mu      sync.Mutex
	refuses map[string]bool
	last    string
	all     bool // refuses every one
}

func newPicky(t *testing.T) *picky {
	t.Helper()
	u := &picky{refuses: map[string]bool{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		u.mu.Lock()
		u.last = r.Header.Get("X-Github-Token")
		refused := u.last == "" || u.all || u.refuses[u.last]
		u.mu.Unlock()
		if refused {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	}))
	t.Cleanup(s.Close)
	u.url = s.URL + "/mcp"
	return u
}

// refuse makes it refuse the token that it got last.
func (u *picky) refuse() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refuses[u.last] = true
}

func (u *picky) refuseAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = true
}

func (u *picky) token() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last
}

// withTokens starts two replicas whose upstreams get GitHub's tokens.
func withTokens(t *testing.T, gh *githubtest.Server, target string) (replicas []*harness.Process) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mcpkeep.json")
	write(t, path, `{"mcpServers": {
		"default": {"url": "`+target+`", "title": "Ticket system", "provider_token": "X-Github-Token"},
		"notes": {"url": "`+target+`", "provider_token": "X-Github-Token"}}}`)
	options := harness.Engines()[0].Options(t)
	options.Listen, options.Args = harness.FreeAddress(t), []string{"--config", path}
	options.Env = append(options.Env, "MCPKEEP_BASE_URL=http://"+options.Listen, "MCPKEEP_ENCRYPTION_KEYS="+harness.NewKey(t), "MCPKEEP_PROVIDER=github",
		"MCPKEEP_ALLOWED_USERS=octocat", "MCPKEEP_GITHUB_CLIENT_ID="+gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+gh.ClientSecret,
		"MCPKEEP_GITHUB_URL="+gh.URL, "MCPKEEP_GITHUB_API_URL="+gh.APIURL)
	for range 2 {
		replicas = append(replicas, harness.Start(t, options))
		options.Listen = harness.FreeAddress(t)
	}
	return replicas
}

// calls calls many times at both replicas and wants a status of all.
func calls(t *testing.T, replicas []*harness.Process, path, token string, want int) {
	t.Helper()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if status, body := post(t, replicas[i%2].URL+path, token, ""); status != want {
				t.Errorf("%s got %d %s, want %d", path, status, body, want)
			}
		})
	}
	all.Wait()
}

// TestProviderToken: an upstream gets GitHub's token of who calls, as the consent page says.
// One that has expired, or that the upstream refuses, is renewed once on two replicas; an
// upstream that refuses every one cannot have it renewed again and again. A user who has
// withdrawn the permission at GitHub is asked to sign in.
func TestProviderToken(t *testing.T) {
	t.Parallel()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{ID: 7, Login: "octocat"})
	gh.SignInAs("octocat")
	gh.SetTokenLifetime(20 * time.Second) // renewed before it is used
	server := newPicky(t)
	replicas := withTokens(t, gh, server.url)
	c := harness.NewClient(replicas[0].URL, nil)
	if err := c.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := harness.NewBrowser(nil).Open(t.Context(), c.AuthorizeURL())
	if err != nil || !strings.Contains(page.Body, "receives your access token for") {
		t.Errorf("%v: the consent page says %.4000s", err, page.Body)
	}
	signIn := func(path string) string {
		c, b := harness.NewClient(replicas[0].URL, nil), harness.NewBrowser(nil)
		c.Resource, b.Sites = replicas[0].URL+path, []string{gh.URL}
		if err := c.SignIn(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		return c.AccessToken
	}
	token, notes := signIn("/mcp"), signIn("/notes/mcp")
	gh.SetTokenLifetime(8 * time.Hour)
	renewed := func(want int, since int) {
		t.Helper()
		if n := gh.Calls(renewals) - since; n != want {
			t.Errorf("%d renewals, want %d", n, want)
		}
	}
	before := gh.Calls(renewals)
	calls(t, replicas, "/mcp", token, http.StatusOK)
	renewed(1, before)
	given := []string{server.token()}
	server.refuse()
	calls(t, replicas, "/mcp", token, http.StatusOK)
	renewed(2, before)
	given = append(given, server.token())
	server.refuseAll()
	calls(t, replicas, "/mcp", token, http.StatusBadGateway)
	renewed(2, before)
	gh.RevokeTokens("octocat")
	calls(t, replicas, "/notes/mcp", notes, http.StatusUnauthorized)
	for i, p := range replicas {
		for _, secret := range given {
			if secret == "" || strings.Contains(p.Logs.String(), secret) {
				t.Errorf("the log of replica %d has a token", i)
			}
		}
	}
}
