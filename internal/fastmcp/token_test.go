package fastmcp_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// Tokens that FastMCP 3.4.7 issued at 1750000000 with the key of clientSecret.
const (
	tokenHeader  = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9."
	accessClaims = "eyJpc3MiOiJodHRwczovL21jcC5leGFtcGxlLmNvbS8iLCJhdWQiOiJodHRwczovL21jcC5leGFtcGxlLmNvbS9tY3AiLCJjbGllbnRfaWQiOiJjbGllbnQtMSIs" +
		"InNjb3BlIjoicmVhZCB3cml0ZSIsImV4cCI6MTc1MDAwMzYwMCwiaWF0IjoxNzUwMDAwMDAwLCJqdGkiOiJqdGktYWNjZXNzLTEifQ."
	accessToken  = tokenHeader + accessClaims + "cMNS2q3ruf9ni7iI6LzZDMImxOzOWRiD1FkwaejHSHI"
	passphrased  = tokenHeader + accessClaims + "qPdqW2LIw9m8rgSimfZ0fgbbM_kkKrhqwVPCLG_L_KE"
	refreshToken = tokenHeader + "eyJpc3MiOiJodHRwczovL21jcC5leGFtcGxlLmNvbS8iLCJhdWQiOiJodHRwczovL21jcC5leGFtcGxlLmNvbS9tY3AiLCJjbGllbnRfaWQiOiJjbGllbnQtMSIs" +
		"InNjb3BlIjoicmVhZCB3cml0ZSIsImV4cCI6MTc1MjU5MjAwMCwiaWF0IjoxNzUwMDAwMDAwLCJqdGkiOiJqdGktcmVmcmVzaC0xIiwidG9rZW5fdXNlIjoicmVmcmVzaCJ9." +
		"UlQJH7KBVnV-8lPK5OIA3c2zXvhSsQQDxYitRQtG5mU"
)

var issuedAt = time.Unix(1750000000, 0).UTC()

func verifier(keys ...fastmcp.SigningKey) *fastmcp.Verifier {
	return &fastmcp.Verifier{
		Keys: keys, Issuers: []string{"https://mcp.example.com", "https://mcp.example.com/"}, Audiences: []string{"https://mcp.example.com/mcp"},
	}
}

func TestTokenVectors(t *testing.T) {
	t.Parallel()
	hkdf, stretched := fastmcp.KeyOfClientSecret(clientSecret), parseKey(t, "passphrase:my-jwt-signing-key")
	access := fastmcp.Claims{ID: "jti-access-1", ClientID: "client-1", Scope: "read write", IssuedAt: issuedAt, ExpiresAt: issuedAt.Add(time.Hour)}
	refresh := fastmcp.Claims{
		ID: "jti-refresh-1", ClientID: "client-1", Scope: "read write", IssuedAt: issuedAt, ExpiresAt: issuedAt.Add(30 * 24 * time.Hour), Refresh: true,
	}
	for name, c := range map[string]struct {
		verifier *fastmcp.Verifier
		token    string
		want     fastmcp.Claims
	}{
		"access":                {verifier(hkdf), accessToken, access},
		"refresh":               {verifier(hkdf), refreshToken, refresh},
		"with a passphrase":     {verifier(stretched), passphrased, access},
		"with one of two keys":  {verifier(stretched, hkdf), accessToken, access},
		"with the other of two": {verifier(stretched, hkdf), passphrased, access},
	} {
		got, err := c.verifier.Verify(c.token, c.want.Refresh, issuedAt)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v: %s", name, err, diff)
		}
	}
	sum := sha256.Sum256([]byte(refreshToken))
	const key = "caafd4bd219969eafd11db173d77e6f4ea926e4d84d8294a972379bdc17c2aaf"
	if got := fastmcp.RefreshKey(sum[:]); got != key || hex.EncodeToString(sum[:]) != key {
		t.Errorf("the refresh token's row is %s, want %s", got, key)
	}
}

// signed makes a token of the key of clientSecret.
func signed(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, []byte("w61pjIKtFnRBoROxDTZb0iJX2-cRxKND8EfF0lF5-mY="))
	_, _ = mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

const (
	goodHeader = `{"alg":"HS256","typ":"JWT"}`
	goodClaims = `{"iss":"https://mcp.example.com/","aud":"https://mcp.example.com/mcp","client_id":"c","scope":"","exp":1750003600,"iat":1750000000,"jti":"j"}`
)

// TestTokensRefused: each step of the verification refuses, says which it was, and whether
// the token is one of this key.
func TestTokensRefused(t *testing.T) {
	t.Parallel()
	v := verifier(fastmcp.KeyOfClientSecret(clientSecret))
	if _, err := v.Verify(signed(goodHeader, goodClaims), false, issuedAt); err != nil {
		t.Fatal(err)
	}
	with := func(old, replacement string) string {
		return signed(goodHeader, strings.Replace(goodClaims, old, replacement, 1))
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + accessToken[strings.IndexByte(accessToken, '.'):]
	const claim = "a claim is missing or has the wrong type"
	for name, c := range map[string]struct {
		token  string
		reason string
		signed bool
	}{
		"another key":          {passphrased, "the signature does not match the signing key", false},
		"alg none":             {none, "the algorithm is not HS256", false},
		"alg none, no mac":     {none[:strings.LastIndexByte(none, '.')+1], "the algorithm is not HS256", false},
		"alg HS512":            {signed(`{"alg":"HS512"}`, goodClaims), "the algorithm is not HS256", false},
		"no alg":               {signed(`{"typ":"JWT"}`, goodClaims), "the algorithm is not HS256", false},
		"crit":                 {signed(`{"alg":"HS256","crit":["b64"]}`, goodClaims), "the algorithm is not HS256", false},
		"no mac":               {accessToken[:strings.LastIndexByte(accessToken, '.')+1], "the signature does not match the signing key", false},
		"padded mac":           {accessToken + "=", "the signature is malformed", false},
		"two parts":            {"eyJhIjoxfQ.e30", "not a JWT", false},
		"not JSON":             {signed(goodHeader, "x"), claim, true},
		"refresh as access":    {refreshToken, "token_use does not fit", true},
		"unknown token_use":    {with(`"jti"`, `"token_use":"other","jti"`), claim, true},
		"expired":              {with("1750003600", "1750000000"), "expired", true},
		"no exp":               {with(`"exp":1750003600,`, ""), claim, true},
		"exp is text":          {with("1750003600", `"1750003600"`), claim, true},
		"exp is far too large": {with("1750003600", "1e300"), claim, true},
		"no jti":               {with(`,"jti":"j"`, ""), claim, true},
		"jti is null":          {with(`"j"`, "null"), claim, true},
		"no client":            {with(`"client_id":"c",`, ""), claim, true},
		"other iss":            {with("https://mcp.example.com/\"", "https://other.example.com/\""), "iss is that of another server", true},
		"other aud":            {with("example.com/mcp", "example.com/other"), "aud is that of another server", true},
		"a list of audiences":  {with(`"https://mcp.example.com/mcp"`, `["https://mcp.example.com/mcp"]`), claim, true},
	} {
		_, err := v.Verify(c.token, false, issuedAt)
		var refusal *fastmcp.TokenError
		if !errors.As(err, &refusal) || refusal.Reason != c.reason || refusal.Signed != c.signed {
			t.Errorf("%s: %v, want %q", name, err, c.reason)
		}
	}
	if _, err := v.Verify(accessToken, true, issuedAt); err == nil {
		t.Error("an access token is taken as refresh token")
	}
	if _, err := v.Verify(accessToken, false, issuedAt.Add(time.Hour)); err == nil {
		t.Error("a token is good at the time at which it expires")
	}
	if _, err := (&fastmcp.Verifier{}).Verify(accessToken, false, issuedAt); err == nil {
		t.Error("a token is good without a key")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(accessToken)
	f.Add(refreshToken)
	f.Add(signed(goodHeader, goodClaims))
	v := verifier(fastmcp.KeyOfClientSecret(clientSecret))
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := v.Verify(text, false, issuedAt)
		if err == nil && (claims.ID == "" || claims.ClientID == "" || !claims.ExpiresAt.After(issuedAt) || !fastmcp.IsToken(text)) {
			t.Errorf("%q is taken: %+v", text, claims)
		}
	})
}
