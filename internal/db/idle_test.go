package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// TestIdleTransactionEnded: a transaction that the server ended because this process
// paused is run again.
func TestIdleTransactionEnded(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	d := dbtest.Open(t, dbtest.WithQuery(t, admin, "idle_in_transaction_session_timeout", "100"))
	runs := 0
	err := d.InTx(t.Context(), func(q db.Querier) error {
		runs++
		err := q.CreateClient(t.Context(), sqlitedb.CreateClientParams{Key: "k", Value: []byte(`{}`)})
		if runs == 1 {
			time.Sleep(500 * time.Millisecond)
			_, err = q.CountClients(t.Context())
		}
		return err
	})
	if err != nil || runs != 2 || countClients(t, dbtest.SQL(t, admin)) != 1 {
		t.Errorf("%v after %d runs, want success after two", err, runs)
	}
}

// TestTransactionTimeout: one that lasts too long for the server (PostgreSQL 17) is not a
// defect.
func TestTransactionTimeout(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	if dbtest.Value[int64](t, dbtest.SQL(t, admin), "SELECT current_setting('server_version_num')::bigint") < 170000 {
		t.Skip("the server has no transaction_timeout")
	}
	d := dbtest.Open(t, dbtest.WithQuery(t, admin, "transaction_timeout", "100"))
	err := d.InTx(t.Context(), func(q db.Querier) error {
		time.Sleep(500 * time.Millisecond)
		_, err := q.CountClients(t.Context())
		return err
	})
	wantKind(t, d, err, db.Unavailable)
}

// TestStatementCanceled: by an administrator, or by a timeout of the role.
func TestStatementCanceled(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	d := dbtest.Open(t, dbtest.WithQuery(t, admin, "lock_timeout", "100"))
	conn := dbtest.SQL(t, admin)
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE oauth_clients"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, d, write(t.Context(), d, "waits"), db.Unavailable)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wantKind(t, d, write(ctx, d, "waits"), db.Unavailable)
	if err := errors.Join(tx.Rollback(), write(t.Context(), d, "free")); err != nil {
		t.Error(err)
	}
}
