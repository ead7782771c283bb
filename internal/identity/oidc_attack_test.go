package identity_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
)

// unsigned makes a token of another algorithm in the header: "none" has no signature,
// HS256 one with the client's own secret, which the provider knows as well.
func unsigned(header string) func(string) string {
	return func(token string) string {
		parts := strings.Split(token, ".")
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "."
	}
}

// TestForgedIDTokens: C11. No one gets in, and at a recheck no one is signed out: the
// provider answers nonsense, which says nothing about the person.
func TestForgedIDTokens(t *testing.T) {
	t.Parallel()
	claim := func(name string, value any) func(*oidctest.Server) {
		return func(s *oidctest.Server) {
			s.Change(func(c oidctest.Claims) {
				if c[name] = value; value == nil {
					delete(c, name)
				}
			})
		}
	}
	tests := map[string]struct {
		forge func(*oidctest.Server)
		text  string
	}{
		"alg none":           {func(s *oidctest.Server) { s.Forge(unsigned(`{"alg":"none"}`)) }, "algorithm"},
		"alg None":           {func(s *oidctest.Server) { s.Forge(unsigned(`{"alg":"None"}`)) }, "algorithm"},
		"alg HS256":          {func(s *oidctest.Server) { s.Forge(unsigned(`{"alg":"HS256"}`)) }, "algorithm"},
		"no signature":       {func(s *oidctest.Server) { s.Forge(unsigned(`{"alg":"RS256"}`)) }, "signature"},
		"other key, same id": {func(s *oidctest.Server) { s.Forge(func(string) string { return s.SignedByAnother(alice()) }) }, "signature"},
		"not a JWT":          {func(s *oidctest.Server) { s.Forge(func(string) string { return "ey" }) }, "malformed"},
		"wrong issuer":       {claim("iss", "https://evil.example.com"), "different provider"},
		"no issuer":          {claim("iss", nil), "different provider"},
		"wrong audience":     {claim("aud", "another-client"), "audience"},
		"no audience":        {claim("aud", nil), "audience"},
		"wrong azp":          {claim("azp", "another-client"), "different client"},
		"azp is no string":   {claim("azp", 7), "different client"},
		"at_hash":            {claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "access token hash"},
		"expired":            {claim("exp", time.Now().Add(-2*time.Minute).Unix()), "expired"},
		"no expiry":          {claim("exp", nil), "expired"},
		"not yet valid":      {claim("nbf", time.Now().Add(time.Hour).Unix()), "not before"},
		"no subject":         {claim("sub", nil), "no subject"},
		"subject a number":   {claim("sub", 7), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startOIDC(t, oidctest.Plain())
			o := relyingParty(t, s, nil)
			_, token := oidcSignIn(t, s, o)
			tt.forge(s)
			p, got, err := exchange(t, s, o)
			wantError(t, err, identity.ErrUnavailable, tt.text)
			if p.Subject != "" || got != (identity.Token{}) {
				t.Errorf("signed in: %v", p)
			}
			p, kept, err := o.Recheck(t.Context(), token)
			wantError(t, err, identity.ErrUnavailable, tt.text)
			if p.Subject != "" || kept.AccessToken == token.AccessToken {
				t.Errorf("%v; the new token is kept: %v", p, kept.AccessToken != token.AccessToken)
			}
		})
	}
}

// TestAudiences: several are fine if the token says that it was made for us.
func TestAudiences(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	s.Change(func(c oidctest.Claims) { c["aud"] = []string{"an-api", s.ClientID} })
	_, _, err := exchange(t, s, o)
	wantError(t, err, identity.ErrUnavailable, "different client")
	s.Change(func(c oidctest.Claims) { c["aud"], c["azp"] = []string{"an-api", s.ClientID}, s.ClientID })
	oidcSignIn(t, s, o)
}

// TestNonce: a code of another sign-in, put into this one, signs no one in.
func TestNonce(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"other": "n_of-the-attacker", "missing": nil, "empty": "", "number": 7} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startOIDC(t, oidctest.Plain())
			o := relyingParty(t, s, nil)
			_, token := oidcSignIn(t, s, o)
			s.Change(func(c oidctest.Claims) {
				if c["nonce"] = value; value == nil {
					delete(c, "nonce")
				}
			})
			_, _, err := exchange(t, s, o)
			if name == "number" {
				wantError(t, err, identity.ErrUnavailable, "")
				return
			}
			wantError(t, err, identity.ErrRefused, "different sign-in")
			_, _, err = o.Recheck(t.Context(), token)
			if name == "other" {
				wantError(t, err, identity.ErrUnavailable, "different sign-in")
			} else if err != nil {
				t.Errorf("a later ID token need not have a nonce: %v", err)
			}
		})
	}
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	r := authRequest()
	r.Nonce = ""
	_, err := o.AuthorizeURL(t.Context(), r)
	wantError(t, err, identity.ErrMisconfigured, "nonce")
	_, _, err = o.Exchange(t.Context(), identity.ExchangeRequest{Code: "x", Verifier: verifier, RedirectURI: callback})
	wantError(t, err, identity.ErrMisconfigured, "nonce")
}

// TestCodes: replayed, stolen without the verifier, sent to another callback.
func TestCodes(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	request := func() identity.ExchangeRequest {
		return identity.ExchangeRequest{Code: callbackOf(t, s, o).Get("code"), Verifier: verifier, Nonce: nonce, RedirectURI: callback}
	}
	r := request()
	_, token, err := o.Exchange(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = o.Exchange(t.Context(), r)
	wantError(t, err, identity.ErrRefused, "already used")
	_, _, err = o.Recheck(t.Context(), token)
	wantError(t, err, identity.ErrRefused, "revoked")
	r = request()
	r.Verifier = strings.Repeat("x", 43)
	_, _, err = o.Exchange(t.Context(), r)
	wantError(t, err, identity.ErrRefused, "code")
	r = request()
	r.RedirectURI += "/x"
	_, _, err = o.Exchange(t.Context(), r)
	wantError(t, err, identity.ErrRefused, "code")
}

// TestMixUp: A8, 9207-04. An answer of another provider is refused before its code is
// sent anywhere.
func TestMixUp(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		provider oidctest.Provider
		iss      func(issuer string) string
		ok       bool
	}{
		"announced and right":       {oidctest.Panva(), func(i string) string { return i }, true},
		"announced and missing":     {oidctest.Panva(), func(string) string { return "" }, false},
		"announced and wrong":       {oidctest.Panva(), func(string) string { return "https://evil.example.com" }, false},
		"final slash":               {oidctest.Panva(), func(i string) string { return i + "/" }, false},
		"longer":                    {oidctest.Panva(), func(i string) string { return i + ".evil.example.com" }, false},
		"not announced and missing": {oidctest.Plain(), func(string) string { return "" }, true},
		"not announced and right":   {oidctest.Plain(), func(i string) string { return i }, true},
		"not announced and wrong":   {oidctest.Plain(), func(string) string { return "https://evil.example.com" }, false},
		"Google's short form":       {oidctest.Google(), func(string) string { return "accounts.google.com" }, true},
		"Entra, a tenant":           {oidctest.EntraCommon(), func(i string) string { return strings.Replace(i, "{tenantid}", oidctest.EntraTenant, 1) }, true},
		"Entra, the template":       {oidctest.EntraCommon(), func(i string) string { return i }, false},
		"Entra, a path instead":     {oidctest.EntraCommon(), func(i string) string { return strings.Replace(i, "{tenantid}", "x/y", 1) }, false},
		"Entra, another tenant's own": {oidctest.Entra(), func(string) string {
			return "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0"
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startOIDC(t, tt.provider)
			o := relyingParty(t, s, nil)
			err := o.CheckIssuer(t.Context(), tt.iss(s.Issuer))
			if tt.ok && err != nil {
				t.Error(err)
			}
			if !tt.ok {
				wantError(t, err, identity.ErrRefused, "expected provider")
			}
			if s.Calls(oidctest.Token) != 0 {
				t.Error("the token endpoint was called")
			}
		})
	}
	gh := provider(t, startGitHub(t), nil)
	for iss, ok := range map[string]bool{"": true, gh.Issuer(): true, gh.Issuer() + "/login/oauth": true, "https://github.com.evil.example": false} {
		if err := gh.CheckIssuer(t.Context(), iss); (err == nil) != ok {
			t.Errorf("GitHub with iss %q: %v", iss, err)
		}
	}
}

// TestTenants: with an issuer that stands for many, an ID token's issuer must be that of
// its own tenant, and the same subject in two tenants is two people.
func TestTenants(t *testing.T) {
	t.Parallel()
	const other = "11111111-1111-1111-1111-111111111111"
	bob := having(oidctest.Claims{"tid": other})
	s := startOIDC(t, oidctest.EntraCommon(), bob)
	o := relyingParty(t, s, nil)
	p, _ := oidcSignIn(t, s, o)
	if p.Subject != other+"/a1" || p.Issuer != "https://login.microsoftonline.com/{tenantid}/v2.0" {
		t.Errorf("%v", p)
	}
	for name, change := range map[string]func(oidctest.Claims){
		"another tenant's issuer": func(c oidctest.Claims) { c["tid"] = oidctest.EntraTenant },
		"no tenant":               func(c oidctest.Claims) { delete(c, "tid") },
		"a path for a tenant": func(c oidctest.Claims) {
			c["tid"], c["iss"] = "x/../y", "https://login.microsoftonline.com/x/../y/v2.0"
		},
		"another host": func(c oidctest.Claims) { c["iss"] = "https://evil.example.com/" + other + "/v2.0" },
	} {
		s.Change(change)
		_, _, err := exchange(t, s, o)
		t.Log(name)
		wantError(t, err, identity.ErrUnavailable, "tenant")
	}
}

// TestUserInfoOfAnother: OpenID Connect Core section 5.3.2.
func TestUserInfoOfAnother(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Panva())
	o := relyingParty(t, s, nil)
	s.Change(func(c oidctest.Claims) { c["sub"] = "mallory" })
	_, _, err := exchange(t, s, o)
	wantError(t, err, identity.ErrUnavailable, "different subject")
}

// TestUserInfoForAnother: a signed response that was made for another client is not taken.
func TestUserInfoForAnother(t *testing.T) {
	t.Parallel()
	signed := oidctest.Panva()
	signed.SignedUserInfo = true
	s := startOIDC(t, signed)
	o := relyingParty(t, s, nil)
	oidcSignIn(t, s, o)
	s.ForgeUserInfo(func(c oidctest.Claims) { c["aud"] = "another-client" })
	_, _, err := exchange(t, s, o)
	wantError(t, err, identity.ErrUnavailable, "did not return claims")
}
