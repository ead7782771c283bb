//go:build clients

package clients_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestSnippets: the documented ways to verify an assertion take what mcpkeep signs for this
// upstream, and refuse what it signs for another one and what was changed.
func TestSnippets(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("X-Mcpkeep-Assertion")
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(upstream.Close)
	audience := upstream.URL + "/mcp"
	path := filepath.Join(t.TempDir(), "c.yaml")
	content := `{"mcpServers": {"default": {"url": "` + audience + `"}, "other": {"url": "` + audience + `", "audience": "other"}}}`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Args: []string{"--config", path}})
	signedIn := func(path string) (assertion func() string) {
		c := harness.NewClient(p.URL, nil)
		c.Resource = p.URL + path
		if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
			t.Fatal(err)
		}
		return func() string {
			notify(t, p.URL+path, c.AccessToken)
			return <-seen
		}
	}
	right, elsewhere := signedIn("/mcp"), signedIn("/other/mcp")
	subject := claimsOf(t, right())["sub"].(string)
	assertions := func() []string { // of a minute, in which a loaded machine starts a program
		good := right()
		return []string{good, elsewhere(), changed(t, good), "", good}
	}
	for _, s := range snippets {
		t.Run(s.language, func(t *testing.T) {
			got := s.run(t, p.URL, audience, assertions)
			if diff := cmp.Diff([]string{subject, "refused", "refused", "refused", subject}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// notify sends a notification to an endpoint.
func notify(t *testing.T, url, token string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("%s: %s", url, response.Status)
	}
}

// claimsOf returns the claims of an assertion without verifying them.
func claimsOf(t *testing.T, assertion string) (claims map[string]any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(assertion, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// changed is an assertion of someone else, with the signature of this one.
func changed(t *testing.T, assertion string) string {
	t.Helper()
	claims := claimsOf(t, assertion)
	claims["sub"] = "u_root"
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(assertion, ".")
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
}

// TestSnippetsRefuse: assertions that are forged, expired or meant for others are refused.
func TestSnippetsRefuse(t *testing.T) {
	t.Parallel()
	key, foreign := newKey(t), newKey(t)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		public := jose.JSONWebKey{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	}))
	t.Cleanup(issuer.Close)
	const audience = "tickets"
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	with := func(change map[string]any) map[string]any {
		claims := map[string]any{"iss": issuer.URL, "aud": audience, "sub": "u_1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		maps.Copy(claims, change)
		return claims
	}
	good := with(nil)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k1"}`)) + "."
	cases := []struct{ name, assertion string }{
		{"good", sign(t, jose.ES256, key, "k1", good)},
		{"another audience", sign(t, jose.ES256, key, "k1", with(map[string]any{"aud": "other"}))},
		{"another issuer", sign(t, jose.ES256, key, "k1", with(map[string]any{"iss": "https://other.example"}))},
		{"expired", sign(t, jose.ES256, key, "k1", with(map[string]any{"iat": now.Unix() - 120, "exp": now.Unix() - 60}))},
		{"no expiry", sign(t, jose.ES256, key, "k1", map[string]any{"iss": issuer.URL, "aud": audience, "sub": "u_1", "iat": now.Unix()})},
		{"another key of the same ID", sign(t, jose.ES256, foreign, "k1", good)},
		{"a key that is not published", sign(t, jose.ES256, foreign, "k2", good)},
		{"no signature", none + strings.Split(sign(t, jose.ES256, key, "k1", good), ".")[1] + "."},
		{"the public key as a secret", sign(t, jose.HS256, der, "k1", good)},
		{"changed", changed(t, sign(t, jose.ES256, key, "k1", good))},
		{"no token", "text"},
		{"good again", sign(t, jose.ES256, key, "k1", good)},
	}
	assertions, want := make([]string, len(cases)), make([]string, len(cases))
	for i, c := range cases {
		assertions[i], want[i] = c.assertion, c.name+": refused"
		if strings.HasPrefix(c.name, "good") {
			want[i] = c.name + ": u_1"
		}
	}
	for _, s := range snippets {
		t.Run(s.language, func(t *testing.T) {
			got := s.run(t, issuer.URL, audience, func() []string { return assertions })
			for i := range got {
				got[i] = cases[i].name + ": " + got[i]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign returns an assertion with these claims.
func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", kid))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
