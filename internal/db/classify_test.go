package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// write tries to store a client.
func write(ctx context.Context, d *db.DB, key string) error {
	return d.InTx(ctx, func(q db.Querier) error {
		return q.CreateClient(ctx, sqlitedb.CreateClientParams{Key: key, Value: []byte(`{}`)})
	})
}

func wantKind(t *testing.T, d *db.DB, err error, want db.Kind) {
	t.Helper()
	if got := d.Classify(err); err == nil || got != want {
		t.Errorf("%v has kind %d, want %d", err, got, want)
	}
	if got := d.Classify(fmt.Errorf("wrapped: %w", err)); err != nil && got != want {
		t.Errorf("wrapped, %v has kind %d, want %d", err, got, want)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		d := dbtest.Open(t, url)
		fill(t, dbtest.SQL(t, url))
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		inTx := func(f func(ctx context.Context, q db.Querier) error) error {
			return d.InTx(t.Context(), func(q db.Querier) error { return f(t.Context(), q) })
		}
		tests := map[string]struct {
			err  error
			want db.Kind
		}{
			"no rows": {inTx(func(ctx context.Context, q db.Querier) error {
				_, err := q.GetClient(ctx, "none")
				return err
			}), db.NoRows},
			"primary key": {write(t.Context(), d, "mcp-oauth-proxy-clients:c"), db.Unique},
			"unique": {inTx(func(ctx context.Context, q db.Querier) error {
				for _, id := range []string{"one", "two"} {
					err := q.CreateAuthorization(ctx, sqlitedb.CreateAuthorizationParams{
						ID: id, BrowserHash: hash43, StateHash: &hash43, RequestKeyID: "k",
					})
					if err != nil {
						return err
					}
				}
				return nil
			}), db.Unique},
			"foreign key": {inTx(func(ctx context.Context, q db.Querier) error {
				return q.CreateCode(ctx, sqlitedb.CreateCodeParams{
					CodeHash: strings.Repeat("x", 43), GrantID: "none", CodeChallenge: hash43,
				})
			}), db.ForeignKey},
			"check": {inTx(func(ctx context.Context, q db.Querier) error {
				return q.CreateCode(ctx, sqlitedb.CreateCodeParams{CodeHash: "short", GrantID: "g", CodeChallenge: hash43})
			}), db.Other},
			"canceled":      {write(canceled, d, "canceled"), db.Unavailable},
			"own error":     {inTx(func(context.Context, db.Querier) error { return errors.New("own") }), db.Other},
			"closed handle": {sql.ErrConnDone, db.Unavailable},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) { wantKind(t, d, tt.err, tt.want) })
		}
		if got := d.Classify(nil); got != db.Other {
			t.Errorf("nil has kind %d, want Other", got)
		}
	})
}

func TestClassifyAfterClose(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d, err := db.Open(t.Context(), e.URL(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(write(t.Context(), d, "before"), d.Close()); err != nil {
			t.Fatal(err)
		}
		wantKind(t, d, write(t.Context(), d, "after"), db.Unavailable)
	})
}

// A key that any row still needs cannot be retired.
func TestKeyInUseIsNotRetired(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
		fill(t, conn)
		retire := func() (n int64, err error) {
			err = d.InTx(t.Context(), func(q db.Querier) error {
				n, err = q.RetireEncryptionKey(t.Context(), sqlitedb.RetireEncryptionKeyParams{Now: 5, ID: "k"})
				return err
			})
			return n, err
		}
		_, err := retire()
		wantKind(t, d, err, db.ForeignKey)
		for _, table := range []string{"mcpkeep_refused_accounts", "mcpkeep_personal_tokens", "mcpkeep_grants", "mcpkeep_authorizations", "mcpkeep_browser_sessions", "mcpkeep_users", "mcpkeep_tls", "mcpkeep_signing_keys"} {
			if _, err := retire(); err == nil {
				t.Errorf("retired before %s was emptied", table)
			}
			dbtest.Exec(t, conn, "DELETE FROM "+table)
		}
		if n, err := retire(); n != 1 || err != nil {
			t.Errorf("retire a key that nothing needs = %d, %v", n, err)
		}
		key, err := d.Read().GetEncryptionKey(t.Context(), "k")
		if err != nil || key.ActiveID != nil || key.RetiredAt == nil {
			t.Errorf("retired key = %+v, %v", key, err)
		}
	})
}

// Every column that names a key refers to the keys, so that none can be
// forgotten when a key is retired.
func TestEveryKeyColumnRefersToTheKeys(t *testing.T) {
	t.Parallel()
	conn := dbtest.SQL(t, dbtest.SQLite().URL(t))
	checked := 0
	for _, table := range dbtest.Tables(t, conn) {
		columns := dbtest.Rows(t, conn, "SELECT name FROM pragma_table_info($1) WHERE name LIKE '%\\_key\\_id' ESCAPE '\\'", table)
		for _, column := range columns {
			n := dbtest.Value[int64](t, conn, `SELECT COUNT(*) FROM pragma_foreign_key_list($1)
				WHERE "table" = 'mcpkeep_encryption_keys' AND "from" = $2 AND "to" = 'active_id'`, table, column[0])
			if n != 1 {
				t.Errorf("%s.%s does not refer to mcpkeep_encryption_keys.active_id", table, column[0])
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("no column names a key")
	}
}

// Not by the file's mode, which does not bind root.
func TestSQLiteReadOnly(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.SQLite().URL(t))
	err := d.Read().CreateClient(t.Context(), sqlitedb.CreateClientParams{Key: "k", Value: []byte(`{}`)})
	wantKind(t, d, err, db.Unavailable)
	if n, err := d.Read().CountClients(t.Context()); n != 0 || err != nil {
		t.Errorf("CountClients = %d, %v", n, err)
	}
}

func TestSQLiteLockedByAnother(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.SQLite().URL(t)
	d := dbtest.Open(t, databaseURL)
	other := dbtest.SQL(t, databaseURL)
	tx, err := other.BeginTx(t.Context(), nil) // takes the write lock immediately
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	wantKind(t, d, write(ctx, d, "waits"), db.Unavailable)
	wantKind(t, d, writeWithoutWaiting(t, databaseURL), db.Unavailable)
	if _, err := d.Read().CountClients(t.Context()); err != nil {
		t.Errorf("reading while another writes: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), d, "free"); err != nil {
		t.Errorf("after the lock: %v", err)
	}
}

// writeWithoutWaiting returns SQLite's own answer to a locked database.
func writeWithoutWaiting(t *testing.T, databaseURL string) error {
	t.Helper()
	path, _ := db.IsSQLite(databaseURL)
	conn, err := sql.Open("sqlite", "file:"+url.PathEscape(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.ExecContext(t.Context(), "DELETE FROM oauth_clients WHERE key = 'none'")
	return err
}

func TestPostgresStopped(t *testing.T) {
	t.Parallel()
	// Durable, so that nothing that was acknowledged is lost with the server.
	cluster := pgtest.NewCluster(t,
		pgtest.Setting("fsync", "on"), pgtest.Setting("synchronous_commit", "on"), pgtest.Setting("full_page_writes", "on"))
	d := dbtest.Open(t, cluster.DSN())
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, immediate := range []bool{false, true} {
		if err := write(t.Context(), d, fmt.Sprintf("before %t", immediate)); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Stop(immediate); err != nil {
			t.Fatal(err)
		}
		for range 3 { // whatever state each connection of the pool is in
			_, err := d.Read().CountClients(t.Context())
			wantKind(t, d, err, db.Unavailable)
			_, err = d.Read().ListActiveEncryptionKeys(t.Context())
			wantKind(t, d, err, db.Unavailable)
			_, err = d.Version(t.Context())
			wantKind(t, d, err, db.Unavailable)
			wantKind(t, d, d.Ping(t.Context()), db.Unavailable)
			wantKind(t, d, write(t.Context(), d, "away"), db.Unavailable)
		}
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
		if err := write(t.Context(), d, fmt.Sprintf("after %t", immediate)); err != nil {
			t.Errorf("after the restart: %v", err)
		}
	}
	if n := countClients(t, dbtest.SQL(t, cluster.DSN())); n != 4 {
		t.Errorf("%d rows, want the four that were acknowledged", n)
	}
}
