package identity

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// UnaskableFor is how long a user counts as confirmed if the provider cannot be asked
// again, because it issued no refresh token and the access token has expired. After that,
// the user has to sign in again.
const UnaskableFor = 24 * time.Hour

// OIDCConfig describes the client that an OpenID provider registered for this server.
type OIDCConfig struct {
	// Issuer is the issuer identifier, such as https://login.example.com. A final
	// slash does not matter; https is required except on loopback.
	Issuer       string
	ClientID     string
	ClientSecret string

	// Title is the provider's name on pages. If empty, it is that of a well-known provider, or
	// else the issuer's host.
	Title string

	// Scopes are requested in addition to openid. If there are none, they follow from what the
	// provider offers: profile, email, offline_access, and groups where Groups.
	Scopes []string

	// Groups asks for the person's groups; see Policy.NeedsGroups.
	Groups bool
	// GroupsClaim is the claim that holds them: a name, or names within objects joined
	// by dots, such as realm_access.roles. Empty for the provider's usual one.
	GroupsClaim string

	HTTPClient *http.Client     // its transport, cookie jar and timeout are used; nil is http.DefaultClient
	Timeout    time.Duration    // of one call as a whole; 0 is DefaultTimeout
	Now        func() time.Time // nil is time.Now
}

// Format hides the client secret for every verb.
func (OIDCConfig) Format(f fmt.State, _ rune) { redact(f, "identity.OIDCConfig") }

// LogValue hides the client secret.
func (OIDCConfig) LogValue() slog.Value { return redacted("identity.OIDCConfig") }

// OIDC signs people in at an OpenID provider (OpenID Connect Core 1.0, authorization code
// flow). The discovery document is fetched when it is first needed, so that the provider
// may be down when this program starts, and cached for an hour.
//
// Person.Subject is the claim sub, prefixed with the tenant if an issuer stands for many.
// An email address is verified only if the provider says so; for Google and Microsoft,
// their families decide.
type OIDC struct {
	name      string
	issuer    *url.URL // where discovery is
	id        string   // Person.Issuer
	title     string
	config    OIDCConfig // holds the client secret
	client    *http.Client
	discovery *discovery
	authStyle atomic.Int32 // the oauth2.AuthStyle that the token endpoint took last
}

var _ Provider = (*OIDC)(nil)

// NewOIDC checks the configuration without contacting the provider. Errors are
// ErrMisconfigured and name the setting.
func NewOIDC(c OIDCConfig) (*OIDC, error) { return newOIDC("oidc", c) }

// NewGoogle is NewOIDC for Google accounts; the issuer is Google's.
func NewGoogle(c OIDCConfig) (*OIDC, error) {
	c.Issuer = "https://accounts.google.com"
	return newOIDC("google", c)
}

func newOIDC(name string, c OIDCConfig) (*OIDC, error) {
	if c.ClientID == "" || c.ClientSecret == "" {
		return nil, misconfigured("the client ID and client secret from the provider are required")
	}
	issuer, err := baseURL("the issuer", c.Issuer)
	if err != nil {
		return nil, err
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	f := familyOf(issuer, nil)
	o := &OIDC{name: name, issuer: issuer, id: issuer.String(), title: cmp.Or(c.Title, f.title), config: c, client: boundClient(c.HTTPClient)}
	o.client.Timeout = c.Timeout // for keys too, which go-oidc fetches without a deadline
	if f.issuerOf != nil {
		o.id = f.issuerOf(issuer)
	}
	if o.title == "" {
		o.title = issuer.Host
	}
	o.discovery = &discovery{fetch: o.discover, now: c.Now, gate: make(chan struct{}, 1)}
	return o, nil
}

// Format shows the issuer and hides the client secret for every verb.
func (o *OIDC) Format(f fmt.State, _ rune) { redact(f, "identity.OIDC "+o.id) }

// LogValue shows the issuer and hides the client secret.
func (o *OIDC) LogValue() slog.Value { return redacted("identity.OIDC " + o.id) }

// Name is "oidc" or "google".
func (o *OIDC) Name() string { return o.name }

// Title is the name of a well-known provider, otherwise the issuer's host.
func (o *OIDC) Title() string { return o.title }

// Issuer is the configured issuer without a final slash. For the tenants common and
// organizations of Microsoft it has "{tenantid}" in their place.
func (o *OIDC) Issuer() string { return o.id }

// FormAction is the issuer's scheme: providers redirect users to hosts of their own and to
// other providers.
func (o *OIDC) FormAction() string { return o.issuer.Scheme + ":" }

// Discover fetches the discovery document unless that was done recently. Calling it is
// optional; at startup, it reveals a problem before a user does.
func (o *OIDC) Discover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.config.Timeout)
	defer cancel()
	_, err := o.discovery.get(ctx)
	return err
}

// AuthorizeURL needs the provider's discovery document. The nonce is required.
func (o *OIDC) AuthorizeURL(ctx context.Context, r AuthRequest) (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	if r.Nonce == "" {
		return "", misconfigured("an OpenID Connect authorization request requires a nonce")
	}
	ctx, cancel := context.WithTimeout(ctx, o.config.Timeout)
	defer cancel()
	p, err := o.discovery.get(ctx)
	if err != nil {
		return "", err
	}
	scopes := o.scopes(p)
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.Verifier), oauth2.SetAuthURLParam("nonce", r.Nonce)}
	for name, value := range p.family.authParams {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	if r.Reauthenticate {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"))
	}
	if prompt := p.prompt(scopes, r.SelectAccount || r.Reauthenticate); prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	c := oauth2.Config{
		ClientID: o.config.ClientID, RedirectURL: r.RedirectURI, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: p.AuthorizationEndpoint},
	}
	return c.AuthCodeURL(r.State, options...), nil
}

// scopes returns the configured scopes, or else the useful ones that the provider offers.
// Standard scopes need not be advertised (RFC 8414 section 2).
func (o *OIDC) scopes(p *provider) []string {
	scopes := []string{"openid"}
	if len(o.config.Scopes) == 0 {
		scopes = append(scopes, "profile", "email")
		for name, wanted := range map[string]bool{"offline_access": true, "groups": o.config.Groups} {
			if wanted && slices.Contains(p.Scopes, name) {
				scopes = append(scopes, name)
			}
		}
		slices.Sort(scopes[3:])
	}
	for _, scope := range o.config.Scopes {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// prompt returns what the sign-in page must do even if it would not need to.
func (p *provider) prompt(scopes []string, chooseAccount bool) string {
	var prompts []string
	if chooseAccount {
		prompts = append(prompts, p.chooser())
	}
	offline := p.family.consent == consentForOffline && slices.Contains(scopes, "offline_access")
	if offline || p.family.consent == consentAlways {
		prompts = append(prompts, "consent")
	}
	return strings.Join(prompts, " ")
}

// chooser returns select_account where it is known to be supported: many providers return
// an error. Signing in again offers a choice as well, and every provider must support it.
func (p *provider) chooser() string {
	switch {
	case p.family.chooser != "":
		return p.family.chooser
	case slices.Contains(p.Prompts, "select_account"):
		return "select_account"
	}
	return "login"
}

// CheckIssuer compares iss with the issuer of the discovery document, and requires it
// where the document announces it.
func (o *OIDC) CheckIssuer(ctx context.Context, iss string) error {
	ctx, cancel := context.WithTimeout(ctx, o.config.Timeout)
	defer cancel()
	p, err := o.discovery.get(ctx)
	switch {
	case err != nil:
		return err
	case iss == "" && p.IssuerParameter:
		return errOtherIssuer
	case iss != "" && !p.isIssuer(iss):
		return errOtherIssuer
	}
	return nil
}

// Exchange redeems the code and reads who signed in from the ID token, and from the
// userinfo endpoint if the token lacks claims.
func (o *OIDC) Exchange(ctx context.Context, r ExchangeRequest) (Person, Token, error) {
	if err := r.check(); err != nil {
		return Person{}, Token{}, err
	}
	if r.Nonce == "" && !r.Foreign {
		return Person{}, Token{}, misconfigured("a code exchange requires the nonce of the authorization request")
	}
	ctx, cancel := context.WithTimeout(ctx, o.config.Timeout)
	defer cancel()
	p, err := o.discovery.get(ctx)
	if err != nil {
		return Person{}, Token{}, err
	}
	answer, err := o.askToken(ctx, p, r.RedirectURI, func(ctx context.Context, c *oauth2.Config) (*oauth2.Token, error) {
		return c.Exchange(ctx, r.Code, r.options()...)
	})
	if err != nil {
		return Person{}, Token{}, o.tokenError(p, err, reasonCodeSpent)
	}
	said, err := o.verify(ctx, p, answer)
	switch {
	case err != nil:
		return Person{}, Token{}, err
	case said == nil:
		return Person{}, Token{}, misconfigured("%s returned no ID token", o.title)
	case said.text("nonce") != r.Nonce:
		return Person{}, Token{}, refused("", "the provider's response belongs to a different sign-in; please start again")
	}
	t, authenticated := o.take(answer, Token{Issuer: o.id, Nonce: r.Nonce}), said.time("auth_time")
	if said, err = o.complete(ctx, p, t, said); err != nil {
		return Person{}, Token{}, err
	}
	who, t, err := o.confirm(p, t, said)
	who.AuthenticatedAt = authenticated
	return who, t, err
}
