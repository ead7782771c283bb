package repo_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// severalGrants are steps that change several grants.
var severalGrants = map[string]func(ctx context.Context, r *repo.Repo, userID string) error{
	"delete a client": func(ctx context.Context, r *repo.Repo, _ string) error {
		return r.DeleteClient(ctx, "client", repotest.Now)
	},
	"revoke those of a client": func(ctx context.Context, r *repo.Repo, _ string) error {
		_, err := r.RevokeGrants(ctx, storage.GrantFilter{ClientID: "client"}, 10, repotest.Now)
		return err
	},
	"revoke those of a user": func(ctx context.Context, r *repo.Repo, userID string) error {
		_, err := r.RevokeGrants(ctx, storage.GrantFilter{UserID: userID}, 10, repotest.Now)
		return err
	},
	"disable a user": func(ctx context.Context, r *repo.Repo, userID string) error {
		_, err := r.DisableUser(ctx, userID, repotest.Now)
		return err
	},
	"sign in": func(ctx context.Context, r *repo.Repo, _ string) error {
		_, err := r.FinishAuthorization(ctx, ofOne("next"), repotest.Now)
		return err
	},
}

// ofOne is a completion of always the same person.
func ofOne(id string) storage.Completion {
	c := repotest.CompletionOf(id)
	c.Person = repotest.Person
	return c
}

// TestGrantsAreLockedInOrder: a step that changes several grants locks them in the order of
// their IDs, so that it holds none that comes after one it waits for.
func TestGrantsAreLockedInOrder(t *testing.T) {
	t.Parallel()
	for name, step := range severalGrants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.Postgres().URL(t)
			r, conn := repotest.Open(t, dbtest.Open(t, url), keyring.Generate()), dbtest.SQL(t, url)
			for _, id := range []string{"first", "second"} {
				repotest.Begin(t, r, id)
				if _, err := r.FinishAuthorization(t.Context(), ofOne(id), repotest.Now); err != nil {
					t.Fatal(err)
				}
			}
			repotest.Begin(t, r, "next")
			// The first row moves behind the second, in the table and in the index by time.
			dbtest.Exec(t, conn, `UPDATE mcpkeep_grants g SET created_at = g.created_at + 1, provider_token = s.provider_token, provider_token_key_id = s.provider_token_key_id
				FROM mcpkeep_grants s WHERE g.id = 'grt_first' AND s.id = 'grt_second'`)
			userID := dbtest.Value[string](t, conn, "SELECT user_id FROM mcpkeep_grants WHERE id = 'grt_first'")

			held := lockGrant(t, conn, "grt_first")
			done := make(chan error, 1)
			go func() { done <- step(t.Context(), r, userID) }()
			const waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
			for end := time.Now().Add(time.Minute); dbtest.Value[int64](t, conn, waiting) == 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the step does not wait for the first grant")
				}
			}
			release(t, lockGrant(t, conn, "grt_second"))
			release(t, held)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// lockGrant locks a grant's row, or fails the test if that is locked.
func lockGrant(t *testing.T, conn *sql.DB, id string) *sql.Tx {
	t.Helper()
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "SELECT id FROM mcpkeep_grants WHERE id = $1 FOR UPDATE NOWAIT", id); err != nil {
		t.Errorf("%s: %v", id, err)
	}
	return tx
}

func release(t *testing.T, tx *sql.Tx) {
	t.Helper()
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
}
