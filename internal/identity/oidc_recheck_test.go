package identity_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
)

// faults are the ways to fail that say nothing about the person.
func faults() map[string]oidctest.Fault {
	return map[string]oidctest.Fault{
		"503": oidctest.ServiceUnavailable, "429": oidctest.TooManyRequests, "reset": oidctest.ConnectionReset,
		"page": oidctest.HTMLPage, "truncated": oidctest.Truncated, "endless": oidctest.Endless,
	}
}

// TestOIDCFaults breaks each endpoint in each way.
func TestOIDCFaults(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{oidctest.Discovery, oidctest.Token, oidctest.UserInfo, oidctest.Keys} {
		for name, fault := range faults() {
			t.Run(endpoint+" "+name, func(t *testing.T) {
				t.Parallel()
				s := startOIDC(t, oidctest.Panva())
				o := relyingParty(t, s, nil)
				_, token := oidcSignIn(t, s, o)

				fresh := relyingParty(t, s, nil)
				code := callbackOf(t, s, o).Get("code")
				s.SetFault(fault, endpoint)
				_, got, err := fresh.Exchange(t.Context(), identity.ExchangeRequest{
					Code: code, Verifier: verifier, Nonce: nonce, RedirectURI: callback,
				})
				wantError(t, err, identity.ErrUnavailable, "")
				if got != (identity.Token{}) {
					t.Error("a token came back")
				}
				_, next, err := fresh.Recheck(t.Context(), token)
				wantError(t, err, identity.ErrUnavailable, "")
				s.SetFault(oidctest.Healthy)
				s.Advance(3 * time.Second)
				if p, _, err := fresh.Recheck(t.Context(), keptToken(t, next)); err != nil || p.Login != "alice" {
					t.Errorf("afterwards: %v, %v", p, err)
				}
			})
		}
	}
}

func TestOIDCProxyRefusal(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Panva())
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	for _, endpoint := range []string{oidctest.Token, oidctest.UserInfo} {
		s.SetFault(oidctest.ProxyRefusal, endpoint)
		_, next, err := o.Recheck(t.Context(), token)
		wantError(t, err, identity.ErrUnavailable, "without an error code")
		s.SetFault(oidctest.Healthy)
		token = next
	}
	if _, _, err := o.Recheck(t.Context(), token); err != nil {
		t.Error(err)
	}
}

func TestOIDCRetryAfter(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	s.SetFault(oidctest.TooManyRequests, oidctest.Token)
	_, _, err := o.Recheck(t.Context(), token)
	busy := new(identity.UnavailableError)
	if !errors.As(err, &busy) || busy.RetryAfter != 30*time.Second {
		t.Errorf("%v, retry after %v", err, busy.RetryAfter)
	}
}

// TestHangingProvider: a provider that hangs is sent no refresh token. It would spend
// the token when it wakes up, and no one would get the next one.
func TestHangingProvider(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Panva())
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	before := s.Calls(oidctest.Token)
	s.Advance(time.Minute)
	s.Hang()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, next, err := o.Recheck(ctx, token)
		cancel()
		wantError(t, err, identity.ErrUnavailable, "is not responding")
		if next != token {
			t.Error("the token changed")
		}
	}
	s.Wake()
	if n := s.Calls(oidctest.Token) - before; n != 0 {
		t.Errorf("%d refresh tokens were sent", n)
	}
	s.Advance(3 * time.Second)
	if _, _, err := o.Recheck(t.Context(), token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestLostRenewal: the provider renewed the token and its answer was lost. The refusal
// of the spent token that follows is marked as doubtful.
func TestLostRenewal(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Panva())
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	s.SetFault(oidctest.AnswerLost, oidctest.Token)
	_, token, err := o.Recheck(t.Context(), token)
	wantError(t, err, identity.ErrUnavailable, "is not responding")
	s.SetFault(oidctest.Healthy)
	for range 2 {
		_, token, err = o.Recheck(t.Context(), keptToken(t, token))
		wantError(t, err, identity.ErrRefused, "sign in again")
		if !token.Doubtful {
			t.Fatal("no one would know that the token may only be spent")
		}
	}
}

// TestDoubtEnds: a renewal that works clears the doubt, and then a refusal is one.
func TestDoubtEnds(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain()) // does not rotate
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	s.SetFault(oidctest.ConnectionReset, oidctest.Token)
	_, doubtful, err := o.Recheck(t.Context(), token)
	wantError(t, err, identity.ErrUnavailable, "")
	s.SetFault(oidctest.Healthy)
	_, token, err = o.Recheck(t.Context(), doubtful)
	if err != nil || !doubtful.Doubtful || token.Doubtful {
		t.Fatalf("%v, in doubt %v and then %v", err, doubtful.Doubtful, token.Doubtful)
	}
	s.RemovePerson("a1")
	_, _, err = o.Recheck(t.Context(), token)
	wantError(t, err, identity.ErrRefused, "removed")
	s.SetFault(oidctest.TooManyRequests, oidctest.Token)
	if _, next, _ := o.Recheck(t.Context(), token); next.Doubtful {
		t.Error("a renewal that was not carried out leaves no doubt")
	}
}

func TestOIDCTokenStaysWithItsIssuer(t *testing.T) {
	t.Parallel()
	ours, theirs := startOIDC(t, oidctest.Plain()), startOIDC(t, oidctest.Plain())
	_, token := oidcSignIn(t, ours, relyingParty(t, ours, nil))
	token.Issuer = "https://before.example.com"
	_, _, err := relyingParty(t, theirs, nil).Recheck(t.Context(), token)
	wantError(t, err, identity.ErrRefused, "different provider")
	for _, endpoint := range []string{oidctest.Token, oidctest.UserInfo} {
		if n := theirs.Calls(endpoint); n != 0 {
			t.Errorf("the token was sent to another provider's %s %d times", endpoint, n)
		}
	}
}

// TestNoRefreshToken: the access token serves as long as it lives; then the last answer
// counts for a day.
func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	withUserInfo := oidctest.Bare()
	withUserInfo.Document["userinfo_endpoint"], withUserInfo.UserInfo = "/userinfo", []string{"email", "email_verified"}
	silent := withUserInfo
	silent.NoExpiresIn = true
	tests := map[string]struct {
		provider oidctest.Provider
		gone     bool // someone who left is noticed while the access token lives
	}{
		"userinfo":            {withUserInfo, true},
		"no userinfo":         {oidctest.Bare(), false},
		"expiry is not known": {silent, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startOIDC(t, tt.provider, having(oidctest.Claims{"groups": []string{"ops"}}))
			o := relyingParty(t, s, withGroups)
			first, token := oidcSignIn(t, s, o)
			s.Advance(30 * time.Minute)
			p, token, err := o.Recheck(t.Context(), keptToken(t, token))
			if diff := cmp.Diff(first, p); err != nil || diff != "" {
				t.Fatalf("%v, person (-want +got):\n%s", err, diff)
			}
			s.RemovePerson("a1")
			_, _, err = o.Recheck(t.Context(), token)
			if tt.gone {
				wantError(t, err, identity.ErrRefused, "removed")
			} else if err != nil {
				t.Error(err)
			}
			s.SetFault(oidctest.ServiceUnavailable) // no one is asked any more, or in vain
			if name != "expiry is not known" {
				s.Advance(time.Hour)
				if p, _, err = o.Recheck(t.Context(), token); err != nil || p.Login != "alice" {
					t.Errorf("%v, %v", p, err)
				}
			}
			s.SetFault(oidctest.Healthy)
			s.Advance(identity.UnaskableFor)
			_, _, err = o.Recheck(t.Context(), token)
			wantError(t, err, identity.ErrRefused, "sign in again")
		})
	}
}

// TestAccessTokenOfAnother: of a sign-in at a FastMCP server only the access token is known.
// It says who it is while it lives, and no one afterwards.
func TestAccessTokenOfAnother(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Google())
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	foreign := identity.Token{Issuer: token.Issuer, AccessToken: token.AccessToken, Expiry: token.Expiry}
	p, next, err := o.Recheck(t.Context(), foreign)
	if err != nil || p.Subject != "a1" || p.Email == "" {
		t.Fatalf("%v, %v", p, err)
	}
	if again, _, err := o.Recheck(t.Context(), keptToken(t, next)); err != nil || again.Subject != p.Subject {
		t.Errorf("again: %v, %v", again, err)
	}
	s.Advance(2 * time.Hour)
	_, _, err = o.Recheck(t.Context(), foreign)
	wantError(t, err, identity.ErrRefused, "")
}

// TestUnaskableTokenWithoutClaims: nothing is known, so nothing counts.
func TestUnaskableTokenWithoutClaims(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Bare())
	o := relyingParty(t, s, nil)
	_, _, err := o.Recheck(t.Context(), identity.Token{Issuer: s.Issuer, AccessToken: "x", Expiry: s.Now().Add(-time.Second), Confirmed: s.Now()})
	wantError(t, err, identity.ErrRefused, "sign in again")
}

// TestLeftTheGroup: claims are read again at each recheck.
func TestLeftTheGroup(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Dex(), having(oidctest.Claims{"groups": []string{"ops"}}))
	o := relyingParty(t, s, withGroups)
	_, token := oidcSignIn(t, s, o)
	s.AddPerson(having(oidctest.Claims{"groups": []string{}, "preferred_username": "alicia", "email_verified": false}))
	p, _, err := o.Recheck(t.Context(), token)
	if err != nil || len(p.Groups) != 0 || p.Login != "alicia" || p.EmailVerified {
		t.Errorf("%v, groups %v, %v", p, p.Groups, err)
	}
}

func TestRefreshedTokenHasAnotherSubject(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	s.Change(func(c oidctest.Claims) { c["sub"] = "b2" })
	if p, _, err := o.Recheck(t.Context(), token); err != nil || p.Subject != "b2" {
		t.Errorf("the caller has to see whose token it is now: %v, %v", p, err)
	}
}

// TestKeyRotation: a key that is not known is looked for once more.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"RS256", "ES256"} {
		p := oidctest.Plain()
		p.Algorithm, p.Document["id_token_signing_alg_values_supported"] = algorithm, []string{algorithm}
		s := startOIDC(t, p)
		o := relyingParty(t, s, nil)
		_, token := oidcSignIn(t, s, o)
		for range 2 {
			s.RotateKey()
			var err error
			if _, token, err = o.Recheck(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			oidcSignIn(t, s, o)
		}
		if n := s.Calls(oidctest.Keys); n != 3 {
			t.Errorf("keys were fetched %d times, want 3", n)
		}
	}
}

// TestOldKeysAreForgotten: a key that the provider withdrew is not accepted forever.
func TestOldKeysAreForgotten(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	oidcSignIn(t, s, o)
	before := s.Calls(oidctest.Keys)
	s.Advance(13 * time.Hour)
	oidcSignIn(t, s, o)
	if s.Calls(oidctest.Keys) != before+1 {
		t.Error("the keys were not fetched again")
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(*oidctest.Server) {
		return func(s *oidctest.Server) { s.SetDocument(name, value) }
	}
	tests := map[string]struct {
		change func(*oidctest.Server)
		kind   error
		text   string
	}{
		"E2 another issuer":         {set("issuer", "https://evil.example.com"), identity.ErrMisconfigured, "must be the same"},
		"E2 a longer issuer":        {func(s *oidctest.Server) { s.SetDocument("issuer", s.Issuer+"/x") }, identity.ErrMisconfigured, "must be the same"},
		"E2 token endpoint":         {set("token_endpoint", "http://evil.example.com/token"), identity.ErrMisconfigured, "https"},
		"E2 authorization endpoint": {set("authorization_endpoint", "javascript:alert(1)"), identity.ErrMisconfigured, "https"},
		"E2 userinfo endpoint":      {set("userinfo_endpoint", "file:///etc/passwd"), identity.ErrMisconfigured, "https"},
		"E2 keys":                   {set("jwks_uri", "http://169.254.169.254/keys"), identity.ErrMisconfigured, "https"},
		"E2 user information":       {set("token_endpoint", "https://a:b@op.example.com/token"), identity.ErrMisconfigured, "https"},
		"no token endpoint":         {set("token_endpoint", nil), identity.ErrMisconfigured, "token_endpoint"},
		"no authorization endpoint": {set("authorization_endpoint", nil), identity.ErrMisconfigured, "authorization_endpoint"},
		"no keys":                   {set("jwks_uri", nil), identity.ErrMisconfigured, "jwks_uri"},
		"shared secrets only":       {set("id_token_signing_alg_values_supported", []string{"none", "HS256"}), identity.ErrMisconfigured, "public key"},
		"not found":                 {func(s *oidctest.Server) { s.At += "/elsewhere" }, identity.ErrMisconfigured, "404"},
		"a final slash":             {func(s *oidctest.Server) { s.SetDocument("issuer", s.Issuer+"/") }, nil, ""},
		"no algorithms":             {set("id_token_signing_alg_values_supported", nil), nil, ""},
		"no userinfo":               {set("userinfo_endpoint", nil), nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startOIDC(t, oidctest.Plain())
			o := relyingParty(t, s, nil)
			tt.change(s)
			err := o.Discover(t.Context())
			if tt.kind == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, tt.kind, tt.text)
		})
	}
}

// TestHTTPSIssuersKeepToHTTPS: a provider on the internet cannot name a service of
// this machine.
func TestHTTPSIssuersKeepToHTTPS(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Okta())
	s.SetDocument("token_endpoint", "http://127.0.0.1:9/token")
	wantError(t, relyingParty(t, s, nil).Discover(t.Context()), identity.ErrMisconfigured, "https")
}

func TestDiscoveryWrongTenant(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Entra())
	o := relyingParty(t, s, nil)
	s.SetDocument("issuer", "https://sts.windows.net/"+oidctest.EntraTenant+"/")
	wantError(t, o.Discover(t.Context()), identity.ErrMisconfigured, "end with /v2.0")
}

// TestDiscoveryIsLazy: a provider may be down when we start, and is asked again soon.
func TestDiscoveryIsLazy(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	s.SetFault(oidctest.ServiceUnavailable)
	o := relyingParty(t, s, nil)
	_, err := o.AuthorizeURL(t.Context(), authRequest())
	wantError(t, err, identity.ErrUnavailable, "503")
	s.SetFault(oidctest.Healthy)
	_, err = o.AuthorizeURL(t.Context(), authRequest())
	wantError(t, err, identity.ErrUnavailable, "503") // known for two seconds
	s.Advance(2 * time.Second)
	oidcSignIn(t, s, o)
	if n := s.Calls(oidctest.Discovery); n != 2 {
		t.Errorf("discovery was asked %d times, want 2", n)
	}
	s.Advance(2 * time.Hour)
	s.SetFault(oidctest.ServiceUnavailable, oidctest.Discovery)
	oidcSignIn(t, s, o) // with what it said last
	if n := s.Calls(oidctest.Discovery); n != 3 {
		t.Errorf("discovery was asked %d times, want 3", n)
	}
}

// TestDiscoveryAtOnce: concurrent sign-ins ask once.
func TestDiscoveryAtOnce(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if _, err := o.AuthorizeURL(t.Context(), authRequest()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.Calls(oidctest.Discovery); n != 1 {
		t.Errorf("discovery was asked %d times", n)
	}
}

// TestImpatientCaller: someone who gives up does not make the provider unavailable for
// others.
func TestImpatientCaller(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	s.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := o.AuthorizeURL(ctx, authRequest())
	wantError(t, err, identity.ErrUnavailable, "")
	s.Wake()
	oidcSignIn(t, s, o)
}

// elsewhere answers every request with a redirect to another host.
type elsewhere struct{ hits int }

func (e *elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	e.hits++
	return &http.Response{
		Status: "307 Temporary Redirect", StatusCode: http.StatusTemporaryRedirect, Request: r,
		Header: http.Header{"Location": {"https://evil.example.com/"}}, Body: http.NoBody,
	}, nil
}

func TestOIDCRedirects(t *testing.T) {
	t.Parallel()
	transport := &elsewhere{}
	o, err := identity.NewOIDC(identity.OIDCConfig{
		Issuer: "https://op.example.com", ClientID: "id", ClientSecret: "hush", HTTPClient: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = o.Discover(t.Context())
	wantError(t, err, identity.ErrMisconfigured, "redirect")
	if transport.hits != 1 || strings.Contains(err.Error(), "hush") {
		t.Errorf("%d requests, %v", transport.hits, err)
	}
}
