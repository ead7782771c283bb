package repo_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	processes  = 4
	perProcess = 16
)

var person = storage.Person{
	Issuer: "https://github.com", Subject: "1001", Login: "octavia", Name: "Octavia Example", Email: "octavia@example.com",
}

// newTokens makes a pair of tokens.
func newTokens() storage.NewTokens {
	return storage.NewTokens{
		Access:  storage.NewToken{Value: "mka_" + rand.Text(), ExpiresAt: now.Add(time.Hour)},
		Refresh: storage.NewToken{Value: "mkr_" + rand.Text(), ExpiresAt: now.Add(24 * time.Hour)},
	}
}

func challenge() string {
	sum := sha256.Sum256([]byte("verifier"))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func exchangeOf(id string) storage.CodeExchange {
	return storage.CodeExchange{
		Code: storage.HashOf("code " + id), ClientID: "client", RedirectURI: "http://127.0.0.1/cb",
		Challenge: challenge(), Next: newTokens(),
	}
}

// approve stores the grant "grt_"+id with an unspent code.
func approve(t testing.TB, s storage.Store, id string) {
	t.Helper()
	browser, who := storage.HashOf("browser "+id), person
	who.Subject += id // a person has one provider token
	err := s.StartAuthorization(t.Context(), storage.Authorization{
		ID: id, Browser: browser, StateHash: storage.HashOf("state " + id),
		Request: storage.Request{
			ClientID: "client", RedirectURI: "http://127.0.0.1/cb", State: "client-state-" + id, Scope: "read",
			Resource: "https://keep.example/mcp", CodeChallenge: challenge(),
			Verifier: "provider-verifier-" + id, Nonce: "provider-nonce-" + id,
		},
		CreatedAt: now, ExpiresAt: now.Add(15 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.FinishAuthorization(t.Context(), storage.Completion{
		AuthorizationID: id, Browser: browser, Person: who, ProviderToken: []byte("gho_provider-token-" + id),
		GrantID: "grt_" + id, Code: storage.HashOf("code " + id), CodeExpiresAt: now.Add(time.Minute),
	}, now)
	if err != nil {
		t.Fatal(err)
	}
}

// connect is approve with the code redeemed.
func connect(t testing.TB, s storage.Store, id string) storage.NewTokens {
	t.Helper()
	approve(t, s, id)
	issued, err := s.ExchangeCode(t.Context(), exchangeOf(id), now)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Tokens
}

// playMany opens the store at the URL args[0] with the key args[1] and runs f
// many times at once; it prints what each run returned.
func playMany(args []string, f func(ctx context.Context, s storage.Store) string) (_ string, err error) {
	ctx := context.Background()
	d, err := db.Open(ctx, args[0])
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	keys, err := keyring.Parse(args[1])
	if err != nil {
		return "", err
	}
	s := repo.New(d, keys)
	results := make([]string, perProcess)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = f(ctx, s) })
	}
	wg.Wait()
	return strings.Join(results, "\n"), nil
}

// playExchange redeems the code "raced".
func playExchange(args []string) (string, error) {
	return playMany(args, func(ctx context.Context, s storage.Store) string {
		_, err := s.ExchangeCode(ctx, exchangeOf("raced"), now)
		return outcome(err)
	})
}

// playRotate refreshes with the token args[2].
func playRotate(args []string) (string, error) {
	return playMany(args, func(ctx context.Context, s storage.Store) string {
		issued, err := s.RotateRefreshToken(ctx, storage.RefreshRotation{
			Token: storage.HashOf(args[2]), ClientID: "client", Grace: time.Minute, Next: newTokens(),
		}, now)
		return fmt.Sprintf("%s %s %t", outcome(err), issued.Tokens.Refresh.Value, issued.Repeated)
	})
}

// outcome names a sentinel; anything else is printed in full.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, storage.ErrSpent):
		return "spent"
	}
	return "error: " + err.Error()
}

// tally counts equal lines of all outputs.
func tally(outputs []string) map[string]int {
	counts := map[string]int{}
	for _, out := range outputs {
		for line := range strings.SplitSeq(out, "\n") {
			counts[line]++
		}
	}
	return counts
}

func TestProcessesExchangeOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		approve(t, newRepo(t, dbtest.Open(t, url), key), "raced")
		got := tally(dbtest.Spawn(t, processes, "exchange", url, key))
		if got["ok"] != 1 || got["spent"] != processes*perProcess-1 {
			t.Errorf("outcomes %v, want one ok and the rest spent", got)
		}
	})
}

func TestProcessesRotateOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		s := newRepo(t, dbtest.Open(t, url), key)
		old := connect(t, s, "raced").Refresh.Value
		got := tally(dbtest.Spawn(t, processes, "rotate", url, key, old))
		again, err := s.RotateRefreshToken(t.Context(), storage.RefreshRotation{
			Token: storage.HashOf(old), ClientID: "client", Grace: time.Minute, Next: newTokens(),
		}, now)
		if err != nil {
			t.Fatal(err)
		}
		successor := again.Tokens.Refresh.Value
		first, repeats := got["ok "+successor+" false"], got["ok "+successor+" true"]
		if first != 1 || repeats != processes*perProcess-1 {
			t.Errorf("outcomes %v, want one rotation and repeats with its successor", got)
		}
		live := dbtest.Value[int64](t, dbtest.SQL(t, url), "SELECT COUNT(*) FROM oauth_refresh_tokens WHERE spent_at IS NULL")
		if live != 1 {
			t.Errorf("%d live refresh tokens, want one", live)
		}
	})
}
