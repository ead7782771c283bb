package identity_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
)

const nonce = "n_0123456789"

func alice() oidctest.Claims {
	return oidctest.Claims{
		"sub": "a1", "preferred_username": "alice", "name": "Alice A.", "email": "Alice@Example.com", "email_verified": true,
	}
}

// having returns Alice with other claims; nil removes one.
func having(changes oidctest.Claims) oidctest.Claims {
	c := alice()
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func startOIDC(t *testing.T, p oidctest.Provider, people ...oidctest.Claims) *oidctest.Server {
	t.Helper()
	s := oidctest.New(t, p)
	if len(people) == 0 {
		people = []oidctest.Claims{alice()}
	}
	for _, c := range people {
		s.AddPerson(c)
	}
	s.SignInAs(people[0]["sub"].(string))
	return s
}

// relyingParty is the provider under test for a fake, with the configuration changed.
func relyingParty(t *testing.T, s *oidctest.Server, change func(*identity.OIDCConfig)) *identity.OIDC {
	t.Helper()
	c := identity.OIDCConfig{
		Issuer: s.At, ClientID: s.ClientID, ClientSecret: s.ClientSecret, HTTPClient: s.Client(), Now: s.Now, Timeout: 5 * time.Second,
	}
	if change != nil {
		change(&c)
	}
	o, err := identity.NewOIDC(c)
	if s.At == "https://accounts.google.com" {
		o, err = identity.NewGoogle(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func withGroups(c *identity.OIDCConfig) { c.Groups = true }

func authRequest() identity.AuthRequest {
	return identity.AuthRequest{State: "xyz", Verifier: verifier, Nonce: nonce, RedirectURI: callback}
}

// callbackOf goes through the browser's part of the flow.
func callbackOf(t *testing.T, s *oidctest.Server, o *identity.OIDC) url.Values {
	t.Helper()
	u, err := o.AuthorizeURL(t.Context(), authRequest())
	if err != nil {
		t.Fatal(err)
	}
	q := s.Browse(t, u).Query()
	if q.Get("state") != "xyz" || q.Get("code") == "" {
		t.Fatalf("the browser came back with %v from %s", q, u)
	}
	if err := o.CheckIssuer(t.Context(), q.Get("iss")); err != nil {
		t.Fatal(err)
	}
	return q
}

func exchange(t *testing.T, s *oidctest.Server, o *identity.OIDC) (identity.Person, identity.Token, error) {
	t.Helper()
	return o.Exchange(t.Context(), identity.ExchangeRequest{
		Code: callbackOf(t, s, o).Get("code"), Verifier: verifier, Nonce: nonce, RedirectURI: callback,
	})
}

func oidcSignIn(t *testing.T, s *oidctest.Server, o *identity.OIDC) (identity.Person, identity.Token) {
	t.Helper()
	p, token, err := exchange(t, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return p, token
}

// TestProviders is the matrix: each provider as it is known, from sign-in to a person
// who has left.
func TestProviders(t *testing.T) {
	t.Parallel()
	workspace := having(oidctest.Claims{"hd": "example.com", "preferred_username": nil})
	entra := having(oidctest.Claims{
		"preferred_username": "alice@example.com", "email_verified": nil, "tid": oidctest.EntraTenant, "groups": []string{"9f2c", "0001"},
	})
	path := having(oidctest.Claims{"groups": []string{"/staff", "/staff/admins"}})
	bare := oidctest.Bare()
	bareWithUserInfo := oidctest.Bare()
	bareWithUserInfo.Document["userinfo_endpoint"], bareWithUserInfo.UserInfo = "/userinfo", []string{"*"}
	noRefreshed := oidctest.Panva()
	noRefreshed.NoRefreshIDToken = true
	nothing := oidctest.Plain()
	nothing.NoRefreshIDToken, nothing.Document["userinfo_endpoint"] = true, nil
	elliptic, edwards := oidctest.Plain(), oidctest.Plain()
	elliptic.Algorithm, elliptic.Document["id_token_signing_alg_values_supported"] = "ES256", []string{"none", "HS256", "ES256"}
	edwards.Algorithm, edwards.Document["id_token_signing_alg_values_supported"] = "EdDSA", []string{"EdDSA"}
	signed := oidctest.Panva()
	signed.SignedUserInfo = true
	wordy := having(oidctest.Claims{"email_verified": "true"})
	tests := map[string]struct {
		provider oidctest.Provider
		person   oidctest.Claims
		want     identity.Person // less issuer, name and address
		scope    string
		prompt   string
		chooser  string // prompt when another account is wanted
		refresh  bool
		groups   string // claim; "-" for none
	}{
		"plain": {provider: oidctest.Plain(), want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
		"bare": {provider: bare, want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email", chooser: "login", groups: "-"},
		"bare, with userinfo": {provider: bareWithUserInfo, want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email", chooser: "login", groups: "-"},
		"oidc-provider": {provider: oidctest.Panva(), want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
		"no ID token at refresh": {provider: noRefreshed, want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
		"nothing at refresh": {provider: nothing, want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
		"ES256": {provider: elliptic, want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
		"EdDSA": {provider: edwards, want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
		"signed userinfo": {provider: signed, want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
		"Google": {provider: oidctest.Google(), person: workspace,
			want:  identity.Person{Login: "alice@example.com", EmailVerified: true, HostedDomain: "example.com"},
			scope: "openid profile email", prompt: "consent", chooser: "select_account consent", refresh: true, groups: "-"},
		"Google's domain elsewhere": {provider: oidctest.Plain(), person: having(oidctest.Claims{"hd": "example.com"}),
			want:  identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
		"Entra": {provider: oidctest.Entra(), person: entra,
			want:  identity.Person{Login: "alice@example.com", Groups: []string{"9f2c", "0001"}},
			scope: "openid profile email offline_access", chooser: "select_account", refresh: true},
		"Entra, any tenant": {provider: oidctest.EntraCommon(), person: entra,
			want:  identity.Person{Subject: oidctest.EntraTenant + "/a1", Login: oidctest.EntraTenant + "/a1", Groups: []string{"9f2c", "0001"}},
			scope: "openid profile email offline_access", chooser: "select_account", refresh: true},
		"Okta": {provider: oidctest.Okta(), person: having(oidctest.Claims{"groups": []string{"Everyone"}}),
			want:  identity.Person{Login: "alice", EmailVerified: true, Groups: []string{"Everyone"}},
			scope: "openid profile email groups offline_access", chooser: "login", refresh: true},
		"Auth0": {provider: oidctest.Auth0(),
			person: having(oidctest.Claims{"preferred_username": nil, "nickname": "alice", "https://example.com/groups": []string{"ops"}}),
			want:   identity.Person{Login: "alice@example.com", EmailVerified: true, Groups: []string{"ops"}},
			scope:  "openid profile email offline_access", chooser: "login", refresh: true, groups: "https://example.com/groups"},
		"Keycloak": {provider: oidctest.Keycloak(), person: path,
			want:  identity.Person{Login: "alice", EmailVerified: true, Groups: []string{"staff", "staff/admins"}},
			scope: "openid profile email offline_access", chooser: "login", refresh: true},
		"Keycloak's roles": {provider: oidctest.Keycloak(),
			person: having(oidctest.Claims{"realm_access": map[string]any{"roles": []string{"operator"}}}),
			want:   identity.Person{Login: "alice", EmailVerified: true, Groups: []string{"operator"}},
			scope:  "openid profile email offline_access", chooser: "login", refresh: true, groups: "realm_access.roles"},
		"Zitadel's roles": {provider: oidctest.Plain(),
			person: having(oidctest.Claims{"urn:zitadel:iam:org:project:roles": map[string]any{"operator": map[string]any{"1": "x"}}}),
			want:   identity.Person{Login: "alice", EmailVerified: true, Groups: []string{"operator"}},
			scope:  "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true,
			groups: "urn:zitadel:iam:org:project:roles"},
		"Dex": {provider: oidctest.Dex(), person: having(oidctest.Claims{"groups": []string{"acme:eng"}}),
			want:  identity.Person{Login: "alice", EmailVerified: true, Groups: []string{"acme:eng"}},
			scope: "openid profile email groups offline_access", chooser: "login", refresh: true},
		"Cognito": {provider: oidctest.Cognito(),
			person: having(oidctest.Claims{"preferred_username": nil, "cognito:username": "alice-1", "username": "alice-1", "cognito:groups": []string{"eng"}}),
			want:   identity.Person{Login: "alice-1", EmailVerified: true, Groups: []string{"eng"}},
			scope:  "openid profile email", chooser: "login", refresh: true},
		"verified as a string": {provider: oidctest.Panva(), person: wordy, want: identity.Person{Login: "alice", EmailVerified: true},
			scope: "openid profile email offline_access", prompt: "consent", chooser: "login consent", refresh: true, groups: "-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.provider.Document["userinfo_endpoint"] == nil {
				delete(tt.provider.Document, "userinfo_endpoint")
			}
			if tt.person == nil {
				tt.person = alice()
			}
			s := startOIDC(t, tt.provider, tt.person)
			o := relyingParty(t, s, func(c *identity.OIDCConfig) {
				c.Groups = tt.groups != "-"
				c.GroupsClaim = strings.TrimPrefix(tt.groups, "-")
			})
			tt.want.Issuer, tt.want.Name, tt.want.Email = strings.TrimSuffix(s.Issuer, "/"), "Alice A.", "alice@example.com"
			if !tt.want.EmailVerified {
				tt.want.Email = "Alice@Example.com"
			}
			tt.want.Known = []identity.Fact{identity.FactEmail, identity.FactDomain, identity.FactOrgs, identity.FactTeams}
			if tt.groups != "-" && !tt.want.GroupsUnknown {
				tt.want.Known = append(tt.want.Known, identity.FactGroups)
			}
			if tt.want.Subject == "" {
				tt.want.Subject = "a1"
			}
			p, token := oidcSignIn(t, s, o)
			if p.AuthenticatedAt.IsZero() == (tt.provider.AuthTime == oidctest.AuthTimeAlways) {
				t.Errorf("authenticated at %v", p.AuthenticatedAt)
			}
			p.AuthenticatedAt = time.Time{}
			if diff := cmp.Diff(tt.want, p); diff != "" {
				t.Errorf("person (-want +got):\n%s", diff)
			}
			if p.Issuer != o.Issuer() {
				t.Errorf("issuer %q, the provider's is %q", p.Issuer, o.Issuer())
			}
			asked := s.Asked()
			if asked.Get("scope") != tt.scope || asked.Get("prompt") != tt.prompt || asked.Has("resource") || asked.Has("audience") {
				t.Errorf("asked with scope %q and prompt %q, want %q and %q", asked.Get("scope"), asked.Get("prompt"), tt.scope, tt.prompt)
			}
			if (token.RefreshToken != "") != tt.refresh {
				t.Errorf("a refresh token: %v, want %v", token.RefreshToken != "", tt.refresh)
			}
			wantChooser(t, s, o, tt.chooser)
			wantAuthentication(t, s, o, tt.provider.AuthTime, tt.chooser)
			for range 2 {
				again, next, err := o.Recheck(t.Context(), keptToken(t, token))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, again); diff != "" {
					t.Errorf("person at recheck (-want +got):\n%s", diff)
				}
				if tt.refresh && (next.AccessToken == token.AccessToken || next.RefreshToken == "") || next.Claims == "" {
					t.Error("the token was not renewed")
				}
				token = next
			}
			s.RemovePerson("a1")
			if tt.refresh {
				_, _, err := o.Recheck(t.Context(), token)
				wantError(t, err, identity.ErrRefused, "removed")
			}
		})
	}
}

// wantChooser asks for another account, as far as the provider takes that.
func wantChooser(t *testing.T, s *oidctest.Server, o *identity.OIDC, prompt string) {
	t.Helper()
	r := authRequest()
	r.SelectAccount = true
	u, err := o.AuthorizeURL(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if back := s.Browse(t, u).Query(); back.Get("code") == "" || s.Asked().Get("prompt") != prompt {
		t.Errorf("another account: prompt %q, want %q; %v", s.Asked().Get("prompt"), prompt, back)
	}
}

// wantAuthentication has the person authenticate again, as far as the provider takes that.
func wantAuthentication(t *testing.T, s *oidctest.Server, o *identity.OIDC, says oidctest.AuthTime, prompt string) {
	t.Helper()
	s.Advance(time.Hour)
	began := s.Now().Truncate(time.Second)
	r := authRequest()
	r.Reauthenticate = true
	u, err := o.AuthorizeURL(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	code := s.Browse(t, u).Query().Get("code")
	if asked := s.Asked(); asked.Get("prompt") != prompt || asked.Get("max_age") != "0" {
		t.Errorf("asked with prompt %q and max_age %q", asked.Get("prompt"), asked.Get("max_age"))
	}
	p, _, err := o.Exchange(t.Context(), identity.ExchangeRequest{Code: code, Verifier: verifier, Nonce: nonce, RedirectURI: callback})
	if err != nil || p.AuthenticatedAt.Before(began) != (says == oidctest.NoAuthTime) {
		t.Errorf("authenticated at %v, asked at %v: %v", p.AuthenticatedAt, began, err)
	}
}

// keptToken goes through storage.
func keptToken(t *testing.T, token identity.Token) identity.Token {
	t.Helper()
	b, err := identity.EncodeToken(token)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := identity.DecodeToken(b)
	if err != nil {
		t.Fatal(err)
	}
	if kept != token {
		t.Error("the token came back changed")
	}
	return kept
}

func TestOIDCIsAProviderWithoutMemory(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Panva())
	first, second := relyingParty(t, s, nil), relyingParty(t, s, nil)
	q := callbackOf(t, s, first)
	_, token, err := second.Exchange(t.Context(), identity.ExchangeRequest{Code: q.Get("code"), Verifier: verifier, Nonce: nonce, RedirectURI: callback})
	if err != nil {
		t.Fatal(err)
	}
	third := relyingParty(t, s, nil)
	if p, _, err := third.Recheck(t.Context(), token); err != nil || p.Login != "alice" {
		t.Errorf("a flow begun elsewhere: %v, %v", p, err)
	}
	if third.Name() != "oidc" || third.FormAction() != "http:" || third.Title() != strings.TrimPrefix(s.Issuer, "http://") {
		t.Errorf("%s, %s, %s", third.Name(), third.FormAction(), third.Title())
	}
}

func TestOIDCScopes(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, func(c *identity.OIDCConfig) { c.Scopes = []string{"email", "openid", "api://x/.default"} })
	_, token := oidcSignIn(t, s, o)
	if got := s.Asked().Get("scope"); got != "openid email api://x/.default" || token.RefreshToken != "" {
		t.Errorf("asked for %q", got)
	}
}

func TestOIDCConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []identity.OIDCConfig{
		{Issuer: "https://op.example.com", ClientID: "id"},
		{Issuer: "https://op.example.com", ClientSecret: "hush"},
		{ClientID: "id", ClientSecret: "hush"},
		{Issuer: "op.example.com", ClientID: "id", ClientSecret: "hush"},
		{Issuer: "http://op.example.com", ClientID: "id", ClientSecret: "hush"},
		{Issuer: "https://user:hush@op.example.com", ClientID: "id", ClientSecret: "hush"},
		{Issuer: "https://op.example.com?x=1", ClientID: "id", ClientSecret: "hush"},
	} {
		o, err := identity.NewOIDC(c)
		wantError(t, err, identity.ErrMisconfigured, "")
		if o != nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v", err)
		}
	}
}

func TestOIDCAuthMethods(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		offered  []string
		enforced string
		calls    int // of the token endpoint in two exchanges
		ok       bool
	}{
		"basic by default":          {nil, "client_secret_basic", 2, true},
		"post only":                 {[]string{"client_secret_post"}, "client_secret_post", 2, true},
		"both, basic enforced":      {[]string{"client_secret_post", "client_secret_basic"}, "client_secret_basic", 2, true},
		"both, post enforced":       {[]string{"client_secret_post", "client_secret_basic"}, "client_secret_post", 3, true},
		"neither":                   {[]string{"private_key_jwt"}, "", 0, false},
		"announces what it refuses": {[]string{"client_secret_post"}, "client_secret_basic", 2, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oidctest.Plain()
			p.TokenAuth = tt.enforced
			if tt.offered != nil {
				p.Document["token_endpoint_auth_methods_supported"] = tt.offered
			}
			s := startOIDC(t, p)
			o := relyingParty(t, s, nil)
			for range 2 {
				_, _, err := exchange(t, s, o)
				if tt.ok && err != nil {
					t.Fatal(err)
				}
				if !tt.ok {
					wantError(t, err, identity.ErrMisconfigured, "client")
				}
			}
			if n := s.Calls(oidctest.Token); n != tt.calls {
				t.Errorf("%d requests to the token endpoint, want %d", n, tt.calls)
			}
		})
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		provider oidctest.Provider
		claims   oidctest.Claims
		login    string
		label    string
		verified bool
	}{
		"a name":                           {oidctest.Plain(), nil, "alice", "alice", true},
		"no name":                          {oidctest.Plain(), oidctest.Claims{"preferred_username": nil}, "alice@example.com", "alice@example.com", true},
		"an address as name":               {oidctest.Plain(), oidctest.Claims{"preferred_username": "boss@example.com"}, "alice@example.com", "alice@example.com", true},
		"A14 an address, nothing verified": {oidctest.Plain(), oidctest.Claims{"preferred_username": "boss@example.com", "email_verified": false}, "a1", "Alice@Example.com", false},
		"A14 Unicode's other @":            {oidctest.Plain(), oidctest.Claims{"preferred_username": "boss\uff20example.com", "email_verified": false}, "a1", "Alice@Example.com", false},
		"A14 verified homoglyph @":         {oidctest.Plain(), oidctest.Claims{"email": "alice\uff20example.com"}, "alice", "alice", false},
		"A14 nickname":                     {oidctest.Auth0(), oidctest.Claims{"preferred_username": nil, "nickname": "boss", "email": nil}, "a1", "a1", false},
		"A14 verified is missing":          {oidctest.Plain(), oidctest.Claims{"email_verified": nil}, "alice", "alice", false},
		"A14 verified is nonsense":         {oidctest.Plain(), oidctest.Claims{"email_verified": "yes"}, "alice", "alice", false},
		"Entra, domain owner verified":     {oidctest.Entra(), oidctest.Claims{"preferred_username": "alice@acme.com", "email_verified": nil, "xms_edov": true}, "alice@acme.com", "alice@acme.com", true},
		"Entra, as a string":               {oidctest.Entra(), oidctest.Claims{"preferred_username": "alice@acme.com", "email_verified": nil, "xms_edov": "1"}, "alice@acme.com", "alice@acme.com", true},
		"Entra, email_verified is a lie":   {oidctest.Entra(), oidctest.Claims{"preferred_username": "alice@acme.com"}, "alice@acme.com", "alice@acme.com", false},
		"Entra, any tenant: nOAuth": {oidctest.EntraCommon(), oidctest.Claims{"preferred_username": "boss@acme.com", "tid": oidctest.EntraTenant},
			oidctest.EntraTenant + "/a1", "Alice@Example.com", false},
		"Google, not a Workspace": {oidctest.Google(), oidctest.Claims{"preferred_username": nil}, "a1", "Alice@Example.com", false},
		"Google Mail":             {oidctest.Google(), oidctest.Claims{"preferred_username": nil, "email": "alice@gmail.com"}, "alice@gmail.com", "alice@gmail.com", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startOIDC(t, tt.provider, having(tt.claims))
			p, _ := oidcSignIn(t, s, relyingParty(t, s, nil))
			if p.Login != tt.login || p.EmailVerified != tt.verified || p.Label() != tt.label {
				t.Errorf("login %q, label %q, verified %v; want %q, %q, %v", p.Login, p.Label(), p.EmailVerified, tt.login, tt.label, tt.verified)
			}
		})
	}
}

// TestGroupOverage: Entra names the place to ask instead of more than 200 groups.
func TestGroupOverage(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Entra(), having(oidctest.Claims{
		"_claim_names":   map[string]any{"groups": "src1"},
		"_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.example.com/getMemberObjects"}},
	}))
	o := relyingParty(t, s, withGroups)
	p, token := oidcSignIn(t, s, o)
	again, _, err := o.Recheck(t.Context(), token)
	if err != nil || !p.GroupsUnknown || !again.GroupsUnknown {
		t.Fatalf("%v, groups unknown: %v and %v", err, p.GroupsUnknown, again.GroupsUnknown)
	}
	wantError(t, identity.Policy{Groups: []string{"9f2c"}}.Check(p), identity.ErrRefused, "too many groups")
	if err := (identity.Policy{Groups: []string{"9f2c"}, Users: []string{"alice"}}).Check(p); err != nil {
		t.Errorf("listed by name: %v", err)
	}
}

func TestOIDCSecrecy(t *testing.T) {
	t.Parallel()
	s := startOIDC(t, oidctest.Plain())
	o := relyingParty(t, s, nil)
	_, token := oidcSignIn(t, s, o)
	var refusal *identity.RefusedError
	_, _, err := o.Recheck(t.Context(), identity.Token{Issuer: "https://other.example.com", AccessToken: token.AccessToken})
	if !errors.As(err, &refusal) {
		t.Errorf("another provider's token: %v", err)
	}
}
