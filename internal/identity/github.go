package identity

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// DefaultTimeout bounds each call of a provider as a whole, all its requests
// together.
const DefaultTimeout = 10 * time.Second

// refreshLeeway is how long before its expiry an access token is renewed, so that it cannot
// expire in transit.
const refreshLeeway = time.Minute

// GitHubConfig describes the OAuth app (or GitHub App) that signs people in.
type GitHubConfig struct {
	ClientID     string
	ClientSecret string

	// URL is the website: https://github.com if empty, https://HOSTNAME for GitHub Enterprise
	// Server. It must be https except on loopback.
	URL string
	// APIURL is the REST API. If empty, it is derived from URL: api.github.com,
	// api.SUBDOMAIN.ghe.com, or URL/api/v3 for GitHub Enterprise Server.
	APIURL string

	Title string // GitHub's name for people; "GitHub" when empty

	Orgs   bool // ask for the organizations too (scope read:org); see Policy.NeedsOrgs
	Teams  bool // ask for the teams too (scope read:org); see Policy.NeedsTeams
	Emails bool // ask for the verified email address too (scope user:email); see Policy.NeedsEmail

	HTTPClient *http.Client     // its transport, cookie jar and timeout are used; nil is http.DefaultClient
	Timeout    time.Duration    // of one call as a whole; 0 is DefaultTimeout
	Now        func() time.Time // nil is time.Now
}

// Format hides the client secret for every verb.
func (GitHubConfig) Format(f fmt.State, _ rune) { redact(f, "identity.GitHubConfig") }

// LogValue hides the client secret.
func (GitHubConfig) LogValue() slog.Value { return redacted("identity.GitHubConfig") }

// GitHub signs people in with their GitHub account. Person.Subject is the
// account's numeric id: a renamed account stays the same person, and someone who
// registers a freed login is another one. Email is the account's primary address
// where GitHub says that it is verified and the configuration asks for it, otherwise
// the public profile's, which counts as unverified.
//
// GitHub keeps ten tokens per account, application and set of scopes and revokes the oldest
// beyond that, so callers keep the newest token of each user, not one per sign-in.
type GitHub struct {
	oauth   *oauth2.Config // holds the client secret
	client  *http.Client
	issuer  string
	api     *url.URL
	title   string
	asks    githubAsks
	timeout time.Duration
	now     func() time.Time
}

var _ Provider = (*GitHub)(nil)

// NewGitHub checks the configuration without contacting GitHub. Errors are ErrMisconfigured
// and name the setting.
func NewGitHub(c GitHubConfig) (*GitHub, error) {
	if c.ClientID == "" || c.ClientSecret == "" {
		return nil, misconfigured("GitHub requires the client ID and client secret of an OAuth app")
	}
	asks := githubAsks{orgs: c.Orgs, teams: c.Teams, emails: c.Emails}
	site, api, err := githubURLs(c.URL, c.APIURL)
	if err != nil {
		return nil, err
	}
	g := &GitHub{
		oauth: &oauth2.Config{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scopes: asks.scopes(),
			Endpoint: oauth2.Endpoint{
				AuthURL:   site.JoinPath("login/oauth/authorize").String(),
				TokenURL:  site.JoinPath("login/oauth/access_token").String(),
				AuthStyle: oauth2.AuthStyleInParams,
			},
		},
		client: boundClient(c.HTTPClient), issuer: origin(site), api: api, asks: asks, title: cmp.Or(c.Title, "GitHub"),
		timeout: c.Timeout, now: c.Now,
	}
	if g.timeout <= 0 {
		g.timeout = DefaultTimeout
	}
	if g.now == nil {
		g.now = time.Now
	}
	return g, nil
}

// githubAsks is what a policy needs to know about a user in addition to the profile.
type githubAsks struct{ orgs, teams, emails bool }

// memberships returns the requested facts that depend on memberships.
func (a githubAsks) memberships() []Fact {
	var facts []Fact
	if a.orgs {
		facts = append(facts, FactOrgs)
	}
	if a.teams {
		facts = append(facts, FactTeams)
	}
	return facts
}

// scopes are read:user for the profile, read:org for private memberships and teams,
// user:email for addresses and whether they are verified.
func (a githubAsks) scopes() []string {
	scopes := []string{"read:user"}
	if a.orgs || a.teams {
		scopes = append(scopes, "read:org")
	}
	if a.emails {
		scopes = append(scopes, "user:email")
	}
	return scopes
}

// Format shows the issuer and hides the client secret for every verb.
func (g GitHub) Format(f fmt.State, _ rune) { redact(f, "identity.GitHub "+g.issuer) }

// LogValue shows the issuer and hides the client secret.
func (g GitHub) LogValue() slog.Value { return redacted("identity.GitHub " + g.issuer) }

// Name is "github".
func (g *GitHub) Name() string { return "github" }

// Issuer is the origin of the GitHub site, such as https://github.com.
func (g *GitHub) Issuer() string { return g.issuer }

// Title is the configured name, or "GitHub".
func (g *GitHub) Title() string { return g.title }

// FormAction is the origin of the GitHub site.
func (g *GitHub) FormAction() string { return g.issuer }

// CheckIssuer accepts the issuer in GitHub's own metadata (the site followed by
// /login/oauth), the site alone, or none: GitHub did not always send one.
func (g *GitHub) CheckIssuer(_ context.Context, iss string) error {
	if iss == "" || iss == g.issuer || iss == g.issuer+"/login/oauth" {
		return nil
	}
	return errOtherIssuer
}

// AuthorizeURL does not contact GitHub. GitHub has no ID tokens, so the nonce is not sent.
func (g *GitHub) AuthorizeURL(_ context.Context, r AuthRequest) (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.Verifier)}
	if r.SelectAccount || r.Reauthenticate {
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	return g.at(r.RedirectURI).AuthCodeURL(r.State, options...), nil
}

// Exchange redeems the code and fetches the account it belongs to.
func (g *GitHub) Exchange(ctx context.Context, r ExchangeRequest) (Person, Token, error) {
	if err := r.check(); err != nil {
		return Person{}, Token{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	answer, err := g.at(r.RedirectURI).Exchange(g.withClient(ctx), r.Code, r.options()...)
	if err != nil {
		return Person{}, Token{}, g.tokenError(err)
	}
	t := g.token(answer)
	p, err := g.person(ctx, t)
	if err != nil {
		return Person{}, Token{}, err
	}
	return p, t, nil
}

// Recheck renews an expired token (GitHub Apps have those, OAuth apps do not), then fetches
// the account that the token now belongs to.
func (g *GitHub) Recheck(ctx context.Context, t Token) (Person, Token, error) {
	if t.Issuer != g.issuer {
		return Person{}, t, refused("", "the last sign-in was with a different provider; please sign in again")
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	t, err := g.renew(ctx, t)
	if err != nil {
		return Person{}, t, err
	}
	p, err := g.person(ctx, t)
	if err == nil {
		t.Doubtful = false // a renewal would have ended the access token
	}
	return p, t, err
}

// renew returns the token itself unless it is about to expire and can be renewed.
func (g *GitHub) renew(ctx context.Context, t Token) (Token, error) {
	if t.RefreshToken == "" || t.Expiry.IsZero() || g.now().Add(refreshLeeway).Before(t.Expiry) {
		return t, nil
	}
	answer, err := g.oauth.TokenSource(g.withClient(ctx), &oauth2.Token{RefreshToken: t.RefreshToken}).Token()
	if err != nil {
		t.Doubtful = t.Doubtful || mayBeLost(err)
		return t, g.tokenError(err)
	}
	return g.token(answer), nil
}

// token computes the expiry by our clock; the library uses the machine's.
func (g *GitHub) token(answer *oauth2.Token) Token {
	t := Token{Issuer: g.issuer, AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken}
	if answer.ExpiresIn > 0 {
		t.Expiry = g.now().Add(time.Duration(answer.ExpiresIn) * time.Second).UTC().Round(0)
	}
	return t
}

// at returns the OAuth configuration with this flow's redirect URI. A configuration in use
// cannot be copied as a whole: it holds what its requests cache.
func (g *GitHub) at(redirectURI string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: g.oauth.ClientID, ClientSecret: g.oauth.ClientSecret, Endpoint: g.oauth.Endpoint,
		Scopes: g.oauth.Scopes, RedirectURL: redirectURI,
	}
}

func (g *GitHub) withClient(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, g.client)
}
