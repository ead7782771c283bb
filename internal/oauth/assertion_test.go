package oauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// Keys of the tests.
var (
	rsaKey   = must(rsa.GenerateKey(rand.Reader, 2048))
	rsaSmall = must(rsa.GenerateKey(rand.Reader, 1024))
	ecKey    = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ec384Key = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	otherKey = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	_, edKey = must2(ed25519.GenerateKey(rand.Reader))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// keySet is a JSON Web Key Set of keys, whose ids are "0", "1" and so on.
func keySet(tb testing.TB, keys ...any) json.RawMessage {
	tb.Helper()
	set := jose.JSONWebKeySet{}
	for i, key := range keys {
		jwk, ok := key.(jose.JSONWebKey)
		if !ok {
			jwk = jose.JSONWebKey{Key: key, KeyID: string(rune('0' + i))}
		}
		set.Keys = append(set.Keys, jwk)
	}
	return must(json.Marshal(set))
}

var now = time.Unix(1_800_000_000, 0)

// claims are good claims with changes; nil removes one.
func claims(changes map[string]any) map[string]any {
	m := map[string]any{
		"iss": documentURL, "sub": documentURL, "aud": base, "jti": "one", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(m, changes)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

// signed makes an assertion.
func signed(tb testing.TB, alg jose.SignatureAlgorithm, key any, kid string, claims any) string {
	tb.Helper()
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		opts = opts.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		tb.Fatal(err)
	}
	return must(must(signer.Sign(must(json.Marshal(claims)))).CompactSerialize())
}

// verify does all that is done with an assertion.
func verify(token string, keys json.RawMessage, alg string) error {
	a, err := oauth.ParseAssertion(token)
	if err != nil {
		return err
	}
	if a.ClientID() != documentURL {
		return errors.New("another client: " + a.ClientID())
	}
	set, err := oauth.ParseKeySet(keys)
	if err != nil {
		return err
	}
	if err := a.CheckClaims(base, now); err != nil {
		return err
	}
	return a.Verify(set, alg)
}

func TestAssertion(t *testing.T) {
	t.Parallel()
	all := keySet(t, rsaKey.Public(), ecKey.Public(), edKey.Public())
	tests := map[string]struct {
		token string
		alg   string
	}{
		"7523-03 RS256":               {signed(t, jose.RS256, rsaKey, "0", claims(nil)), ""},
		"7523-03 PS256":               {signed(t, jose.PS256, rsaKey, "0", claims(nil)), ""},
		"7523-03 ES256":               {signed(t, jose.ES256, ecKey, "1", claims(nil)), ""},
		"7523-03 EdDSA":               {signed(t, jose.EdDSA, edKey, "2", claims(nil)), ""},
		"7523-03 the registered alg":  {signed(t, jose.RS256, rsaKey, "0", claims(nil)), "RS256"},
		"7523-03 without kid":         {signed(t, jose.ES256, ecKey, "", claims(nil)), ""},
		"7523-01 token endpoint":      {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"aud": base + "/token"})), ""},
		"7523-01 issuer with slash":   {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"aud": base + "/"})), ""},
		"7523-01 list":                {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"aud": []string{base, base + "/token"}})), ""},
		"7523-01 nbf":                 {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"nbf": now.Unix(), "iat": nil})), ""},
		"7523-01 a slow clock":        {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"exp": now.Add(-59 * time.Second).Unix()})), ""},
		"7523-01 a fast clock":        {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"iat": now.Add(time.Minute).Unix(), "nbf": now.Add(time.Minute).Unix()})), ""},
		"7523-01 ten minutes":         {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"exp": now.Add(10 * time.Minute).Unix()})), ""},
		"7523-01 unknown claims":      {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"x": map[string]any{"y": 1}})), ""},
		"7523-02 the longest jti":     {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"jti": strings.Repeat("x", 256)})), ""},
		"7523-01 exp with a fraction": {signed(t, jose.ES256, ecKey, "1", claims(map[string]any{"exp": float64(now.Unix()) + 60.5})), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := verify(tt.token, all, tt.alg); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAssertionRefused(t *testing.T) {
	t.Parallel()
	all := keySet(t, rsaKey.Public(), ecKey.Public(), edKey.Public())
	with := func(name string, value any) string {
		return signed(t, jose.ES256, ecKey, "1", claims(map[string]any{name: value}))
	}
	good := with("x", 1)
	parts := strings.Split(good, ".")
	payload := base64.RawURLEncoding.EncodeToString(must(json.Marshal(claims(nil))))
	header := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	tests := map[string]struct{ token, alg string }{
		"7523-01 another iss":             {with("iss", "https://evil.example/c"), ""},
		"7523-01 another sub":             {with("sub", "https://evil.example/c"), ""},
		"7523-01 no iss":                  {with("iss", nil), ""},
		"7523-01 no sub":                  {with("sub", nil), ""},
		"7523-01 no aud":                  {with("aud", nil), ""},
		"7523-01 empty aud":               {with("aud", []string{}), ""},
		"7523-01 foreign aud":             {with("aud", "https://other.example"), ""},
		"7523-01 aud that begins alike":   {with("aud", base+".evil.example"), ""},
		"7523-01 aud of another endpoint": {with("aud", base+"/register"), ""},
		"7523-01 one more aud":            {with("aud", []string{base, "https://other.example"}), ""},
		"7523-01 no exp":                  {with("exp", nil), ""},
		"7523-01 exp as a string":         {with("exp", "soon"), ""},
		"7523-01 expired":                 {with("exp", now.Add(-61*time.Second).Unix()), ""},
		"7523-01 far ahead":               {with("exp", now.Add(12*time.Minute).Unix()), ""},
		"7523-01 beyond all time":         {with("exp", 1e300), ""},
		"7523-01 not yet, nbf":            {with("nbf", now.Add(2*time.Minute).Unix()), ""},
		"7523-01 not yet, iat":            {with("iat", now.Add(2*time.Minute).Unix()), ""},
		"7523-02 no jti":                  {with("jti", nil), ""},
		"7523-02 empty jti":               {with("jti", ""), ""},
		"7523-02 long jti":                {with("jti", strings.Repeat("x", 257)), ""},
		"7523-03 none":                    {header(`{"alg":"none"}`) + "." + payload + ".", ""},
		"7523-03 None":                    {header(`{"alg":"None"}`) + "." + payload + ".", ""},
		"7523-03 HS256 with a public key": {hs256(must(json.Marshal(ecKey.Public())), payload), ""},
		"7523-03 HS256 with the modulus":  {hs256(rsaKey.N.Bytes(), payload), ""},
		"7523-03 RS512":                   {signed(t, jose.RS512, rsaKey, "0", claims(nil)), ""},
		"7523-03 ES384":                   {signed(t, jose.ES384, ec384Key, "1", claims(nil)), ""},
		"7523-03 not the registered alg":  {signed(t, jose.PS256, rsaKey, "0", claims(nil)), "RS256"},
		"7523-03 another kid":             {signed(t, jose.ES256, ecKey, "0", claims(nil)), ""},
		"7523-03 another key, same kid":   {signed(t, jose.ES256, otherKey, "1", claims(nil)), ""},
		"7523-03 key in the header":       {header(`{"alg":"ES256","jwk":`+string(must(json.Marshal(jose.JSONWebKey{Key: otherKey.Public()})))+`}`) + "." + payload + "." + parts[2], ""},
		"7523-03 unknown crit":            {header(`{"alg":"ES256","kid":"1","crit":["x"],"x":1}`) + "." + payload + "." + parts[2], ""},
		"changed claims":                  {parts[0] + "." + payload + "." + parts[2], ""},
		"no signature":                    {parts[0] + "." + parts[1] + ".", ""},
		"two parts":                       {parts[0] + "." + parts[1], ""},
		"a dot more":                      {good + ".", ""},
		"spaces around":                   {" " + good, ""},
		"JSON serialization":              {`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, ""},
		"too long":                        {with("x", strings.Repeat("x", 16<<10)), ""},
		"claims are no object":            {signed(t, jose.ES256, ecKey, "1", []int{1}), ""},
		"empty":                           {"", ""},
		"rubbish":                         {"a.b.c", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verify(tt.token, all, tt.alg)
			if err == nil {
				t.Fatal("accepted")
			}
			var e *oauth.Error
			if !errors.As(err, &e) || e.Code != oauth.InvalidClient || e.Status != 401 {
				t.Errorf("got %v", err)
			}
		})
	}
}

// hs256 signs with what is public.
func hs256(secret []byte, payload string) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + payload
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// TestAssertionNoKey: 7523-04. It is worth asking for new keys when the key ID is
// not known, not when a signature is wrong.
func TestAssertionNoKey(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key  crypto.Signer
		kid  string
		want bool
	}{
		"unknown kid":               {otherKey, "9", true},
		"no kid, unknown key":       {otherKey, "", true},
		"known kid, bad signature":  {otherKey, "0", false},
		"kid of a key of other use": {otherKey, "1", true},
	} {
		err := verify(signed(t, jose.ES256, tt.key, tt.kid, claims(nil)), keySet(t, ecKey.Public(), rsaKey.Public()), "")
		if err == nil || errors.Is(err, oauth.ErrNoKey) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerificationCost: what someone unknown can have verified is bounded: two signatures,
// with the exponents that are in use.
func TestVerificationCost(t *testing.T) {
	t.Parallel()
	second, third := must(rsa.GenerateKey(rand.Reader, 2048)), must(rsa.GenerateKey(rand.Reader, 2048))
	for _, kid := range []string{"", "same"} {
		named := func(k *rsa.PrivateKey) jose.JSONWebKey { return jose.JSONWebKey{Key: k.Public(), KeyID: kid} }
		set := keySet(t, named(rsaKey), named(second), named(third))
		for name, tt := range map[string]struct {
			key *rsa.PrivateKey
			ok  bool
		}{"first": {rsaKey, true}, "second": {second, true}, "third": {third, false}} {
			if err := verify(signed(t, jose.RS256, tt.key, kid, claims(nil)), set, ""); (err == nil) != tt.ok {
				t.Errorf("the %s key, kid %q: %v", name, kid, err)
			}
		}
	}
	for exponent, usable := range map[int]bool{65537: true, 1<<17 - 1: true, 1<<17 + 1: false, 1<<31 - 1: false} {
		_, err := oauth.ParseKeySet(keySet(t, &rsa.PublicKey{N: rsaKey.N, E: exponent}))
		if (err == nil) != usable {
			t.Errorf("exponent %d: %v", exponent, err)
		}
	}
	for bits, usable := range map[uint]bool{4096: true, 4097: false} {
		odd := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits-1), big.NewInt(1))
		_, err := oauth.ParseKeySet(keySet(t, &rsa.PublicKey{N: odd, E: 65537}))
		if (err == nil) != usable {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

func TestParseKeySet(t *testing.T) {
	t.Parallel()
	jwk := func(key jose.JSONWebKey) json.RawMessage { return keySet(t, key) }
	tests := map[string]struct {
		set json.RawMessage
		ok  bool
	}{
		"RSA":                             {keySet(t, rsaKey.Public()), true},
		"P-256":                           {keySet(t, ecKey.Public()), true},
		"Ed25519":                         {keySet(t, edKey.Public()), true},
		"for signatures":                  {jwk(jose.JSONWebKey{Key: ecKey.Public(), Use: "sig", Algorithm: "ES256"}), true},
		"one of use among others":         {json.RawMessage(`{"keys":[{"kty":"XX"},{"kty":"EC","crv":"secp256k1"},` + string(keySet(t, ecKey.Public()))[9:]), true},
		"additional members":              {json.RawMessage(`{"x":1,` + string(keySet(t, ecKey.Public()))[1:]), true},
		"for encryption":                  {jwk(jose.JSONWebKey{Key: ecKey.Public(), Use: "enc"}), false},
		"for another algorithm":           {jwk(jose.JSONWebKey{Key: ecKey.Public(), Algorithm: "RS256"}), false},
		"key_ops without verify":          {json.RawMessage(strings.Replace(string(keySet(t, ecKey.Public())), `"kty"`, `"key_ops":["encrypt"],"kty"`, 1)), false},
		"RSA of 1024 bits":                {keySet(t, rsaSmall.Public()), false},
		"P-384":                           {keySet(t, ec384Key.Public()), false},
		"7523-03 private key":             {keySet(t, ecKey), false},
		"7523-03 private RSA key":         {keySet(t, rsaKey, ecKey.Public()), false},
		"7523-03 private Ed25519 key":     {keySet(t, edKey, ecKey.Public()), false},
		"7523-03 shared key":              {json.RawMessage(`{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`), false},
		"7523-03 shared key among others": {json.RawMessage(`{"keys":[{"kty":"oct","k":"c2VjcmV0"},` + string(keySet(t, ecKey.Public()))[9:]), false},
		"no keys":                         {json.RawMessage(`{"keys":[]}`), false},
		"keys is null":                    {json.RawMessage(`{"keys":null}`), false},
		"no member keys":                  {json.RawMessage(`{}`), false},
		"a key alone":                     {must(json.Marshal(jose.JSONWebKey{Key: ecKey.Public()})), false},
		"keys of another type":            {json.RawMessage(`{"keys":{}}`), false},
		"a key that is no object":         {json.RawMessage(`{"keys":[1]}`), false},
		"a point that is on no curve":     {json.RawMessage(`{"keys":[{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}]}`), false},
		"too many":                        {json.RawMessage(`{"keys":[` + strings.Repeat(`{"kty":"XX"},`, 20) + string(keySet(t, ecKey.Public()))[9:]), false},
		"no JSON":                         {json.RawMessage(`<html>`), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := oauth.ParseKeySet(tt.set)
			if (err == nil) != tt.ok {
				t.Errorf("got %v, want ok %t: %s", err, tt.ok, tt.set)
			}
			if err != nil && codeOf(t, err) != oauth.InvalidClientMetadata {
				t.Errorf("code %s", codeOf(t, err))
			}
		})
	}
}

// FuzzAssertion: nothing but what the key signed is accepted, and nothing panics.
func FuzzAssertion(f *testing.F) {
	good := map[string]bool{}
	for _, token := range []string{
		signed(f, jose.ES256, ecKey, "0", claims(nil)), signed(f, jose.ES256, ecKey, "", claims(map[string]any{"aud": []string{base}})),
	} {
		good[token] = true
		f.Add(token)
	}
	f.Add(signed(f, jose.RS256, rsaKey, "1", claims(map[string]any{"exp": 1e300, "nbf": -1e300})))
	f.Add(hs256([]byte("x"), base64.RawURLEncoding.EncodeToString(must(json.Marshal(claims(nil))))))
	set := keySet(f, ecKey.Public())
	f.Fuzz(func(t *testing.T, token string) {
		err := verify(token, set, "")
		if err == nil && !good[token] {
			// The same signature may be spelled in another way, but for no other claims.
			if parts := strings.Split(token, "."); !isPrefixOfGood(good, parts[0]+"."+parts[1]+".") {
				t.Errorf("accepted %s", token)
			}
		}
	})
}

func isPrefixOfGood(good map[string]bool, prefix string) bool {
	for token := range good {
		if strings.HasPrefix(token, prefix) {
			return true
		}
	}
	return false
}
