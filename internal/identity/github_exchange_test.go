package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

func TestGitHubExchangeErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config func(*identity.GitHubConfig)
		before func(*githubtest.Server)
		change func(*identity.ExchangeRequest)
		kind   error
		text   string
	}{
		"wrong secret":   {config: func(c *identity.GitHubConfig) { c.ClientSecret = "wrong" }, kind: identity.ErrMisconfigured, text: "client secret"},
		"other redirect": {change: func(r *identity.ExchangeRequest) { r.RedirectURI += "x" }, kind: identity.ErrMisconfigured, text: "callback URL"},
		"other verifier": {change: func(r *identity.ExchangeRequest) { r.Verifier = strings.Repeat("a", 43) }, kind: identity.ErrRefused, text: "code"},
		"other code":     {change: func(r *identity.ExchangeRequest) { r.Code = "x" }, kind: identity.ErrRefused, text: "code"},
		"late code":      {before: func(s *githubtest.Server) { s.Advance(githubtest.CodeLifetime + time.Second) }, kind: identity.ErrRefused, text: "expired"},
		"down":           {before: func(s *githubtest.Server) { s.SetFault(githubtest.ServiceUnavailable) }, kind: identity.ErrUnavailable, text: "503"},
		"reset":          {before: func(s *githubtest.Server) { s.SetFault(githubtest.ConnectionReset) }, kind: identity.ErrUnavailable, text: "is not responding"},
		"page":           {before: func(s *githubtest.Server) { s.SetFault(githubtest.HTMLPage) }, kind: identity.ErrUnavailable, text: "incomplete or malformed"},
		"truncated":      {before: func(s *githubtest.Server) { s.SetFault(githubtest.Truncated) }, kind: identity.ErrUnavailable, text: "incomplete or malformed"},
		"rate limit":     {before: func(s *githubtest.Server) { s.SetFault(githubtest.PrimaryRateLimit) }, kind: identity.ErrUnavailable, text: "rate limit"},
		"suspended":      {before: func(s *githubtest.Server) { s.Suspend("octocat", true) }, kind: identity.ErrRefused, text: "suspended"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startGitHub(t)
			g := provider(t, s, tt.config)
			r := signInRequest(t, s, g)
			if tt.before != nil {
				tt.before(s)
			}
			if tt.change != nil {
				tt.change(&r)
			}
			p, token, err := g.Exchange(t.Context(), r)
			wantError(t, err, tt.kind, tt.text)
			if diff := cmp.Diff(identity.Person{}, p); diff != "" || token != (identity.Token{}) {
				t.Errorf("something came with the error: %v", p)
			}
			for _, secret := range []string{s.ClientSecret, r.Code, r.Verifier} {
				if len(secret) > 10 && strings.Contains(err.Error(), secret) {
					t.Error("the error holds a secret")
				}
			}
		})
	}
}

func TestGitHubCodeIsSpentOnce(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	g := provider(t, s, nil)
	r := signInRequest(t, s, g)
	if _, _, err := g.Exchange(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	_, _, err := g.Exchange(t.Context(), r)
	wantError(t, err, identity.ErrRefused, "already used")
}

func TestGitHubSlowness(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	g := provider(t, s, func(c *identity.GitHubConfig) { c.Timeout = 80 * time.Millisecond })
	r := signInRequest(t, s, g)
	s.SetSlow(time.Minute)
	began := time.Now()
	_, _, err := g.Exchange(t.Context(), r)
	wantError(t, err, identity.ErrUnavailable, "deadline")
	_, _, err = g.Recheck(t.Context(), identity.Token{Issuer: s.URL, AccessToken: "gho_x"})
	wantError(t, err, identity.ErrUnavailable, "deadline")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("gave up after %v", took)
	}
}

// TestGitHubTimeoutIsForTheWholeCall: each request is quick enough, all together
// are not.
func TestGitHubTimeoutIsForTheWholeCall(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	s.SetOrgs("octocat", strings.Split(strings.Repeat("o", 15), "")...)
	s.SetOrgPageSize(1)
	fast := provider(t, s, withOrgs)
	_, token := signIn(t, s, fast)
	s.SetSlow(100 * time.Millisecond)
	slow := provider(t, s, func(c *identity.GitHubConfig) { c.Orgs, c.Timeout = true, 500*time.Millisecond })
	_, _, err := slow.Recheck(t.Context(), token)
	wantError(t, err, identity.ErrUnavailable, "deadline")
	if n := s.Calls("/user/orgs"); n >= 30 {
		t.Errorf("%d calls of /user/orgs: the list was read to its end", n)
	}
}
