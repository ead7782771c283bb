package identity_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

const (
	callback = "https://keep.example.com/auth/callback"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

func octocat() githubtest.User {
	return githubtest.User{
		ID: 583231, Login: "octocat", Name: "The Octocat", Email: "octocat@github.com",
		Orgs: []string{"github", "octo-org"},
	}
}

func startGitHub(t *testing.T) *githubtest.Server {
	t.Helper()
	s := githubtest.New(t)
	s.AddUser(octocat())
	s.SignInAs("octocat")
	return s
}

// provider returns the GitHub provider for the fake, with the configuration changed.
func provider(t *testing.T, s *githubtest.Server, change func(*identity.GitHubConfig)) *identity.GitHub {
	t.Helper()
	c := identity.GitHubConfig{ClientID: s.ClientID, ClientSecret: s.ClientSecret, URL: s.URL, APIURL: s.APIURL}
	if change != nil {
		change(&c)
	}
	g, err := identity.NewGitHub(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func withOrgs(c *identity.GitHubConfig) { c.Orgs = true }

// signInRequest goes through the browser's part of the flow.
func signInRequest(t *testing.T, s *githubtest.Server, g *identity.GitHub) identity.ExchangeRequest {
	t.Helper()
	u, err := g.AuthorizeURL(t.Context(), identity.AuthRequest{State: "xyz", Verifier: verifier, RedirectURI: callback})
	if err != nil {
		t.Fatal(err)
	}
	q := s.Authorize(t, u).Query()
	if q.Get("state") != "xyz" || q.Get("code") == "" {
		t.Fatalf("browser came back with %v", q)
	}
	return identity.ExchangeRequest{Code: q.Get("code"), Verifier: verifier, RedirectURI: callback}
}

func signIn(t *testing.T, s *githubtest.Server, g *identity.GitHub) (identity.Person, identity.Token) {
	t.Helper()
	p, token, err := g.Exchange(t.Context(), signInRequest(t, s, g))
	if err != nil {
		t.Fatal(err)
	}
	return p, token
}

// wantError checks the kind of an error, that it is only of that kind, and a part
// of its text.
func wantError(t *testing.T, err, kind error, text string) {
	t.Helper()
	for _, k := range []error{identity.ErrRefused, identity.ErrUnavailable, identity.ErrMisconfigured} {
		if want := errors.Is(kind, k); errors.Is(err, k) != want {
			t.Fatalf("errors.Is(%v, %v) is %v", err, k, !want)
		}
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error %q lacks %q", err, text)
	}
}

func TestGitHubAuthorizeURL(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		orgs, choose bool
		scope        string
	}{
		"plain":            {scope: "read:user"},
		"organizations":    {orgs: true, scope: "read:user read:org"},
		"account selector": {choose: true, scope: "read:user"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := identity.NewGitHub(identity.GitHubConfig{ClientID: "id", ClientSecret: "hush", Orgs: tt.orgs})
			if err != nil {
				t.Fatal(err)
			}
			raw, err := g.AuthorizeURL(t.Context(), identity.AuthRequest{
				State: "xyz", Verifier: verifier, Nonce: "unused", RedirectURI: callback, SelectAccount: tt.choose,
			})
			if err != nil {
				t.Fatal(err)
			}
			want := url.Values{
				"client_id": {"id"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {tt.scope},
				"state": {"xyz"}, "code_challenge_method": {"S256"},
				// RFC 7636 appendix B
				"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
			}
			if tt.choose {
				want.Set("prompt", "select_account")
			}
			at, query, _ := strings.Cut(raw, "?")
			got, err := url.ParseQuery(query)
			if err != nil || at != "https://github.com/login/oauth/authorize" {
				t.Errorf("address %s, %v", at, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGitHubRequestsMustBeComplete(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	g := provider(t, s, nil)
	for name, r := range map[string]identity.AuthRequest{
		"state":        {Verifier: verifier, RedirectURI: callback},
		"redirect URI": {Verifier: verifier, State: "xyz"},
		"verifier":     {State: "xyz", RedirectURI: callback},
		"43":           {State: "xyz", RedirectURI: callback, Verifier: "short"},
	} {
		if u, err := g.AuthorizeURL(t.Context(), r); u != "" {
			t.Errorf("without %s: %s", name, u)
		} else {
			wantError(t, err, identity.ErrMisconfigured, name)
		}
	}
	for _, r := range []identity.ExchangeRequest{{Code: "c", RedirectURI: callback}, {Code: "c", Verifier: verifier}} {
		_, _, err := g.Exchange(t.Context(), r)
		wantError(t, err, identity.ErrMisconfigured, "")
	}
	_, _, err := g.Exchange(t.Context(), identity.ExchangeRequest{Verifier: verifier, RedirectURI: callback})
	wantError(t, err, identity.ErrRefused, "no authorization code")
	if n := s.Calls("/login/oauth/access_token"); n != 0 {
		t.Errorf("%d incomplete requests were sent", n)
	}
}

func TestGitHubSignIn(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	g := provider(t, s, nil)
	p, token := signIn(t, s, g)
	want := identity.Person{
		Issuer: s.URL, Subject: "583231", Login: "octocat", Name: "The Octocat", Email: "octocat@github.com",
		Known: []identity.Fact{identity.FactDomain, identity.FactGroups},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("person (-want +got):\n%s", diff)
	}
	if token.Issuer != s.URL || !strings.HasPrefix(token.AccessToken, "gho_") || token.RefreshToken != "" || !token.Expiry.IsZero() {
		t.Error("the token is not that of an OAuth app")
	}
	if n := s.Calls("/user/orgs"); n != 0 {
		t.Errorf("asked for organizations %d times", n)
	}
}

func TestGitHubOrganisations(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	s.SetOrgs("octocat", "a", "b", "c", "d", "e")
	s.SetOrgPageSize(2)
	p, _ := signIn(t, s, provider(t, s, withOrgs))
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, p.Orgs); diff != "" {
		t.Errorf("organizations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]identity.Fact{identity.FactDomain, identity.FactGroups, identity.FactOrgs}, p.Known); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if n := s.Calls("/user/orgs"); n != 3 {
		t.Errorf("%d pages fetched, want 3", n)
	}
}

func TestGitHubPermissionForOrganisations(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		granted []string
		refused bool
	}{
		"missing":   {[]string{"read:user"}, true},
		"all gone":  {nil, true},
		"granted":   {[]string{"read:user", "read:org"}, false},
		"look-like": {[]string{"read:user", "read:organization"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startGitHub(t)
			s.LimitScopes(tt.granted...)
			g := provider(t, s, withOrgs)
			p, _, err := g.Exchange(t.Context(), signInRequest(t, s, g))
			if err != nil || (p.Withheld != "") != tt.refused {
				t.Fatalf("%v, withheld %q", err, p.Withheld)
			}
			if known := slices.Contains(p.Known, identity.FactOrgs); known == tt.refused {
				t.Errorf("facts %v", p.Known)
			}
			if !tt.refused {
				return
			}
			listed := identity.Policy{Users: []string{"octocat"}, Orgs: []string{"acme"}}
			if err := listed.Check(p); err != nil {
				t.Errorf("who is listed by name: %v", err)
			}
			err = identity.Policy{Orgs: []string{"acme"}}.Check(p)
			wantError(t, err, identity.ErrRefused, "read:org")
			if refusal := new(identity.RefusedError); !errors.As(err, &refusal) || refusal.Login != "octocat" {
				t.Errorf("%v does not name the account", err)
			}
		})
	}
}

func TestGitHubIdentityIsTheID(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	g := provider(t, s, nil)
	before, token := signIn(t, s, g)

	s.RenameUser("octocat", "monalisa")
	renamed, _, err := g.Recheck(t.Context(), token)
	if err != nil || renamed.Subject != before.Subject || renamed.Login != "monalisa" {
		t.Errorf("after renaming: %v, %v", renamed, err)
	}
	s.AddUser(githubtest.User{Login: "octocat"})
	s.SignInAs("octocat")
	if other, _ := signIn(t, s, g); other.Subject == before.Subject || other.Login != before.Login {
		t.Errorf("the new owner of the login is %v, the old one was %v", other, before)
	}
}

func TestGitHubIsAProviderWithoutMemory(t *testing.T) {
	t.Parallel()
	s := startGitHub(t)
	var first, second identity.RedirectProvider = provider(t, s, nil), provider(t, s, nil)
	r := signInRequest(t, s, first.(*identity.GitHub))
	if p, _, err := second.Exchange(t.Context(), r); err != nil || p.Login != "octocat" {
		t.Errorf("a flow begun elsewhere: %v, %v", p, err)
	}
	if first.Name() != "github" || first.Issuer() != s.URL || first.FormAction() != s.URL {
		t.Errorf("%s, %s, %s", first.Name(), first.Issuer(), first.FormAction())
	}
}
