package repo_test

import (
	"context"
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
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	processes  = 4
	perProcess = 16
)

// playMany opens the store at the URL args[0] with the key args[1] and runs f
// many times concurrently; it prints what each run returned.
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
		_, err := s.ExchangeCode(ctx, repotest.ExchangeOf("raced"), repotest.Now)
		return outcome(err)
	})
}

// playRotate refreshes with the token args[2].
func playRotate(args []string) (string, error) {
	return playMany(args, func(ctx context.Context, s storage.Store) string {
		issued, err := s.RotateRefreshToken(ctx, storage.RefreshRotation{
			Token: storage.HashOf(args[2]), ClientID: "client", Grace: time.Minute, Next: repotest.NewTokens(),
		}, repotest.Now)
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

func TestProcessesExchangeOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		repotest.Approve(t, repotest.Open(t, dbtest.Open(t, url), key), "raced")
		got := repotest.Tally(dbtest.Spawn(t, processes, "exchange", url, key))
		if got["ok"] != 1 || got["spent"] != processes*perProcess-1 {
			t.Errorf("outcomes %v, want one ok and the rest spent", got)
		}
	})
}

func TestProcessesRotateOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		s := repotest.Open(t, dbtest.Open(t, url), key)
		old := repotest.Connect(t, s, "raced").Refresh.Value
		got := repotest.Tally(dbtest.Spawn(t, processes, "rotate", url, key, old))
		again, err := s.RotateRefreshToken(t.Context(), storage.RefreshRotation{
			Token: storage.HashOf(old), ClientID: "client", Grace: time.Minute, Next: repotest.NewTokens(),
		}, repotest.Now)
		if err != nil {
			t.Fatal(err)
		}
		successor := again.Tokens.Refresh.Value
		first, repeats := got["ok "+successor+" false"], got["ok "+successor+" true"]
		if first != 1 || repeats != processes*perProcess-1 {
			t.Errorf("outcomes %v, want one rotation and repeats with its successor", got)
		}
		live := dbtest.Value[int64](t, dbtest.SQL(t, url), "SELECT COUNT(*) FROM mcpkeep_refresh_tokens WHERE spent_at IS NULL")
		if live != 1 {
			t.Errorf("%d live refresh tokens, want one", live)
		}
	})
}
