//go:build attack

package attack_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// bulk is a piece of metadata that makes a registration as large as any that is kept.
var bulk = strings.Repeat("a", 1500)

// registrations is the largest kind.
var registrations = kind{"registrations", func(ctx context.Context, server string, i int64) (*http.Request, error) {
	return post(ctx, server+"/register", "application/json", fmt.Sprintf(
		`{"redirect_uris":["https://a.example/%d/%s","https://a.example/x/%s"],"token_endpoint_auth_method":"none"}`, i, bulk, bulk))
}}

const assertionsKind = "assertions"

// kinds are the requests of the floods, with what they need at a server.
func kinds(t *testing.T, p *harness.Process) []kind {
	t.Helper()
	c := harness.NewClient(p.URL, nil)
	if err := c.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := c.AuthorizeURL()
	return []kind{
		registrations,
		{"pages", func(ctx context.Context, _ string, _ int64) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, page, http.NoBody)
		}},
		{"refreshes", func(ctx context.Context, server string, i int64) (*http.Request, error) {
			return form(ctx, server+"/token", url.Values{"client_id": {c.ID}, "grant_type": {"refresh_token"}, "refresh_token": {fmt.Sprint(i)}})
		}},
		{"unknown clients", func(ctx context.Context, server string, i int64) (*http.Request, error) {
			return form(ctx, server+"/token", url.Values{"client_id": {fmt.Sprint("c_", i)}, "client_secret": {"x"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}})
		}},
		assertions(t, p),
		{"access tokens", func(ctx context.Context, server string, _ int64) (*http.Request, error) {
			req, err := post(ctx, server+"/mcp", "application/json", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
			if err == nil {
				req.Header.Set("Authorization", "Bearer "+oauth.NewAccessToken())
			}
			return req, err
		}},
	}
}

// assertions are signed by none of the client's keys, which are as many and as large as it
// may register, and name none of them.
func assertions(t *testing.T, p *harness.Process) kind {
	t.Helper()
	set := jose.JSONWebKeySet{}
	for _, key := range rsaKeys()[1:] {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), Use: "sig", Algorithm: "RS256"})
	}
	id := register(t, p, map[string]any{
		"redirect_uris": []string{"https://a.example/cb"}, "token_endpoint_auth_method": "private_key_jwt", "jwks": set,
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
	return kind{assertionsKind, func(ctx context.Context, server string, _ int64) (*http.Request, error) {
		return form(ctx, server+"/token", url.Values{
			"client_assertion": {token}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"grant_type": {"refresh_token"}, "refresh_token": {"x"},
		})
	}}
}

// rsaKeys are a foreign key and those of a client.
var rsaKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	const bits, many = 4096, 5
	keys := make([]*rsa.PrivateKey, many)
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, bits); err != nil {
			panic(err) // the system's random numbers do not fail
		}
	}
	return keys
})

// register registers a client and returns its ID.
func register(t *testing.T, p *harness.Process, metadata map[string]any) string {
	t.Helper()
	return registered(t, p, metadata).ID
}

// registration is what a client learns of its registration.
type registration struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

func registered(t *testing.T, p *harness.Process, metadata map[string]any) (answer registration) {
	t.Helper()
	body, err := json.Marshal(metadata)
	if err != nil {
		t.Fatal(err)
	}
	req, err := post(t.Context(), p.URL+"/register", "application/json", string(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	if err := json.Unmarshal(text, &answer); err != nil || answer.ID == "" {
		t.Fatalf("register: %d %s", res.StatusCode, text)
	}
	return answer
}
