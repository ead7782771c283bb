//go:build upgrade

package upgrade_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// renewedEvery is how long a token of GitHub is good for: less than what the program takes
// as fresh, so that each refresh renews it.
const renewedEvery = 30 * time.Second

// provider is where people sign in.
type provider struct {
	name string
	env  []string
	site string
	// signedIn has a browser signed in as a person there.
	signedIn func(b *harness.Browser, person int)
}

// browser returns that of a person, which follows redirects to the provider.
func (p provider) browser(person int, through http.RoundTripper) *harness.Browser {
	b := harness.NewBrowser(through)
	b.Sites = []string{p.site}
	p.signedIn(b, person)
	return b
}

// providers starts one of each kind, with so many people.
func providers(t *testing.T, people int) []provider {
	t.Helper()
	return []provider{github(t, people), openID(t)}
}

// github is a GitHub whose tokens expire and can be renewed once. It keeps ten tokens of a
// person, so that each sign-in is by another one.
func github(t *testing.T, people int) provider {
	t.Helper()
	gh := githubtest.New(t)
	gh.SetTokenLifetime(renewedEvery)
	logins := make([]string, people)
	for i := range logins {
		logins[i] = fmt.Sprintf("person-%d", i)
		gh.AddUser(githubtest.User{Login: logins[i]})
	}
	site, err := url.Parse(gh.URL)
	if err != nil {
		t.Fatal(err)
	}
	return provider{
		name: "github", site: gh.URL,
		env: []string{
			"MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOWED_USERS=" + strings.Join(logins, ","), "MCPKEEP_GITHUB_URL=" + gh.URL,
			"MCPKEEP_GITHUB_API_URL=" + gh.APIURL, "MCPKEEP_GITHUB_CLIENT_ID=" + gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET=" + gh.ClientSecret,
		},
		signedIn: func(b *harness.Browser, person int) { b.SetCookie(site, gh.SessionCookie(logins[person])) },
	}
}

func openID(t *testing.T) provider {
	t.Helper()
	op := oidctest.New(t, oidctest.Plain())
	op.AddPerson(oidctest.Claims{"sub": "person", "email": "person@example.com", "email_verified": true})
	op.SignInAs("person")
	return provider{
		name: "oidc", site: op.Issuer,
		env: []string{
			"MCPKEEP_PROVIDER=oidc", "MCPKEEP_OIDC_ISSUER=" + op.Issuer, "MCPKEEP_OIDC_CLIENT_ID=" + op.ClientID,
			"MCPKEEP_OIDC_CLIENT_SECRET=" + op.ClientSecret, "MCPKEEP_ALLOWED_DOMAINS=example.com",
		},
		signedIn: func(*harness.Browser, int) {}, // everyone is
	}
}
