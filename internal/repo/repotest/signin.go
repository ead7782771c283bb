package repotest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Person is who signs in.
var Person = storage.Person{
	Issuer: "https://github.com", Subject: "1001", Login: "octavia", Name: "Octavia Example", Email: "octavia@example.com",
}

// NewTokens makes a pair of tokens.
func NewTokens() storage.NewTokens {
	return storage.NewTokens{
		Access:  storage.NewToken{Value: "mka_" + rand.Text(), ExpiresAt: Now.Add(time.Hour)},
		Refresh: storage.NewToken{Value: "mkr_" + rand.Text(), ExpiresAt: Now.Add(24 * time.Hour)},
	}
}

func challenge() string {
	sum := sha256.Sum256([]byte("verifier"))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ExchangeOf is the exchange of the code that Approve made.
func ExchangeOf(id string) storage.CodeExchange {
	return storage.CodeExchange{
		Code: storage.HashOf("code " + id), ClientID: "client", RedirectURI: "http://127.0.0.1/cb",
		Challenge: challenge(), Next: NewTokens(),
	}
}

// Begin stores a sign-in in progress.
func Begin(t testing.TB, s storage.Store, id string) {
	t.Helper()
	if err := s.CreateClient(t.Context(), storage.Client{ID: "client", CreatedAt: Now}); err != nil && !errors.Is(err, storage.ErrExists) {
		t.Fatal(err)
	}
	err := s.StartAuthorization(t.Context(), storage.Authorization{
		ID: id, Browser: storage.HashOf("browser " + id), StateHash: storage.HashOf("state " + id),
		Request: storage.Request{
			ClientID: "client", RedirectURI: "http://127.0.0.1/cb", State: "client-state-" + id, Scope: "read",
			Resource: "https://keep.example/mcp", CodeChallenge: challenge(),
			Verifier: "provider-verifier-" + id, Nonce: "provider-nonce-" + id,
		},
		CreatedAt: Now, ExpiresAt: Now.Add(15 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// CompletionOf finishes the sign-in that Begin stored.
func CompletionOf(id string) storage.Completion {
	who := Person
	who.Subject += id // a Person has one provider token
	return storage.Completion{
		AuthorizationID: id, Browser: storage.HashOf("browser " + id), Person: who, ProviderToken: []byte("gho_provider-token-" + id),
		GrantID: "grt_" + id, Code: storage.HashOf("code " + id), CodeExpiresAt: Now.Add(time.Minute),
	}
}

// Approve stores the grant "grt_"+id with an unspent code.
func Approve(t testing.TB, s storage.Store, id string) {
	t.Helper()
	Begin(t, s, id)
	if _, err := s.FinishAuthorization(t.Context(), CompletionOf(id), Now); err != nil {
		t.Fatal(err)
	}
}

// Connect is approve with the code redeemed.
func Connect(t testing.TB, s storage.Store, id string) storage.NewTokens {
	t.Helper()
	Approve(t, s, id)
	issued, err := s.ExchangeCode(t.Context(), ExchangeOf(id), Now)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Tokens
}
