package identity_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

func TestGitHubRecheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*githubtest.Server)
		kind   error
		text   string
	}{
		"revoked":     {func(s *githubtest.Server) { s.RevokeTokens("octocat") }, identity.ErrRefused, "revoked"},
		"deleted":     {func(s *githubtest.Server) { s.DeleteUser("octocat") }, identity.ErrRefused, "revoked"},
		"suspended":   {func(s *githubtest.Server) { s.Suspend("octocat", true) }, identity.ErrRefused, "suspended"},
		"down":        {func(s *githubtest.Server) { s.SetFault(githubtest.ServiceUnavailable) }, identity.ErrUnavailable, "503"},
		"reset":       {func(s *githubtest.Server) { s.SetFault(githubtest.ConnectionReset) }, identity.ErrUnavailable, "is not responding"},
		"page":        {func(s *githubtest.Server) { s.SetFault(githubtest.HTMLPage) }, identity.ErrUnavailable, "text/html"},
		"truncated":   {func(s *githubtest.Server) { s.SetFault(githubtest.Truncated) }, identity.ErrUnavailable, "JSON"},
		"rate limit":  {func(s *githubtest.Server) { s.SetFault(githubtest.PrimaryRateLimit) }, identity.ErrUnavailable, "rate limit"},
		"secondary":   {func(s *githubtest.Server) { s.SetFault(githubtest.SecondaryRateLimit) }, identity.ErrUnavailable, "rate limit"},
		"left an org": {func(s *githubtest.Server) { s.SetOrgs("octocat", "github") }, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startGitHub(t)
			g := provider(t, s, withOrgs)
			_, token := signIn(t, s, g)
			tt.change(s)
			p, kept, err := g.Recheck(t.Context(), token)
			if kept != token {
				t.Error("another token came back")
			}
			if tt.kind != nil {
				wantError(t, err, tt.kind, tt.text)
			} else if diff := cmp.Diff([]string{"github"}, p.Orgs); err != nil || diff != "" {
				t.Errorf("%v, organizations (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestGitHubRetryAfter(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githubtest.Fault{
		"primary": githubtest.PrimaryRateLimit, "secondary": githubtest.SecondaryRateLimit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startGitHub(t)
			g := provider(t, s, nil)
			_, token := signIn(t, s, g)
			s.SetFault(fault)
			_, _, err := g.Recheck(t.Context(), token)
			busy := new(identity.UnavailableError)
			if !errors.As(err, &busy) || busy.RetryAfter > githubtest.RateLimitReset || busy.RetryAfter < githubtest.RateLimitReset-10*time.Second {
				t.Errorf("%v, retry after %v, want about %v", err, busy.RetryAfter, githubtest.RateLimitReset)
			}
		})
	}
}

func TestGitHubTokenStaysWithItsIssuer(t *testing.T) {
	t.Parallel()
	ours, theirs := startGitHub(t), startGitHub(t)
	_, token := signIn(t, ours, provider(t, ours, nil))
	_, _, err := provider(t, theirs, nil).Recheck(t.Context(), token)
	wantError(t, err, identity.ErrRefused, "different provider")
	if n := theirs.Calls("/user"); n != 0 {
		t.Errorf("the token was sent to another provider %d times", n)
	}
}

func TestGitHubExpiringTokens(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	s.SetTokenLifetime(8 * time.Hour)
	clock := func(c *identity.GitHubConfig) { c.Now, c.Orgs = s.Now, true }
	g := provider(t, s, clock)
	_, first := signIn(t, s, g)
	if _, same, err := g.Recheck(t.Context(), first); err != nil || same != first {
		t.Fatalf("a fresh token was replaced: %v", err)
	}

	s.Advance(8*time.Hour - 30*time.Second) // within the leeway
	p, second, err := g.Recheck(t.Context(), first)
	if err != nil || second == first || second.Issuer != first.Issuer || p.Login != "octocat" {
		t.Fatalf("renewal: %v, %v", p, err)
	}
	_, kept, err := g.Recheck(t.Context(), first)
	wantError(t, err, identity.ErrRefused, "sign in again")
	if kept != first {
		t.Error("a token came back from a failed renewal")
	}
	if _, kept, err := g.Recheck(t.Context(), second); err != nil || kept != second {
		t.Errorf("the renewed token was replaced immediately: %v", err)
	}
}

// onlyPath fails requests for one path before they are sent.
type onlyPath struct{ broken string }

func (o onlyPath) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == o.broken {
		return nil, errors.New("network down")
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestGitHubRenewedTokenSurvivesAFailedRecheck(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	s.SetTokenLifetime(time.Hour)
	clock := func(c *identity.GitHubConfig) { c.Now = s.Now }
	g := provider(t, s, clock)
	_, first := signIn(t, s, g)
	s.Advance(2 * time.Hour)

	broken := provider(t, s, func(c *identity.GitHubConfig) {
		c.Now, c.HTTPClient = s.Now, &http.Client{Transport: onlyPath{"/user"}}
	})
	_, second, err := broken.Recheck(t.Context(), first)
	wantError(t, err, identity.ErrUnavailable, "network down")
	if _, kept, err := g.Recheck(t.Context(), second); second == first || kept != second || err != nil {
		t.Errorf("the renewed token was lost: %v", err)
	}
}

// TestGitHubLostRenewal: as TestLostRenewal. A token that turns out to be good is no
// longer in doubt.
func TestGitHubLostRenewal(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	s.SetTokenLifetime(time.Hour)
	g := provider(t, s, func(c *identity.GitHubConfig) { c.Now = s.Now })
	_, token := signIn(t, s, g)
	s.Advance(2 * time.Hour)
	for _, step := range []struct {
		fault    githubtest.Fault
		kind     error
		doubtful bool
	}{
		{githubtest.ConnectionReset, identity.ErrUnavailable, true},
		{githubtest.Healthy, nil, false}, // it was not carried out after all
		{githubtest.PrimaryRateLimit, identity.ErrUnavailable, false},
		{githubtest.ServiceUnavailable, identity.ErrUnavailable, false}, // nothing was renewed
		{githubtest.Healthy, nil, false},
	} {
		s.SetFault(step.fault)
		var err error
		_, token, err = g.Recheck(t.Context(), token)
		if !errors.Is(err, step.kind) || token.Doubtful != step.doubtful {
			t.Errorf("fault %d: %v, doubtful %t, want %v, %t", step.fault, err, token.Doubtful, step.kind, step.doubtful)
		}
	}
	s.Advance(2 * time.Hour)
	spent := token
	if _, _, err := g.Recheck(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	spent.Doubtful = true // as for someone who did not get the answer
	_, kept, err := g.Recheck(t.Context(), spent)
	wantError(t, err, identity.ErrRefused, "sign in again")
	if !kept.Doubtful {
		t.Error("no one would know that the token may only be spent")
	}
}

// TestGitHubAtOnce: sign-ins and renewals share no memory that one of them writes, as the race
// detector tells.
func TestGitHubAtOnce(t *testing.T) {
	t.Parallel()
	s := githubtest.New(t)
	g := provider(t, s, nil)
	exchange := identity.ExchangeRequest{Code: "none", RedirectURI: "https://example.com/callback", Verifier: strings.Repeat("v", 43)}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, _, _ = g.Exchange(t.Context(), exchange)
		})
		all.Go(func() {
			_, _, _ = g.Recheck(t.Context(), identity.Token{Issuer: s.URL, AccessToken: "gho_x", RefreshToken: "ghr_x", Expiry: time.Unix(1, 0)})
		})
	}
	all.Wait()
}
