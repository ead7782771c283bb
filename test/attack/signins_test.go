//go:build attack

package attack_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// signInsMost is how many sign-ins in progress are kept, and some that are on their way.
const signInsMost = 1000 + 300

// TestSignIns: a flood of sign-ins that no one finishes, each of a browser of its own, keeps
// a bounded number, and those who were at the provider meanwhile get in.
func TestSignIns(t *testing.T) {
	t.Parallel()
	for _, e := range harness.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			github := githubtest.New(t)
			opts := e.Options(t)
			opts.Env = append(opts.Env, "MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOW_ANYONE=true",
				"MCPKEEP_GITHUB_CLIENT_ID="+github.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+github.ClientSecret,
				"MCPKEEP_GITHUB_URL="+github.URL, "MCPKEEP_GITHUB_API_URL="+github.APIURL)
			p := harness.Start(t, opts)
			github.SetCallbackURL(p.URL + "/auth/callback")
			f := start(t.Context(), p.URL, signIns(t, p), connections/3, 0)
			defer f.stop()
			errs := make([]error, honest(t))
			var all sync.WaitGroup
			for i := range errs {
				all.Go(func() { errs[i] = signInLate(t.Context(), p, github, fmt.Sprintf("person-%d", i), lasting(t)) })
			}
			all.Wait()
			in := 0
			for i, err := range errs {
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					continue
				}
				in++
			}
			kept := dbtest.Value[int64](t, dbtest.SQL(t, opts.Database), "SELECT COUNT(*) FROM mcpkeep_authorizations")
			t.Logf("%v: %d sign-ins started, %d told to wait, %d kept; %d of %d honest ones got in", lasting(t), f.sent.Load(), f.refused.Load(), kept, in, len(errs))
			if in < len(errs) {
				t.Logf("refused for: %s", dbtest.Value[string](t, dbtest.SQL(t, opts.Database), "SELECT COALESCE(MAX(detail), 'nothing') FROM mcpkeep_events WHERE type = 'sign_in_refused'"))
			}
			if kept > signInsMost || kept < signInsMost/4 {
				t.Errorf("%d sign-ins are kept", kept)
			}
		})
	}
}

// signIns start sign-ins at the provider from browsers whose cookies the sender makes up.
func signIns(t *testing.T, p *harness.Process) kind {
	t.Helper()
	const redirect, challenge = "https://a.example/cb", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	id := register(t, p, map[string]any{"redirect_uris": []string{redirect}, "token_endpoint_auth_method": "none"})
	state := strings.Repeat("s", 1000)
	subject := strings.Join([]string{id, redirect, state, "mcp", p.URL + "/mcp", challenge, "false"}, "\x00")
	return kind{"sign-ins", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
		browser := rand.Text() + rand.Text()
		sum := sha256.Sum256([]byte("mcpkeep csrf\x00" + browser + "\x00" + subject))
		req, err := form(ctx, server+"/consent", url.Values{
			"client_id": {id}, "redirect_uri": {redirect}, "response_type": {"code"}, "state": {state}, "scope": {"mcp"},
			"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "resource": {server + "/mcp"},
			"csrf": {base64.RawURLEncoding.EncodeToString(sum[:])}, "action": {"approve"},
		})
		if err == nil {
			req.AddCookie(&http.Cookie{Name: "mcpkeep_browser", Value: browser})
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		return req, err
	}}
}

// signInLate approves, stays at the provider for a time and then comes back. Each has an
// account of their own: GitHub keeps ten tokens of one.
func signInLate(ctx context.Context, p *harness.Process, github *githubtest.Server, login string, userTakes time.Duration) error {
	c, b := harness.NewClient(p.URL, nil), harness.NewBrowser(nil)
	site, err := url.Parse(github.URL)
	if err != nil {
		return err
	}
	github.AddUser(githubtest.User{Login: login})
	b.SetCookie(site, github.SessionCookie(login))
	if err := obeying(ctx, func() error { return c.Register(ctx) }); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	page, err := b.Open(ctx, c.AuthorizeURL())
	if err != nil {
		return err
	}
	shown := page
	err = obeying(ctx, func() (err error) { page, err = b.Submit(ctx, shown); return err })
	if err != nil {
		return fmt.Errorf("approve: %w", err)
	}
	time.Sleep(userTakes)
	b.Sites = []string{github.URL, p.URL}
	answer, err := b.Visit(ctx, page.Left.String())
	if err != nil {
		return fmt.Errorf("come back: %w", err)
	}
	code, err := c.Code(answer)
	if err != nil {
		return err
	}
	return obeying(ctx, func() error { return c.Exchange(ctx, code) })
}
