package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// signer is a client's key.
type signer struct {
	key *ecdsa.PrivateKey
	kid string
}

func newSigner(t testing.TB, kid string) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, kid}
}

// set is the public key set.
func (k signer) set() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.key.Public(), KeyID: k.kid, Use: "sig", Algorithm: "ES256"}}}
}

// assert makes the parameters of private_key_jwt, with changes of the claims.
func (k signer) assert(t testing.TB, c *client, changes ...map[string]any) url.Values {
	t.Helper()
	now := c.s.clock.Now()
	claims := map[string]any{
		"iss": c.id, "sub": c.id, "aud": c.s.config.BaseURL, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	for _, change := range changes {
		maps.Copy(claims, change)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.key}, (&jose.SignerOptions{}).WithHeader("kid", k.kid))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signature.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"client_assertion": {token}, "client_assertion_type": {assertionType}}
}

// TestPrivateKeyJWT: 7523-01, C-04. A client authenticates by its key, however that
// is known, at all endpoints.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), publishing(fetchtest.New(t)))
		key := newSigner(t, "one")
		s.publisher.PublishJSON("/jwks", key.set(), nil)
		byKey := map[string]any{"token_endpoint_auth_method": "private_key_jwt"}
		inline, atURL := map[string]any{"jwks": key.set()}, map[string]any{"jwks_uri": s.publisher.URL + "/jwks"}
		for name, c := range map[string]*client{
			"registered, keys inside":   s.register(byKey, inline),
			"registered, keys at a URL": s.register(byKey, atURL),
			"document, keys inside":     s.published("/inside", byKey, inline),
			"document, keys at a URL":   s.published("/url", byKey, atURL),
			"document, ChatGPT's way": s.published("/chatgpt", byKey, atURL, map[string]any{
				"token_endpoint_auth_methods_supported": []string{"none", "private_key_jwt"}, "token_endpoint_auth_signing_alg": "ES256",
			}),
		} {
			t.Run(name, func(t *testing.T) {
				got := tokensOf(t, c.exchange(c.code("mcp"), key.assert(t, c)))
				got = tokensOf(t, c.refresh(got.refresh, key.assert(t, c), url.Values{"client_id": nil})) // RFC 7521: sub says it
				got = tokensOf(t, c.refresh(got.refresh, key.assert(t, c, map[string]any{"aud": base + "/token"})))
				a := c.introspect(got.access, key.assert(t, c))
				if a.Status != http.StatusOK || !strings.Contains(a.Body, `"active":true`) {
					t.Errorf("introspection: %d %s", a.Status, a.Body)
				}
				s.form("/revoke", changed(c.refreshForm("x"), key.assert(t, c), url.Values{"token": {got.refresh}})).want(t, http.StatusOK, "")
				s.wantAccess(t, got.access, false)
			})
		}
		if n := s.publisher.Requests("/jwks"); n != 3 {
			t.Errorf("keys fetched %d times, want once for each client", n)
		}
	})
}

// TestPrivateKeyJWTRefused: 7523-01, 7523-03, 7523-05, B13, 6749-13. Every endpoint
// refuses alike, and nothing is spent or issued.
func TestPrivateKeyJWTRefused(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	key, other := newSigner(t, "one"), newSigner(t, "one")
	byKey := map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": key.set()}
	c, another := s.register(byKey), s.register(byKey)
	public, secret := s.register(), s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"})
	document := s.published("/c.json", byKey)
	with := func(c *client, changes map[string]any) url.Values { return key.assert(t, c, changes) }
	plus := func(v url.Values, name, value string) url.Values { return changed(v, url.Values{name: {value}}) }
	const refused, malformed = "invalid_client", "invalid_request"
	tests := map[string]struct {
		c      *client
		values url.Values
		header header
		code   string
	}{
		"B13 no authentication":             {c, nil, nil, refused},
		"B13 a secret instead":              {c, url.Values{"client_secret": {"x"}}, nil, refused},
		"B13 Basic instead":                 {c, url.Values{"client_id": nil}, basic(c.id, "x"), refused},
		"B13 Basic without secret":          {c, url.Values{"client_id": nil}, basic(c.id, ""), refused},
		"B13 a document's client, none":     {document, nil, nil, refused},
		"7523-05 with a secret":             {c, plus(with(c, nil), "client_secret", "x"), nil, malformed},
		"7523-05 with Basic":                {c, with(c, nil), basic(c.id, "x"), malformed},
		"7523-01 no type":                   {c, plus(with(c, nil), "client_assertion_type", ""), nil, refused},
		"7523-01 another type":              {c, plus(with(c, nil), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), nil, refused},
		"7523-01 type in upper case":        {c, plus(with(c, nil), "client_assertion_type", strings.ToUpper(assertionType)), nil, refused},
		"7523-01 type alone":                {c, url.Values{"client_assertion_type": {assertionType}}, nil, malformed},
		"7523-01 no JWT":                    {c, plus(with(c, nil), "client_assertion", "x.y.z"), nil, refused},
		"7523-01 another client's":          {c, with(another, nil), nil, refused},
		"7523-01 another client's, unnamed": {c, plus(with(another, map[string]any{"sub": c.id}), "client_id", ""), nil, refused},
		"7523-01 foreign audience":          {c, with(c, map[string]any{"aud": "https://other.example"}), nil, refused},
		"7523-01 one audience more":         {c, with(c, map[string]any{"aud": []string{base, "https://other.example"}}), nil, refused},
		"7523-01 expired":                   {c, with(c, map[string]any{"exp": s.clock.Now().Add(-2 * time.Minute).Unix()}), nil, refused},
		"7523-01 far ahead":                 {c, with(c, map[string]any{"exp": s.clock.Now().Add(time.Hour).Unix()}), nil, refused},
		"7523-02 no jti":                    {c, with(c, map[string]any{"jti": ""}), nil, refused},
		"7523-03 another key":               {c, other.assert(t, c), nil, refused},
		"7523-03 a document's, another key": {document, other.assert(t, document), nil, refused},
		"a public client has no key":        {public, with(public, nil), nil, refused},
		"a client with a secret has no key": {secret, changed(with(secret, nil), url.Values{"client_secret": nil}), nil, refused},
		"unknown client":                    {&client{s: s, id: "c_unknown", redirect: loopbackRedirect}, nil, nil, refused},
		"assertion of an unknown client":    {&client{s: s, id: "c_unknown", redirect: loopbackRedirect}, with(&client{s: s, id: "c_unknown"}, nil), nil, refused},
		"id that no database could look up": {&client{s: s, id: "", redirect: loopbackRedirect}, with(&client{s: s, id: "a\x00b"}, nil), nil, refused},
		"assertion twice":                   {c, url.Values{"client_assertion": {"a", "b"}, "client_assertion_type": {assertionType}}, nil, malformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for path, form := range map[string]url.Values{
				"/token":      tt.c.refreshForm("unknown"),
				"/revoke":     changed(tt.c.refreshForm("x"), url.Values{"token": {"unknown"}}),
				"/introspect": changed(tt.c.refreshForm("x"), url.Values{"token": {"unknown"}}),
			} {
				status := http.StatusUnauthorized
				if tt.code == malformed {
					status = http.StatusBadRequest
				}
				a := s.form(path, changed(form, tt.values), tt.header)
				a.want(t, status, tt.code)
				if strings.Contains(a.Body, "eyJ") {
					t.Errorf("%s: the answer echoes the assertion: %s", path, a.Body)
				}
			}
		})
	}
	if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_client_assertions"); n != 0 {
		t.Errorf("%d assertions were spent", n)
	}
}

// TestAssertionReplay: 7523-02, 9700-15. An assertion is good once, at whichever endpoint
// and replica: of 64 concurrent ones one wins, and no one gets a 5xx.
func TestAssertionReplay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		key := newSigner(t, "one")
		c := s.register(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": key.set()})
		replicas := []*site{s, s.replica(func(*server.Config) {}), s.replica(func(*server.Config) {})}
		once := key.assert(t, c)
		form := changed(c.refreshForm("x"), once, url.Values{"token": {"unknown"}})
		var wg sync.WaitGroup
		var mu sync.Mutex
		statuses := map[int]int{}
		for i := range 48 { // fewer than the events that are recorded in a minute
			wg.Go(func() {
				a := replicas[i%3].form("/revoke", form)
				mu.Lock()
				defer mu.Unlock()
				statuses[a.Status]++
			})
		}
		wg.Wait()
		if statuses[http.StatusOK] != 1 || statuses[http.StatusUnauthorized] != 47 {
			t.Errorf("answers %v, want one 200 and 47 times 401", statuses)
		}
		c.refresh("unknown", once).want(t, http.StatusUnauthorized, "invalid_client")
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_events WHERE type = 'assertion_reuse'"); n != 48 {
			t.Errorf("%d events of it, want 48", n)
		}
		// The same id of another client is another one.
		jti := map[string]any{"jti": "the same"}
		d := s.register(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": key.set()})
		c.refresh("unknown", key.assert(t, c, jti)).want(t, http.StatusBadRequest, "invalid_grant")
		d.refresh("unknown", key.assert(t, d, jti)).want(t, http.StatusBadRequest, "invalid_grant")
		// It stays spent until it has expired, clocks that differ included.
		s.clock.advance(5*time.Minute + 59*time.Second)
		c.refresh("unknown", once).want(t, http.StatusUnauthorized, "invalid_client")
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_events WHERE type = 'assertion_reuse'"); n != 49 {
			t.Errorf("%d events of it, want 49", n)
		}
	})
}

// TestKeyRollover: 7523-04. A new key is found at the client's URL immediately; made-up
// key ids cause one request in half a minute.
func TestKeyRollover(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	first, second := newSigner(t, "one"), newSigner(t, "two")
	s.publisher.PublishJSON("/jwks", first.set(), nil)
	c := s.published("/c.json", map[string]any{
		"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": s.publisher.URL + "/jwks",
	})
	got := tokensOf(t, c.exchange(c.code("mcp"), first.assert(t, c)))
	s.publisher.PublishJSON("/jwks", second.set(), nil)
	s.clock.advance(time.Minute)
	got = tokensOf(t, c.refresh(got.refresh, second.assert(t, c)))
	if n := s.publisher.Requests("/jwks"); n != 2 {
		t.Errorf("keys fetched %d times, want 2", n)
	}
	for i := range 50 {
		made := newSigner(t, "made-up")
		if i%2 == 0 {
			made.kid = rand.Text()
		}
		c.refresh(got.refresh, made.assert(t, c)).want(t, http.StatusUnauthorized, "invalid_client")
	}
	if n := s.publisher.Requests("/jwks"); n != 2 {
		t.Errorf("E4: keys fetched %d times, want 2", n)
	}
	c.refresh(got.refresh, first.assert(t, c)).want(t, http.StatusUnauthorized, "invalid_client") // the old key is gone
	tokensOf(t, c.refresh(got.refresh, second.assert(t, c)))
}

// TestKeysAway: 7523-04, CIMD-09. Keys that cannot be fetched are no reason to refuse a
// client: it comes again. Known ones continue.
func TestKeysAway(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	key := newSigner(t, "one")
	s.publisher.PublishJSON("/jwks", key.set(), nil)
	c := s.published("/c.json", map[string]any{
		"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": s.publisher.URL + "/jwks",
	})
	code := c.code("mcp")
	s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
	s.publisher.Fail(fetchtest.Down)
	a := c.exchange(code, key.assert(t, c))
	a.want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.publisher.Fail(nil)
	s.clock.advance(31 * time.Second)
	got := tokensOf(t, c.exchange(code, key.assert(t, c)))
	s.publisher.Fail(fetchtest.Down)
	for range 30 {
		s.clock.advance(23 * time.Hour)
		got = tokensOf(t, c.refresh(got.refresh, key.assert(t, c)))
	}
}

// TestRegisteredKeys: 7591-02, 7592-02. Keys are registered, read back and replaced.
func TestRegisteredKeys(t *testing.T) {
	t.Parallel()
	s := start(t)
	first, second := newSigner(t, "one"), newSigner(t, "two")
	body := func(members map[string]any) string {
		all := map[string]any{"redirect_uris": []string{loopbackRedirect}, "token_endpoint_auth_method": "private_key_jwt"}
		maps.Copy(all, members)
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	a := s.do(http.MethodPost, "/register", body(map[string]any{"jwks": first.set(), "token_endpoint_auth_signing_alg": "ES256"}), asJSON)
	var got struct {
		ID     string             `json:"client_id"`
		Secret string             `json:"client_secret"`
		Method string             `json:"token_endpoint_auth_method"`
		Alg    string             `json:"token_endpoint_auth_signing_alg"`
		Keys   jose.JSONWebKeySet `json:"jwks"`
		Token  string             `json:"registration_access_token"`
	}
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("%v: %d %s", err, a.Status, a.Body)
	}
	if got.Secret != "" || got.Method != "private_key_jwt" || got.Alg != "ES256" || len(got.Keys.Key("one")) != 1 {
		t.Errorf("%s", a.Body)
	}
	c := &client{s: s, id: got.ID, redirect: loopbackRedirect, verifier: oauth.NewVerifier()}
	c.refresh("unknown", first.assert(t, c)).want(t, http.StatusBadRequest, "invalid_grant")
	manage := header{"Authorization": "Bearer " + got.Token, "Content-Type": "application/json"}
	if a := s.do(http.MethodGet, "/register/"+c.id, "", manage); !strings.Contains(a.Body, `"kid":"one"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	a = s.do(http.MethodPut, "/register/"+c.id, body(map[string]any{"client_id": c.id, "jwks": second.set()}), manage)
	if a.Status != http.StatusOK || !strings.Contains(a.Body, `"kid":"two"`) || strings.Contains(a.Body, "signing_alg") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	c.refresh("unknown", first.assert(t, c)).want(t, http.StatusUnauthorized, "invalid_client")
	c.refresh("unknown", second.assert(t, c)).want(t, http.StatusBadRequest, "invalid_grant")
}
