package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// terminate kills every connection to the database but its own.
const terminate = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid()`

// Connections that died while idle are replaced without anyone noticing,
// whatever is the first thing to be done.
func TestTerminatedConnectionsRecover(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	d, killer := dbtest.Open(t, url), dbtest.SQL(t, url)
	recovers(t, d, func() {
		if n := dbtest.Value[int64](t, killer, terminate); n < 2 {
			t.Fatalf("terminated %d connections, want several", n)
		}
	})
}

// The same without a last word of the server, as when a machine between the two goes.
func TestLostConnectionsRecover(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*pgtest.Proxy){"cut": (*pgtest.Proxy).Cut, "half closed": (*pgtest.Proxy).HalfClose} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, url := pgtest.NewProxy(t, dbtest.Postgres().URL(t))
			recovers(t, dbtest.Open(t, url), func() { lose(proxy) })
		})
	}
}

// recovers uses a database after all connections of its pool were lost.
func recovers(t *testing.T, d *db.DB, lose func()) {
	t.Helper()
	for name, use := range map[string]func(context.Context) error{
		"row":     func(ctx context.Context) error { _, err := d.Read().CountClients(ctx); return err },
		"list":    func(ctx context.Context) error { _, err := d.Read().ListActiveEncryptionKeys(ctx); return err },
		"version": func(ctx context.Context) error { _, err := d.Version(ctx); return err },
		"ping":    d.Ping,
		"transaction": func(ctx context.Context) error {
			return d.InTx(ctx, func(q db.Querier) error { _, err := q.CountClients(ctx); return err })
		},
		"no row": func(ctx context.Context) error {
			_, err := d.Read().GetClient(ctx, "none")
			if d.Classify(err) != db.NoRows {
				return fmt.Errorf("%w, want no rows", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				occupy(t, d, use)
				lose()
				for i := range 12 { // more than the pool holds
					if err := use(t.Context()); err != nil {
						t.Fatalf("use %d after the connections died: %v", i, err)
					}
				}
			}
		})
	}
}

// occupy opens several connections of the pool and prepares the statements of
// use on them.
func occupy(t *testing.T, d *db.DB, use func(context.Context) error) {
	t.Helper()
	const conns = 4
	var wg sync.WaitGroup
	var all sync.WaitGroup
	all.Add(conns)
	for range conns {
		wg.Go(func() {
			err := d.InTx(t.Context(), func(db.Querier) error {
				all.Done()
				all.Wait() // each holds a connection
				return nil
			})
			for range conns {
				err = errors.Join(err, use(t.Context()))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A connection that dies inside a transaction loses the transaction as a whole.
func TestTerminatedTransactionChangesNothing(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	d, killer := dbtest.Open(t, url), dbtest.SQL(t, url)
	err := d.InTx(t.Context(), func(q db.Querier) error {
		err := q.CreateClient(t.Context(), sqlitedb.CreateClientParams{Key: "lost", Value: []byte(`{}`)})
		if err != nil {
			return err
		}
		dbtest.Value[int64](t, killer, terminate)
		return nil
	})
	wantKind(t, d, err, db.Unavailable)
	if n := countClients(t, killer); n != 0 {
		t.Errorf("%d rows of a transaction that failed", n)
	}
	if err := write(t.Context(), d, "next"); err != nil {
		t.Errorf("the next transaction: %v", err)
	}
}
