package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	discoveryFor = time.Hour       // how long a document is cached
	aliveFor     = 5 * time.Second // how long a provider that responded counts as reachable
	failureFor   = 2 * time.Second // how long to wait after a failure before retrying
	keysFor      = 12 * time.Hour  // how long withdrawn keys may still be accepted
)

// document is the part of a discovery document that is used (OpenID Connect Discovery
// 1.0 section 3, RFC 8414 section 2, RFC 9207 section 3).
type document struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserInfoEndpoint      string   `json:"userinfo_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
	Scopes                []string `json:"scopes_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	Prompts               []string `json:"prompt_values_supported"`
	IssuerParameter       bool     `json:"authorization_response_iss_parameter_supported"`
}

// provider is the result of discovery. It is immutable.
type provider struct {
	document
	family     family
	algorithms []string
	keys       oidc.KeySet
	keysSince  time.Time
}

// signatures are the algorithms with a public key. Whatever a provider announces, no others
// are accepted: with "none" or a shared secret, anyone could sign.
var signatures = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// discovery caches the result. One caller at a time fetches.
type discovery struct {
	fetch func(context.Context, *provider) (*provider, error)
	now   func() time.Time
	gate  chan struct{}

	mu       sync.Mutex
	found    *provider
	foundAt  time.Time
	failure  error
	failedAt time.Time
}

// get returns the provider as found within the last hour or, if it is unreachable, as last
// found.
func (d *discovery) get(ctx context.Context) (*provider, error) {
	p, err := d.within(ctx, discoveryFor)
	if errors.Is(err, ErrUnavailable) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.found != nil {
			return d.found, nil
		}
	}
	return p, err
}

// alive returns the provider if it is reachable now. A single-use refresh token must not be
// sent to a provider that hangs: it would be spent once the provider recovers, and no one
// would be there to receive the next one.
func (d *discovery) alive(ctx context.Context) (*provider, error) { return d.within(ctx, aliveFor) }

func (d *discovery) within(ctx context.Context, age time.Duration) (*provider, error) {
	if p, err := d.lately(age); p != nil || err != nil {
		return p, err
	}
	select {
	case d.gate <- struct{}{}:
		defer func() { <-d.gate }()
	case <-ctx.Done():
		return nil, unavailable("the sign-in provider is not responding", ctx.Err())
	}
	p, err := d.lately(age)
	if p != nil || err != nil {
		return p, err
	}
	p, err = d.fetch(ctx, d.last())
	d.keep(ctx, p, err)
	return p, err
}

func (d *discovery) last() *provider {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.found
}

// lately returns a recent result or failure, or neither.
func (d *discovery) lately(age time.Duration) (*provider, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	switch {
	case d.found != nil && now.Before(d.foundAt.Add(age)):
		return d.found, nil
	case d.failure != nil && now.Before(d.failedAt.Add(failureFor)):
		return nil, d.failure
	}
	return nil, nil
}

func (d *discovery) keep(ctx context.Context, p *provider, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.found, d.foundAt, d.failure = p, d.now(), nil
	case ctx.Err() == nil: // otherwise this caller gave up
		d.failure, d.failedAt = err, d.now()
	}
}

// discover fetches the document. The keys of the one before are kept for a while.
func (o *OIDC) discover(ctx context.Context, before *provider) (*provider, error) {
	var d document
	if err := o.getDocument(ctx, &d); err != nil {
		return nil, err
	}
	f := familyOf(o.issuer, &d)
	if err := o.checkDocument(d, f); err != nil {
		return nil, err
	}
	p := &provider{document: d, family: f, keysSince: o.config.Now()}
	for _, alg := range signatures {
		if len(d.Algorithms) == 0 || slices.Contains(d.Algorithms, alg) {
			p.algorithms = append(p.algorithms, alg)
		}
	}
	if len(p.algorithms) == 0 {
		return nil, misconfigured("%s signs ID tokens with %s; want an algorithm with a public key, such as RS256",
			o.title, clip(strings.Join(d.Algorithms, ", ")))
	}
	if before != nil && before.JWKSURI == d.JWKSURI && p.keysSince.Before(before.keysSince.Add(keysFor)) {
		p.keys, p.keysSince = before.keys, before.keysSince
	} else {
		p.keys = oidc.NewRemoteKeySet(oidc.ClientContext(ctx, o.client), d.JWKSURI) // takes no deadline from ctx
	}
	return p, nil
}

func (o *OIDC) getDocument(ctx context.Context, d *document) error {
	at := o.issuer.JoinPath(".well-known/openid-configuration").String()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return misconfigured("the issuer URL is not usable")
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return transportError(o.title, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := readBounded(resp.Body)
	switch status := resp.StatusCode; {
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return overloaded(o.title, resp, o.config.Now())
	case status != http.StatusOK:
		return misconfigured("no OpenID provider at the issuer %s: %s returned %s", clip(o.config.Issuer), clip(at), resp.Status)
	case err != nil || json.Unmarshal(body, d) != nil:
		return unavailable(o.title+"'s discovery document is not the expected JSON (content type "+
			clip(resp.Header.Get("Content-Type"))+"); is the issuer correct?", err)
	}
	return nil
}

// checkDocument checks that the document is the issuer's own (OpenID Connect Discovery
// section 4.3) and that codes, tokens and the client secret go only to https.
func (o *OIDC) checkDocument(d document, f family) error {
	want := o.issuer.String()
	if f.issuerOf != nil {
		want = f.issuerOf(o.issuer)
	}
	if strings.TrimSuffix(d.Issuer, "/") != want {
		return misconfigured("the issuer is %s, but its discovery document names %s; the two must be the same%s",
			clip(o.config.Issuer), clip(d.Issuer), f.hint)
	}
	for name, endpoint := range map[string]string{
		"authorization_endpoint": d.AuthorizationEndpoint, "token_endpoint": d.TokenEndpoint, "jwks_uri": d.JWKSURI,
	} {
		if endpoint == "" {
			return misconfigured("%s's discovery document has no %s", o.title, name)
		}
	}
	for _, endpoint := range []string{d.AuthorizationEndpoint, d.TokenEndpoint, d.JWKSURI, d.UserInfoEndpoint} {
		if endpoint != "" && !o.maySendTo(endpoint) {
			return misconfigured("%s's discovery document has an endpoint that is not an https URL: %s", o.title, clip(endpoint))
		}
	}
	return nil
}

// maySendTo accepts https, and plain http on loopback if the issuer is there too.
func (o *OIDC) maySendTo(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	local := o.issuer.Scheme == "http" && u.Scheme == "http" && loopback(u.Hostname())
	return u.Scheme == "https" || local
}

// tenantID matches a tenant in Entra's issuers.
var tenantID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// manyTenants reports whether the issuer stands for any tenant.
func (p *provider) manyTenants() bool { return strings.Contains(p.Issuer, tenantTemplate) }

// isIssuer reports whether an issuer is the provider's; any tenant matches if it has many.
func (p *provider) isIssuer(iss string) bool {
	before, after, many := strings.Cut(p.Issuer, tenantTemplate)
	if !many {
		return iss == p.Issuer || p.Issuer == "https://accounts.google.com" && iss == "accounts.google.com" // go-oidc has the same exception
	}
	tenant, ok := strings.CutPrefix(iss, before)
	if !ok {
		return false
	}
	tenant, ok = strings.CutSuffix(tenant, after)
	return ok && tenantID.MatchString(tenant)
}
