//go:build chaos && !race

package chaos_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// amount is how much is in a database before the keys are changed.
type amount struct {
	clients int
	people  int // a profile each
	grants  int // a provider's token each
	tokens  int // a spent refresh token with its successor each
}

func (a amount) values() int { return a.clients + a.people + a.grants + a.tokens }

// filler makes rows as the program does, but in bulk.
type filler struct {
	t    *testing.T
	copy func(table string, columns []string, rows int, row func(i int) []any)
	keys *keyring.Keyring
	now  time.Time
}

// fillSealed fills a database that a server with this key has prepared.
func fillSealed(t *testing.T, database, key string, a amount) {
	t.Helper()
	keys, err := keyring.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	f := filler{t: t, copy: copyTo(t, database), keys: keys, now: time.Now()}
	began, id, unix := time.Now(), keys.Primary(), f.now.Unix()
	f.copy("oauth_clients", []string{"key", "value", "value_key_id"}, a.clients, func(i int) []any {
		client := fmt.Sprintf("c_bulk%d", i)
		return []any{fastmcp.ClientKey(client), f.client(client), id}
	})
	f.copy("mcpkeep_users", []string{"id", "issuer", "subject", "profile", "profile_key_id", "created_at"}, a.people, func(i int) []any {
		user := fmt.Sprintf("usr_bulk%d", i)
		return []any{user, "https://bulk.example", user, f.seal("mcpkeep_users/profile/"+user, `{"login":"`+user+`"}`), id, unix}
	})
	f.copy("mcpkeep_grants", []string{
		"id", "user_id", "client_id", "scope", "resource", "provider_token", "provider_token_key_id",
		"provider_checked_at", "created_at", "last_used_at",
	}, a.grants, func(i int) []any {
		grant := fmt.Sprintf("grt_bulk%d", i)
		return []any{
			grant, fmt.Sprintf("usr_bulk%d", i%a.people), fmt.Sprintf("c_bulk%d", i), "mcp", "https://keep.example/mcp",
			f.seal("mcpkeep_grants/provider_token/"+grant, `{"access_token":"gho_`+rand.Text()+`"}`), id, unix, unix, unix,
		}
	})
	f.copy("mcpkeep_refresh_tokens", []string{
		"token_hash", "grant_id", "created_at", "expires_at", "spent_at", "successor_hash", "successor", "successor_key_id",
	}, a.tokens, func(i int) []any {
		token := string(storage.HashOf(rand.Text()))
		return []any{
			token, fmt.Sprintf("grt_bulk%d", i), unix, f.now.Add(24 * time.Hour).Unix(), unix, string(storage.HashOf(rand.Text())),
			f.seal("mcpkeep_refresh_tokens/successor/"+token, `{"refresh_token":"`+rand.Text()+`"}`), id,
		}
	})
	t.Logf("made %d sealed values in %v", a.values(), time.Since(began).Round(time.Millisecond))
}

// copyTo returns a function that stores rows in bulk.
func copyTo(t *testing.T, database string) func(table string, columns []string, rows int, row func(i int) []any) {
	t.Helper()
	if _, ok := strings.CutPrefix(database, "sqlite:"); ok {
		return insertInto(t, openSQL(t, database))
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return func(table string, columns []string, rows int, row func(i int) []any) {
		source := pgx.CopyFromSlice(rows, func(i int) ([]any, error) { return row(i), nil })
		if n, err := conn.CopyFrom(t.Context(), pgx.Identifier{table}, columns, source); err != nil || n != int64(rows) {
			t.Fatalf("%s: %d rows, %v", table, n, err)
		}
	}
}

// insertInto stores rows in one transaction.
func insertInto(t *testing.T, conn *sql.DB) func(table string, columns []string, rows int, row func(i int) []any) {
	t.Helper()
	return func(table string, columns []string, rows int, row func(i int) []any) {
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		insert, err := tx.PrepareContext(t.Context(), "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES (?"+
			strings.Repeat(", ?", len(columns)-1)+")")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = insert.Close() }()
		for i := range rows {
			if _, err := insert.ExecContext(t.Context(), row(i)...); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

func (f filler) seal(place, plaintext string) string {
	f.t.Helper()
	sealed, err := f.keys.Seal(place, []byte(plaintext))
	if err != nil {
		f.t.Fatal(err)
	}
	return sealed.Token
}

func (f filler) client(id string) []byte {
	f.t.Helper()
	plaintext, err := fastmcp.EncodeClient(fastmcp.Client{ClientID: id, RedirectURIs: []string{"https://" + id + ".example/callback"}})
	if err != nil {
		f.t.Fatal(err)
	}
	value, err := fastmcp.Seal(f.keys, plaintext)
	if err != nil {
		f.t.Fatal(err)
	}
	return value
}
