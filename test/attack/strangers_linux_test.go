//go:build attack

package attack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	// signInMost is how long an honest client may take to register and sign in during a flood, on a
	// machine that has other work.
	signInMost = 90 * time.Second
	// refusalMost is what a request may cost then, with the page that says why it is refused.
	refusalMost = 2 * costMost
)

// TestOtherFloods is TestRevocationInFloods and TestCost for the other kinds of requests that
// anyone can send, and an honest client registers and signs in during each flood.
func TestOtherFloods(t *testing.T) {
	site := harness.NewClientSite(t)
	site.Fail(hang)
	for _, e := range harness.Engines() {
		if e.Name == "sqlite" && !atFullLength() {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			opts := e.Options(t)
			opts.Env = append(opts.Env, site.Env()...)
			p := harness.Start(t, opts)
			conn := dbtest.SQL(t, opts.Database)
			for _, k := range otherKinds(t, p, site) {
				t.Run(k.name, func(t *testing.T) {
					revokedIn(t, p, k.kind, func() { honestSignIn(t, p, k) }, func() {
						dbtest.Exec(t, conn, "UPDATE mcpkeep_grants SET revoked_at = $1", time.Now().Unix())
					})
					refusalCost(t, p, k)
				})
			}
		})
	}
}

// hang takes longer than a server waits for a site.
func hang(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(10 * time.Second):
	}
}

func honestSignIn(t *testing.T, p *harness.Process, k otherKind) {
	t.Helper()
	if k.throttlesOwner {
		t.Logf("%-16s the owner waits for the throttle of the password", k.name)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), signInMost)
	defer cancel()
	began := time.Now()
	waited, err := visit(ctx, p, 0)
	t.Logf("%-16s an honest client: registered after %v, signed in after %v, %v", k.name, waited.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), err)
	if err != nil {
		t.Errorf("an honest client did not get in: %v", err)
	}
}

// refusalCost is measured after the flood, whose limits still refuse.
func refusalCost(t *testing.T, p *harness.Process, k otherKind) {
	t.Helper()
	const many = 100
	client, f := &http.Client{Timeout: time.Minute}, &flood{}
	before := processor(t, p)
	for i := range int64(many) {
		f.sent.Store(1e9 + i) // as none before
		f.one(t.Context(), client, p.URL, k.kind)
	}
	each := (processor(t, p) - before) / many
	t.Logf("%-16s %v of the processor for each request, %d of %d told to wait", k.name, each.Round(time.Microsecond), f.refused.Load(), many)
	if each > refusalMost && !k.throttlesOwner && !k.waits { // apart from the password, and what sites are asked
		t.Errorf("%v, want at most %v", each, refusalMost)
	}
}

// otherKind is a kind of request. throttlesOwner: it is wrong passwords; waits: a site is asked.
type otherKind struct {
	kind

	throttlesOwner, waits bool
}

// otherKinds are the requests of the floods, with what they need at a server.
func otherKinds(t *testing.T, p *harness.Process, site *fetchtest.Site) []otherKind {
	t.Helper()
	secret := registered(t, p, map[string]any{"redirect_uris": []string{"https://a.example/cb"}, "token_endpoint_auth_method": "client_secret_post"})
	credentials := func(more url.Values) url.Values {
		more.Set("client_id", secret.ID)
		more.Set("client_secret", secret.Secret)
		return more
	}
	return []otherKind{
		{kind{"introspection", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
			return form(ctx, server+"/introspect", credentials(url.Values{"token": {oauth.NewAccessToken()}}))
		}}, false, false},
		{kind{"revocation", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
			return form(ctx, server+"/revoke", credentials(url.Values{"token": {oauth.NewRefreshToken()}}))
		}}, false, false},
		{kind{"management", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/register/"+secret.ID, http.NoBody)
			return bearing(req, oauth.NewRegistrationToken(), err)
		}}, false, false},
		{kind{"callbacks", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, server+"/auth/callback?code=x&state="+oauth.NewID("st"), http.NoBody)
		}}, false, false},
		{kind{"verifications", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/auth/verify?upstream=notes", http.NoBody)
			return bearing(req, oauth.NewAccessToken(), err)
		}}, false, false},
		{kind{"consents", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
			req, err := form(ctx, server+"/consent", url.Values{"id": {oauth.NewID("az")}, "action": {"approve"}, "csrf": {"x"}})
			return visiting(req, "mcpkeep_browser", err)
		}}, false, false},
		{kind{"connections", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/connections", http.NoBody)
			return visiting(req, "mcpkeep_session", err)
		}}, false, false},
		{documentsAt(site), false, true},
		{slowKeys(t, p, site), false, true},
		{wrongPasswords(t, p), true, false},
	}
}

func bearing(req *http.Request, token string, err error) (*http.Request, error) {
	if err == nil {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, err
}

// visiting makes a request that of a browser, with a made-up cookie.
func visiting(req *http.Request, cookie string, err error) (*http.Request, error) {
	if err == nil {
		req.AddCookie(&http.Cookie{Name: cookie, Value: oauth.NewClientSecret()})
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return req, err
}

// documentsAt are sign-in pages of clients whose documents do not come.
func documentsAt(site *fetchtest.Site) kind {
	var i atomic.Int64
	return kind{"documents", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
		values := url.Values{
			"client_id": {fmt.Sprintf("%s/%d.json", site.URL, i.Add(1))}, "response_type": {"code"}, "redirect_uri": {"http://127.0.0.1/callback"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}, "state": {"x"},
		}
		return http.NewRequestWithContext(ctx, http.MethodGet, server+"/authorize?"+values.Encode(), http.NoBody)
	}}
}

// slowKeys are assertions of a client whose keys do not come.
func slowKeys(t *testing.T, p *harness.Process, site *fetchtest.Site) kind {
	t.Helper()
	id := register(t, p, map[string]any{
		"redirect_uris": []string{"https://a.example/cb"}, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": site.URL + "/keys",
	})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: rsaKeys()[0]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims := fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"jti":"x","exp":%d}`, id, id, p.URL, time.Now().Add(9*time.Minute).Unix())
	signed, err := signer.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return kind{"slow keys", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
		return form(ctx, server+"/token", url.Values{
			"client_assertion": {token}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"grant_type": {"refresh_token"}, "refresh_token": {"x"},
		})
	}}
}

// wrongPasswords are sent with one page, by the browser that it was shown in.
func wrongPasswords(t *testing.T, p *harness.Process) kind {
	t.Helper()
	c, b := harness.NewClient(p.URL, nil), harness.NewBrowser(nil)
	err := c.Register(t.Context())
	var page *harness.Page
	if err == nil {
		page, err = b.Open(t.Context(), c.AuthorizeURL())
	}
	var values url.Values
	if err == nil {
		values, err = page.Hidden()
	}
	if err != nil {
		t.Fatal(err)
	}
	cookies := b.Cookies(page.URL)
	values.Set("password", "wrong")
	return kind{"passwords", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
		req, err := form(ctx, server+"/authorize", values)
		if err == nil {
			for _, cookie := range cookies {
				req.AddCookie(cookie)
			}
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		return req, err
	}}
}
