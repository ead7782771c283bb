package repo_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// preparation returns a step, and prepares it.
type preparation = func(t *testing.T, r *repo.Repo, id string) func() error

// steps burn something of the client's or the user's.
var steps = map[string]preparation{
	"finish": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Begin(t, r, id)
		return func() error {
			_, err := r.FinishAuthorization(t.Context(), repotest.CompletionOf(id), repotest.Now)
			return err
		}
	},
	"deny": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Begin(t, r, id)
		return func() error {
			_, err := r.DenyAuthorization(t.Context(), id, storage.HashOf("browser "+id), repotest.Now)
			return err
		}
	},
	"exchange": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Approve(t, r, id)
		return func() error {
			issued, err := r.ExchangeCode(t.Context(), repotest.ExchangeOf(id), repotest.Now)
			return errors.Join(err, accepted(t, r, issued))
		}
	},
	"refresh": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		token := storage.HashOf(repotest.Connect(t, r, id).Refresh.Value)
		return func() error {
			issued, err := r.RotateRefreshToken(t.Context(),
				storage.RefreshRotation{Token: token, ClientID: "client", Next: repotest.NewTokens()}, repotest.Now)
			return errors.Join(err, accepted(t, r, issued))
		}
	},
	"revoke": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Approve(t, r, id)
		return func() error { return r.RevokeGrant(t.Context(), "grt_"+id, repotest.Now) }
	},
}

// accepted checks that the tokens that were issued are good.
func accepted(t *testing.T, r *repo.Repo, issued storage.Issued) error {
	t.Helper()
	if issued.Repeated {
		return errors.New("another one's tokens")
	}
	_, access := r.Access(t.Context(), storage.HashOf(issued.Tokens.Access.Value), repotest.Now)
	_, _, refresh := r.RefreshGrant(t.Context(), storage.HashOf(issued.Tokens.Refresh.Value), "client", repotest.Now)
	return errors.Join(access, refresh)
}

// TestLostCommit: when the connection dies during the commit, a step that was done is
// done, and one that was not is done again: the caller notices nothing, and there is one
// event.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	loseCommits(t, steps, 1)
}

// TestLostCommitWithoutEvent: the same for steps that leave no event.
func TestLostCommitWithoutEvent(t *testing.T) {
	t.Parallel()
	loseCommits(t, quietSteps, 0)
}

// loseCommits loses commits of each step, before and after it happened.
func loseCommits(t *testing.T, steps map[string]preparation, events int64) {
	t.Helper()
	admin := dbtest.Postgres().URL(t)
	proxy, through := pgtest.NewProxy(t, admin)
	d, conn := dbtest.Open(t, through), dbtest.SQL(t, admin)
	r := repotest.Open(t, d, keyring.Generate())
	for name, prepare := range steps {
		for when, cut := range map[string]func(int64){"after": proxy.CutAfterCommit, "before": proxy.CutBeforeCommit} {
			id := name + "-" + when
			t.Run(id, func(t *testing.T) {
				step := prepare(t, r, id)
				before, cuts := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_events"), proxy.CutCommits()
				cut(1)
				if err := step(); err != nil {
					t.Error(err)
				}
				if n := proxy.CutCommits() - cuts; n != 1 {
					t.Errorf("%d commits were cut", n)
				}
				if n := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_events") - before; n != events {
					t.Errorf("%d events, want %d", n, events)
				}
			})
		}
	}
}

// TestLostCommitUnreachable: as long as the result cannot be looked up, the step is
// unavailable, and not for long; a repeated refresh then gets the same tokens.
func TestLostCommitUnreachable(t *testing.T) {
	t.Parallel()
	proxy, through := pgtest.NewProxy(t, dbtest.Postgres().URL(t))
	r := repotest.Open(t, dbtest.Open(t, through), keyring.Generate())
	rotation := storage.RefreshRotation{
		Token: storage.HashOf(repotest.Connect(t, r, "a").Refresh.Value), ClientID: "client", Grace: time.Minute, Next: repotest.NewTokens(),
	}
	proxy.CutAfterCommit(1)
	cuts := proxy.CutCommits()
	var refusing sync.WaitGroup
	refusing.Go(func() {
		for proxy.CutCommits() == cuts {
			time.Sleep(time.Millisecond)
		}
		proxy.Refuse()
	})
	began := time.Now()
	_, err := r.RotateRefreshToken(t.Context(), rotation, repotest.Now)
	if took := time.Since(began); !errors.Is(err, storage.ErrUnavailable) || took > 10*time.Second {
		t.Errorf("%v after %v, want ErrUnavailable", err, took)
	}
	refusing.Wait()
	proxy.Heal()
	first := rotation.Next
	rotation.Next = repotest.NewTokens()
	issued, err := r.RotateRefreshToken(t.Context(), rotation, repotest.Now)
	if err != nil || issued.Tokens.Refresh.Value != first.Refresh.Value {
		t.Error(fmt.Errorf("the repeat: %w, want the same tokens", err))
	}
}
