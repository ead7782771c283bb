//go:build chaos

package outside_test

import (
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/harness/search"
)

func TestMain(m *testing.M) { harness.Main(m) }

const (
	login = "octavia"
	email = "octavia.private@example.com"
	// stranger is not on the list.
	stranger = "hubert-stranger"
)

// secrets is what must not be found, by what it is.
type secrets map[string][]string

func (s secrets) add(what string, values ...string) {
	for _, v := range values {
		if v != "" && !slices.Contains(s[what], v) {
			s[what] = append(s[what], v)
		}
	}
}

// TestNothingSecretAtRest does a full run with each provider and searches the
// database and the log for each secret that was seen.
func TestNothingSecretAtRest(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			key := harness.NewKey(t)
			opts := harness.Options{Database: engine.Database(t), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + key, "MCPKEEP_LOG_LEVEL=debug"}}
			found := secrets{}
			found.add("encryption key", key)
			found.add("password", harness.Password)
			logs := runLocal(t, opts, found) + runGitHub(t, opts, found)
			haystacks := search.Dump(t, opts.Database)
			if len(haystacks["table oauth_clients"]) == 0 {
				t.Error("the dump lacks the table of clients")
			}
			haystacks["log"] = []byte(logs)
			lookFor(t, haystacks, found)
		})
	}
}

// runLocal does a full run with the local provider and returns the log.
func runLocal(t *testing.T, opts harness.Options, found secrets) string {
	t.Helper()
	p := harness.Start(t, opts)
	c := harness.NewClient(p.URL, nil)
	c.AuthMethod = "client_secret_post"
	fullRun(t, p, c, harness.NewBrowser(nil), found)
	p.Term()
	return p.Logs.String()
}

// runGitHub does the same with the fake GitHub on the same database.
func runGitHub(t *testing.T, opts harness.Options, found secrets) string {
	t.Helper()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{Login: login, Name: "Octavia", Email: email})
	gh.SignInAs(login)
	spy := newSpy(t, gh, found)
	opts.Env = append(opts.Env, "MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOWED_USERS="+login,
		"MCPKEEP_GITHUB_CLIENT_ID="+gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+gh.ClientSecret,
		"MCPKEEP_GITHUB_URL="+spy.url, "MCPKEEP_GITHUB_API_URL="+gh.APIURL)
	found.add("GitHub client secret", gh.ClientSecret)
	found.add("email address", email)
	p := harness.Start(t, opts)
	c := harness.NewClient(p.URL, nil)
	c.AuthMethod = "client_secret_basic"
	b := harness.NewBrowser(nil)
	b.Sites = []string{spy.url}
	fullRun(t, p, c, b, found)
	gh.AddUser(githubtest.User{Login: stranger})
	gh.SignInAs(stranger)
	found.add("refused account", stranger)
	beRefused(t, p, b, opts.Database)
	p.Kill9() // leaves SQLite's write-ahead log as it is
	spy.assertSawEverything(t)
	return p.Logs.String()
}

// beRefused has the account at the provider refused: an operator with the keys is told who it
// was.
func beRefused(t *testing.T, p *harness.Process, b *harness.Browser, database string) {
	t.Helper()
	if err := harness.NewClient(p.URL, nil).SignIn(t.Context(), b); err == nil {
		t.Error("a stranger got in")
	}
	for _, args := range [][]string{{"--user", stranger}, {"--type", "sign_in_refused"}} {
		if r := p.Command(t.Context(), t, append([]string{"events"}, args...)...); r.Status != 0 || !strings.Contains(r.Stdout, stranger) {
			t.Errorf("events %v: status %d: %s%s", args, r.Status, r.Stdout, r.Stderr)
		}
	}
	blind := harness.Run(t.Context(), t, []string{"DATABASE_URL=" + database}, "events", "--type", "sign_in_refused")
	if blind.Status != 0 || !strings.Contains(blind.Stdout, "account=(encrypted)") || strings.Contains(blind.Stdout, stranger) {
		t.Errorf("events without keys: status %d: %s%s", blind.Status, blind.Stdout, blind.Stderr)
	}
}

// fullRun registers with a secret, signs in, calls, refreshes, repeats a
// refresh, sends secrets to the wrong places, and revokes.
func fullRun(t *testing.T, p *harness.Process, c *harness.Client, b *harness.Browser, found secrets) {
	t.Helper()
	ctx := t.Context()
	must(t, c.SignIn(ctx, b))
	call(ctx, t, c)
	old := c.RefreshToken
	must(t, c.Refresh(ctx))
	successor := c.RefreshToken
	c.RefreshToken = old
	must(t, c.Refresh(ctx))
	if c.RefreshToken != successor {
		t.Error("the repeated refresh got another successor")
	}
	call(ctx, t, c)
	misuse(ctx, c)
	base, err := url.Parse(p.URL)
	must(t, err)
	for _, cookie := range b.Cookies(base) {
		found.add("browser cookie", cookie.Value)
	}
	// A grant stays, so that what is sealed is there to be searched; another
	// one is revoked.
	kept := append([]string(nil), c.Seen...)
	must(t, c.SignIn(ctx, b))
	must(t, c.Revoke(ctx, c.RefreshToken))
	found.add("client's secrets", kept...)
	found.add("client's secrets", c.Seen...)
	if len(found["browser cookie"]) == 0 {
		t.Error("the browser got no cookie")
	}
}

// misuse sends secrets where they do not belong, which is what error paths log.
func misuse(ctx context.Context, c *harness.Client) {
	wrong := *c
	wrong.AccessToken = c.RefreshToken
	_, _ = wrong.Call(ctx, "whoami")
	wrong.RefreshToken = c.AccessToken
	_ = wrong.Refresh(ctx)
	_ = wrong.Exchange(ctx, c.RefreshToken)
	wrong.ID = c.Secret
	_ = wrong.Refresh(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		c.Server+"/mcp?access_token="+url.QueryEscape(c.AccessToken), http.NoBody)
	if err != nil {
		return
	}
	if res, err := c.HTTP.Do(req); err == nil {
		_ = res.Body.Close()
	}
}

func call(ctx context.Context, t *testing.T, c *harness.Client) {
	t.Helper()
	for _, tool := range []string{"whoami", "list_connections"} {
		_, err := c.Call(ctx, tool)
		must(t, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lookFor looks for each secret, as it is and encoded, in each haystack. That it
// can find something is shown by what must be there: the hashes.
func lookFor(t *testing.T, haystacks map[string][]byte, found secrets) {
	t.Helper()
	var everything strings.Builder
	size := 0
	for _, where := range slices.Sorted(maps.Keys(haystacks)) {
		hay := string(haystacks[where])
		size += len(hay)
		everything.WriteString(hay)
		for what, values := range found {
			for _, value := range values {
				if as := search.Encoded(hay, value); as != "" {
					t.Errorf("%s: holds a secret (%s, %s)", where, what, as)
				}
			}
		}
	}
	hashes, values := 0, 0
	for _, list := range found {
		for _, value := range list {
			values++
			sum := sha256.Sum256([]byte(value))
			if search.Hash(everything.String(), sum) {
				hashes++
			}
		}
	}
	t.Logf("searched %d bytes in %d places for %d secrets of %d kinds; the hashes of %d are there",
		size, len(haystacks), values, len(found), hashes)
	if hashes == 0 {
		t.Error("not one hash was found: the search looks at the wrong things")
	}
}
