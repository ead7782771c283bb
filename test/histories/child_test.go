//go:build chaos

package histories_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/histories"
)

// What a child process is told by its environment.
const (
	envURL   = "MCPKEEP_HISTORY_URL"
	envKey   = "MCPKEEP_HISTORY_KEY"
	envFault = "MCPKEEP_HISTORY_FAULT"
)

// setUp is the step before a history: a client and a sign-in in progress.
const setUp histories.Kind = "set up"

func TestMain(m *testing.M) {
	if url := os.Getenv(envURL); url != "" {
		if err := serve(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	harness.Main(m)
}

// message is a numbered call, and then its result.
type message struct {
	ID     int              `json:"id"`
	Op     histories.Op     `json:"op"`
	Result histories.Result `json:"result"`
}

// serve is a process that takes calls from standard input, all concurrently.
func serve(url string) error {
	ctx := context.Background()
	d, err := db.Open(ctx, url)
	if err != nil {
		return err
	}
	keys, err := keyring.Parse(os.Getenv(envKey))
	if err != nil {
		return err
	}
	store := faulty(repo.New(d, keys), os.Getenv(envFault))
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return err
		}
		go func() {
			m.Result = perform(ctx, store, m.Op)
			mu.Lock()
			defer mu.Unlock()
			_ = out.Encode(m) // without its parent the process has nothing to say
		}()
	}
	return nil
}

// The times of all calls: an early repeat is within the window of every first use.
const (
	window   = 2 * time.Minute
	lifetime = 20 * time.Hour
)

var start = time.Unix(1_800_000_000, 0).UTC()

// perform makes a call.
func perform(ctx context.Context, s storage.Store, op histories.Op) histories.Result {
	client, id, now := fmt.Sprint("client-", op.Family), fmt.Sprint(op.Family), start
	if op.Late {
		now = start.Add(time.Hour)
	}
	refresh := storage.HashOf("mkr_" + op.Token)
	switch op.Kind {
	case setUp:
		return resultOf(prepare(ctx, s, client, id))
	case histories.Finish:
		_, err := s.FinishAuthorization(ctx, storage.Completion{
			AuthorizationID: id, Browser: storage.HashOf("browser of " + id), Person: storage.Person{Issuer: "https://id.example", Subject: id},
			GrantID: "gr_" + id, Code: storage.HashOf("code " + id), CodeExpiresAt: start.Add(lifetime),
		}, start)
		return resultOf(err)
	case histories.Exchange:
		issued, err := s.ExchangeCode(ctx, storage.CodeExchange{
			Code: storage.HashOf("code " + id), ClientID: client, Challenge: challenge(id), Next: tokens(op.Offer),
		}, start)
		return issuedOf(issued, err)
	case histories.Rotate:
		issued, err := s.RotateRefreshToken(ctx, storage.RefreshRotation{
			Token: refresh, ClientID: client, Grace: window, Next: tokens(op.Offer),
		}, now)
		return issuedOf(issued, err)
	case histories.Use:
		return resultOf(s.UseTokens(ctx, refresh, now))
	case histories.Access:
		access, err := s.Access(ctx, storage.HashOf("mka_"+op.Token), now)
		r := resultOf(err)
		r.Unused = access.Unused != ""
		return r
	case histories.RevokeGrant:
		return resultOf(s.RevokeGrant(ctx, "gr_"+id, now))
	case histories.RevokeToken:
		return resultOf(s.RevokeToken(ctx, refresh, client, now))
	case histories.Delete:
		return resultOf(s.DeleteClient(ctx, client, now))
	}
	return histories.Result{Err: "no such step"}
}

func prepare(ctx context.Context, s storage.Store, client, id string) error {
	err := s.CreateClient(ctx, storage.Client{ID: client, Client: metadata.Client{Name: "Client", RedirectURIs: []string{"https://app.example/cb"}, AuthMethod: "none"}})
	if err != nil && !errors.Is(err, storage.ErrExists) {
		return err
	}
	err = s.RestoreAuthorization(ctx, storage.Authorization{
		ID: id, Browser: storage.HashOf("browser of " + id), CreatedAt: start, ExpiresAt: start.Add(lifetime),
		Request: storage.Request{ClientID: client, RedirectURI: "https://app.example/cb", Scope: "mcp", Resource: "https://keep.example/mcp", CodeChallenge: challenge(id)},
	})
	if errors.Is(err, storage.ErrExists) {
		return nil // a call whose answer was lost
	}
	return err
}

func challenge(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func tokens(name string) storage.NewTokens {
	return storage.NewTokens{
		Access:  storage.NewToken{Value: "mka_" + name, ExpiresAt: start.Add(lifetime)},
		Refresh: storage.NewToken{Value: "mkr_" + name, ExpiresAt: start.Add(lifetime)},
	}
}

func resultOf(err error) histories.Result {
	switch {
	case err == nil:
		return histories.Result{}
	case errors.Is(err, storage.ErrUnavailable):
		return histories.Result{Unknown: true}
	case errors.Is(err, storage.ErrNotFound):
		return histories.Result{Err: histories.NotFound}
	case errors.Is(err, storage.ErrNoClient):
		return histories.Result{Err: histories.Gone}
	case errors.Is(err, storage.ErrSpent):
		return histories.Result{Err: histories.Spent}
	}
	return histories.Result{Err: err.Error()}
}

func issuedOf(issued storage.Issued, err error) histories.Result {
	r := resultOf(err)
	if err == nil {
		r.Token, r.Repeated = issued.Tokens.Refresh.Value[len("mkr_"):], issued.Repeated
	}
	return r
}

// faultyStore has a fault that the checker has to find.
type faultyStore struct {
	storage.Store
	name string
	seen sync.Map // answers of Access by token
}

// The faults, one each for what a store may get wrong.
const (
	staleFault     = "stale"     // an access token is remembered forever
	lostFault      = "lost"      // a revocation is acknowledged and not done
	forgottenFault = "forgotten" // so is a first use
)

func faulty(s storage.Store, name string) storage.Store {
	if name == "" {
		return s
	}
	return &faultyStore{Store: s, name: name}
}

func (f *faultyStore) Access(ctx context.Context, token storage.Hash, now time.Time) (storage.Access, error) {
	if known, ok := f.seen.Load(token); ok && f.name == staleFault {
		return known.(storage.Access), nil
	}
	access, err := f.Store.Access(ctx, token, now)
	if err == nil {
		f.seen.Store(token, access)
	}
	return access, err
}

func (f *faultyStore) RevokeGrant(ctx context.Context, id string, now time.Time) error {
	if f.name == lostFault {
		return nil
	}
	return f.Store.RevokeGrant(ctx, id, now)
}

func (f *faultyStore) UseTokens(ctx context.Context, refresh storage.Hash, now time.Time) error {
	if f.name == forgottenFault {
		return nil
	}
	return f.Store.UseTokens(ctx, refresh, now)
}
