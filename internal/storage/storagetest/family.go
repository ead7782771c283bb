package storagetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Lifetimes of what the cases make.
const (
	codeLife    = time.Minute
	signInLife  = 15 * time.Minute
	accessLife  = time.Hour
	refreshLife = 90 * 24 * time.Hour
	grace       = 2 * time.Minute
)

const (
	redirectURI = "http://127.0.0.1:33418/callback"
	anyPortURI  = "http://127.0.0.1/callback" // as grants keep it
	resource    = "https://keep.example/mcp"
	fullScope   = "read write"
)

var alice = storage.Person{
	Issuer: "https://github.com", Subject: "1001", Login: "alice", Name: "Alice Example", Email: "alice@example.com",
	Groups: []string{"staff", "acme/core"},
}

var bob = storage.Person{Issuer: "https://github.com", Subject: "1002", Login: "bob"}

// challenge is the S256 challenge of the verifier of this name.
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// family is a grant with the secrets that were handed out for it.
type family struct {
	client, grant, browser, code string
	tokens                       storage.NewTokens
}

func (f family) access() storage.Hash { return storage.HashOf(f.tokens.Access.Value) }

func (f family) refresh() storage.Hash { return storage.HashOf(f.tokens.Refresh.Value) }

// newTokens makes a pair of tokens.
func newTokens(now time.Time) storage.NewTokens {
	return storage.NewTokens{
		Access:  storage.NewToken{Value: "mka_" + rand.Text(), ExpiresAt: now.Add(accessLife)},
		Refresh: storage.NewToken{Value: "mkr_" + rand.Text(), ExpiresAt: now.Add(refreshLife)},
	}
}

// authorization is a sign-in in flight, bound to the browser of its id.
func authorization(id, client string, now time.Time) storage.Authorization {
	return storage.Authorization{
		ID: id, Browser: storage.HashOf("browser " + id), StateHash: storage.HashOf("state " + id),
		Request: storage.Request{
			ClientID: client, RedirectURI: redirectURI, State: "client state", Scope: fullScope,
			Resource: resource, CodeChallenge: challenge(id), Verifier: "provider verifier", Nonce: "nonce",
		},
		CreatedAt: now, ExpiresAt: now.Add(signInLife),
	}
}

// completion approves the sign-in of this id by person.
func completion(id string, person storage.Person, now time.Time) storage.Completion {
	return storage.Completion{
		AuthorizationID: id, Browser: storage.HashOf("browser " + id), Person: person,
		ProviderToken: []byte("provider token of " + id), GrantID: "grt_" + id,
		Code: storage.HashOf("code " + id), CodeExpiresAt: now.Add(codeLife),
	}
}

// approve signs person in with a client; the family has a code and no tokens.
func (s *suite) approve(id, client string, person storage.Person, now time.Time) family {
	s.Helper()
	s.ok(s.StartAuthorization(s.ctx(), authorization(id, client, now)))
	_, err := s.FinishAuthorization(s.ctx(), completion(id, person, now), now)
	s.ok(err)
	return family{client: client, grant: "grt_" + id, browser: "browser " + id, code: "code " + id}
}

// exchange is the right request to redeem the family's code.
func (f family) exchange(now time.Time) storage.CodeExchange {
	return storage.CodeExchange{
		Code: storage.HashOf(f.code), ClientID: f.client, RedirectURI: redirectURI,
		Challenge: challenge(f.grant[len("grt_"):]), Next: newTokens(now),
	}
}

// connect is approve with the code redeemed.
func (s *suite) connect(id, client string, person storage.Person, now time.Time) family {
	s.Helper()
	f := s.approve(id, client, person, now)
	issued, err := s.ExchangeCode(s.ctx(), f.exchange(now), now)
	s.ok(err)
	f.tokens = issued.Tokens
	return f
}

// rotation is the request to refresh with the family's token.
func (f family) rotation(now time.Time) storage.RefreshRotation {
	return storage.RefreshRotation{Token: f.refresh(), ClientID: f.client, Grace: grace, Next: newTokens(now)}
}

// rotate refreshes and returns the family with its new tokens.
func (s *suite) rotate(f family, now time.Time) family {
	s.Helper()
	issued, err := s.RotateRefreshToken(s.ctx(), f.rotation(now), now)
	s.ok(err)
	f.tokens = issued.Tokens
	return f
}

// use records the first use of the family's tokens.
func (s *suite) use(f family, now time.Time) {
	s.Helper()
	s.ok(s.UseTokens(s.ctx(), f.refresh(), now))
}

// alive checks that both tokens of each family are valid, changing nothing.
func (s *suite) alive(now time.Time, families ...family) {
	s.Helper()
	for _, f := range families {
		if _, err := s.Access(s.ctx(), f.access(), now); err != nil {
			s.Errorf("access token of %s: %v, want it valid", f.grant, err)
		}
		if _, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, now); err != nil {
			s.Errorf("refresh token of %s: %v, want it valid", f.grant, err)
		}
	}
}

// dead checks that neither token of each family is valid.
func (s *suite) dead(now time.Time, families ...family) {
	s.Helper()
	for _, f := range families {
		_, err := s.Access(s.ctx(), f.access(), now)
		s.refused("access token of "+f.grant, err, storage.ErrNotFound)
		_, _, err = s.RefreshGrant(s.ctx(), f.refresh(), f.client, now)
		s.refused("refresh token of "+f.grant, err, storage.ErrNotFound)
		_, err = s.RotateRefreshToken(s.ctx(), f.rotation(now), now)
		s.refused("rotation by "+f.grant, err, storage.ErrNotFound)
	}
}

// userID is the id under which the family's person is on record.
func (s *suite) userID(f family, now time.Time) string {
	s.Helper()
	access, err := s.Access(s.ctx(), f.access(), now)
	s.ok(err)
	return access.User.ID
}
