package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

func TestInTxRollsBack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
		own := errors.New("own")
		err := d.InTx(t.Context(), func(q db.Querier) error {
			err := q.CreateClient(t.Context(), sqlitedb.CreateClientParams{Key: "k", Value: []byte(`{}`)})
			return errors.Join(err, own)
		})
		if !errors.Is(err, own) {
			t.Errorf("InTx = %v, want the function's error", err)
		}
		if n := countClients(t, conn); n != 0 {
			t.Errorf("%d rows after a rollback", n)
		}
	})
}

// Two transactions that lock two rows in opposite orders: the one that the
// server sacrifices runs again, and both succeed.
func TestInTxRunsAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
	fill(t, conn)
	dbtest.Exec(t, conn, `INSERT INTO mcpkeep_grants
		(id, user_id, client_id, scope, resource, provider_checked_at, created_at, last_used_at)
		VALUES ('g2', 'u', 'c', '', 'r', 1, 1, 1)`)
	var both, wg sync.WaitGroup
	both.Add(2)
	errs := make([]error, 2)
	runs := make([]int, 2)
	for i, order := range [][2]string{{"g", "g2"}, {"g2", "g"}} {
		wg.Go(func() {
			errs[i] = d.InTx(t.Context(), func(q db.Querier) error {
				runs[i]++
				if _, err := q.TouchGrant(t.Context(), sqlitedb.TouchGrantParams{Now: 7, ID: order[0]}); err != nil {
					return err
				}
				if runs[i] == 1 {
					both.Done()
					both.Wait()
				}
				_, err := q.TouchGrant(t.Context(), sqlitedb.TouchGrantParams{Now: 7, ID: order[1]})
				return err
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("InTx: %v", err)
	}
	if runs[0]+runs[1] < 3 {
		t.Errorf("the functions ran %v times, want one of them again", runs)
	}
}

func TestInTxRunsAgainAfterASerializationFailure(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres().Open(t)
	conflict := &pgconn.PgError{Code: "40001"}
	for _, tt := range []struct{ failures, runs int }{{0, 1}, {1, 2}, {4, 5}, {5, 5}, {100, 5}} {
		t.Run(fmt.Sprint(tt.failures), func(t *testing.T) {
			runs := 0
			err := d.InTx(t.Context(), func(db.Querier) error {
				if runs++; runs <= tt.failures {
					return fmt.Errorf("wrapped: %w", conflict)
				}
				return nil
			})
			if runs != tt.runs {
				t.Errorf("ran %d times, want %d", runs, tt.runs)
			}
			if failed := tt.failures >= tt.runs; failed != (d.Classify(err) == db.Conflict) {
				t.Errorf("InTx = %v, want a conflict: %t", err, failed)
			}
		})
	}
}

func TestInTxDoesNotRunAgainAfterOtherErrors(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d := e.Open(t)
		runs := 0
		err := d.InTx(t.Context(), func(q db.Querier) error {
			runs++
			_, err := q.GetClient(t.Context(), "none")
			return err
		})
		if runs != 1 || d.Classify(err) != db.NoRows {
			t.Errorf("ran %d times, %v, want once and no rows", runs, err)
		}
	})
}

// Many concurrent writers wait for each other instead of failing, also when they
// read before they write, which SQLite refuses to a deferred transaction.
func TestWritersWait(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		handles := []*db.DB{dbtest.Open(t, url), dbtest.Open(t, url)}
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				if err := readThenWrite(t.Context(), handles[i%2], fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := countClients(t, dbtest.SQL(t, url)); n != 32 {
			t.Errorf("%d rows, want 32", n)
		}
	})
}

func readThenWrite(ctx context.Context, d *db.DB, key string) error {
	return d.InTx(ctx, func(q db.Querier) error {
		if _, err := q.CountClients(ctx); err != nil {
			return err
		}
		return q.CreateClient(ctx, sqlitedb.CreateClientParams{Key: key, Value: []byte(`{}`)})
	})
}
