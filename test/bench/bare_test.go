//go:build bench

package bench_test

import (
	"context"
	"database/sql"
	"iter"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite"
)

// bare is what a plain program does with the same database: the driver as it
// comes, with the same settings, without encryption and mapping.
type bare interface {
	// find reads what a lookup of a client reads.
	find(t *testing.T, key string) (value []byte, at *time.Time)
	// insert adds a row to a table with the columns and indexes of oauth_clients,
	// and commits.
	insert(t *testing.T, r row)
	// load adds rows to oauth_clients.
	load(t *testing.T, rows iter.Seq[row], keyID string)
}

// twin is a table like oauth_clients.
var twin = []string{
	"CREATE TABLE twin (key TEXT PRIMARY KEY, value JSONB NOT NULL, created_at TIMESTAMP, updated_at TIMESTAMP, " +
		"last_used_at BIGINT, value_key_id TEXT)",
	"CREATE INDEX twin_updated_at_idx ON twin (updated_at)",
	"CREATE INDEX twin_value_key_id_idx ON twin (value_key_id)",
}

type bareSQLite struct{ *sql.DB }

func openBareSQLite(t *testing.T, url string) bare {
	t.Helper()
	conn := get(sql.Open("sqlite", "file:"+sqlitePath(url)+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"+
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_time_format=sqlite"))(t)
	t.Cleanup(func() { _ = conn.Close() })
	b := bareSQLite{conn}
	for _, statement := range twin {
		b.exec(t, statement)
	}
	return b
}

func (b bareSQLite) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	get(b.ExecContext(t.Context(), statement, args...))(t)
}

func (b bareSQLite) find(t *testing.T, key string) (value []byte, at *time.Time) {
	t.Helper()
	must(t, b.QueryRowContext(t.Context(), "SELECT value, created_at FROM oauth_clients WHERE key = ?", key).Scan(&value, &at))
	return value, at
}

func (b bareSQLite) insert(t *testing.T, r row) {
	t.Helper()
	b.exec(t, "INSERT INTO twin (key, value, created_at, updated_at, value_key_id) VALUES (?, ?, ?, ?, ?)", r.key, r.value, r.at, r.at, "id")
}

func (b bareSQLite) load(t *testing.T, rows iter.Seq[row], keyID string) {
	t.Helper()
	tx := get(b.BeginTx(t.Context(), nil))(t)
	insert := get(tx.PrepareContext(t.Context(),
		"INSERT INTO oauth_clients (key, value, created_at, updated_at, value_key_id) VALUES (?, ?, ?, ?, ?)"))(t)
	for r := range rows {
		get(insert.ExecContext(context.Background(), r.key, r.value, r.at, r.at, keyID))(t)
	}
	must(t, tx.Commit())
	b.exec(t, "PRAGMA wal_checkpoint(TRUNCATE)")
	b.exec(t, "ANALYZE")
}

type barePostgres struct{ *pgxpool.Pool }

func openBarePostgres(t *testing.T, url string) bare {
	t.Helper()
	pool := get(pgxpool.New(t.Context(), url))(t)
	t.Cleanup(pool.Close)
	b := barePostgres{pool}
	for _, statement := range twin {
		b.exec(t, statement)
	}
	return b
}

func (b barePostgres) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	get(b.Exec(t.Context(), statement, args...))(t)
}

func (b barePostgres) find(t *testing.T, key string) (value []byte, at *time.Time) {
	t.Helper()
	must(t, b.QueryRow(t.Context(), "SELECT value, created_at FROM oauth_clients WHERE key = $1", key).Scan(&value, &at))
	return value, at
}

func (b barePostgres) insert(t *testing.T, r row) {
	t.Helper()
	b.exec(t, "INSERT INTO twin (key, value, created_at, updated_at, value_key_id) VALUES ($1, $2, $3, $4, $5)", r.key, r.value, r.at, r.at, "id")
}

func (b barePostgres) load(t *testing.T, rows iter.Seq[row], keyID string) {
	t.Helper()
	next, stop := iter.Pull(rows)
	defer stop()
	columns := []string{"key", "value", "created_at", "updated_at", "value_key_id"}
	get(b.CopyFrom(t.Context(), pgx.Identifier{"oauth_clients"}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		r, ok := next()
		if !ok {
			return nil, nil
		}
		return []any{r.key, r.value, r.at, r.at, keyID}, nil
	})))(t)
	b.exec(t, "VACUUM ANALYZE oauth_clients")
	b.exec(t, "CHECKPOINT")
}
