package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/mcpkeep/mcpkeep/internal/db/pgdb"
)

// migrationLock is the key of the advisory lock around migrations: the text
// "mcpkeep" as a number.
const migrationLock = 0x6d63706b656570

// poolConns is the size of the connection pool unless the DSN says pool_max_conns.
const poolConns = 10

type postgres struct {
	pool *pgxpool.Pool
	sql  *sql.DB // the same pool, for goose
}

var keywordDSN = regexp.MustCompile(`^\s*[a-z_]+\s*=`)

// isPostgres says whether url looks like a PostgreSQL URL or keyword/value DSN.
func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") || keywordDSN.MatchString(url)
}

func openPostgres(ctx context.Context, dsn string) (*postgres, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// pgx's error may quote the DSN with its password.
		return nil, fmt.Errorf("malformed PostgreSQL URL or DSN: %w", ErrBadURL)
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		cfg.MaxConns = poolConns
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "mcpkeep"
	}
	// One clock and one zone: TIMESTAMP columns are shared with other programs.
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	return &postgres{pool: pool, sql: stdlib.OpenDBFromPool(pool)}, nil
}

func (*postgres) name() string { return "postgres" }

func (p *postgres) reader() Querier { return pgQuerier{pgdb.New(retryReads{p.pool})} }

func (p *postgres) ping(ctx context.Context) error {
	var one int
	return p.query(ctx, "SELECT 1").Scan(&one)
}

func (p *postgres) close() error {
	err := p.sql.Close()
	p.pool.Close()
	return err
}

func (p *postgres) inTx(ctx context.Context, f func(Querier) error) error {
	tx, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // a no-op after Commit
	if err := f(pgQuerier{pgdb.New(tx)}); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// begin opens a transaction. A pooled connection may have died with its server
// while idle, which shows only now; nothing has happened yet, so the next
// connection is tried.
func (p *postgres) begin(ctx context.Context) (pgx.Tx, error) {
	var tx pgx.Tx
	var err error
	for range p.pool.Config().MaxConns + 1 {
		if tx, err = p.pool.Begin(ctx); err == nil || !staleConn(err) {
			return tx, err
		}
	}
	return tx, err
}

func (p *postgres) migrations() (*sql.DB, goose.Dialect) { return p.sql, goose.DialectPostgres }

func (p *postgres) query(ctx context.Context, query string) row {
	return retryReads{p.pool}.QueryRow(ctx, query)
}

// lockMigrations takes a blocking advisory lock on a connection of its own: no
// polling, and the server frees it when this process dies.
func (p *postgres) lockMigrations(ctx context.Context) (func(), error) {
	conn, err := pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect for the migration lock: %w", err)
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("take the migration lock: %w", err)
	}
	return func() { _ = conn.Close(context.WithoutCancel(ctx)) }, nil
}

// staleConn says whether a pooled connection turned out to be dead before the
// server saw anything of the statement, or was told to go by a server shutting
// down.
func staleConn(err error) bool {
	var connectErr *pgconn.ConnectError
	if errors.As(err, &connectErr) {
		return false // a new connection failed: the server is away
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code == "57P01" || pgErr.Code == "57P05" // admin_shutdown, idle_session_timeout
	}
	return pgconn.SafeToRetry(err)
}

// retryReads repeats a read once per dead connection of the pool.
type retryReads struct{ *pgxpool.Pool }

func (r retryReads) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	rows, err := r.query(ctx, query, args...)
	for range r.Config().MaxConns {
		if err == nil || !staleConn(err) {
			break
		}
		rows, err = r.query(ctx, query, args...)
	}
	return rows, err
}

// query asks for the first row as well: with a statement that was prepared
// before, only that shows that the connection is dead.
func (r retryReads) query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	rows, err := r.Pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	if rows.Next() {
		return &peekedRows{Rows: rows, peeked: true}, nil
	}
	return rows, rows.Err()
}

// peekedRows are rows whose first one was asked for already.
type peekedRows struct {
	pgx.Rows
	peeked bool
}

func (r *peekedRows) Next() bool {
	if r.peeked {
		r.peeked = false
		return true
	}
	return r.Rows.Next()
}

func (r retryReads) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return retryRow{ctx: ctx, pool: r.Pool, query: query, args: args}
}

// retryRow runs its query when it is scanned, since only then the error shows.
type retryRow struct {
	ctx   context.Context //nolint:containedctx // lives as long as one call of the generated query
	pool  *pgxpool.Pool
	query string
	args  []any
}

func (r retryRow) Scan(dest ...any) error {
	err := r.pool.QueryRow(r.ctx, r.query, r.args...).Scan(dest...)
	for range r.pool.Config().MaxConns {
		if err == nil || !staleConn(err) {
			break
		}
		err = r.pool.QueryRow(r.ctx, r.query, r.args...).Scan(dest...)
	}
	return err
}
