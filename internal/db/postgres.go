package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// poolConns is the size of the connection pool unless the DSN says pool_max_conns.
const poolConns = 10

type postgres struct {
	pool *pgxpool.Pool
	sql  *sql.DB // the same pool, for goose
	// borrowed: the pool is the caller's, and stays open.
	borrowed bool
	checks   *postgres // the pool for access checks, nil for none
	// anyServer: one that takes no writes will do, to find out about it.
	anyServer bool
	// login sets what a connection logs in with; nil for what the URL says.
	login   func(context.Context, *pgx.ConnConfig) error
	forget  func() // the access token that login used
	pooler  poolerState
	slots   slots
	doubts  *doubts // shared with checks
	clock   *serverClock
	reading clockReader
}

// openPostgres opens a pool on a server that takes writes, or with anyServer on any.
func openPostgres(ctx context.Context, url string, anyServer bool) (*postgres, error) {
	address, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	if err := checkAuthority(address.roots); err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(address.dsn)
	if err != nil {
		// pgx's error may quote the DSN with its password.
		return nil, badURLError("malformed PostgreSQL URL or DSN: check host, port, sslmode and the values of its parameters")
	}
	if !strings.Contains(address.dsn, "pool_max_conns") {
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
	p := &postgres{anyServer: anyServer, doubts: new(doubts), clock: newServerClock()}
	p.pooler.said = address.pooler
	if address.login == googleLogin {
		if err := p.logInAtGoogle(ctx, address, cfg); err != nil {
			return nil, err
		}
	}
	if err := verifyBy(ctx, address.roots, cfg.ConnConfig); err != nil {
		return nil, err
	}
	cfg.BeforeConnect = p.beforeConnect
	if !anyServer {
		p.onlyWritable(cfg)
	}
	if err := p.openPools(ctx, cfg); err != nil {
		return nil, err
	}
	p.sql = stdlib.OpenDBFromPool(p.pool)
	return p, nil
}

// beforeConnect runs for each connection of the own pool.
func (p *postgres) beforeConnect(ctx context.Context, cfg *pgx.ConnConfig) error {
	cfg.DefaultQueryExecMode = p.pooler.execMode(cfg.DefaultQueryExecMode)
	if err := p.slots.mayConnect(); err != nil || p.login == nil {
		return err
	}
	return p.login(ctx, cfg)
}

func (*postgres) name() string { return "postgres" }

func (p *postgres) reader() Querier { return pgQueries(retryReads{p}) }

// ping finds out at first about a pooler, since that decides how to ask.
func (p *postgres) ping(ctx context.Context) error {
	err := p.again(ctx, func() error { return p.settle(ctx) })
	if err == nil {
		var one int
		err = p.query(ctx, "SELECT 1").Scan(&one)
	}
	if _, _, known := p.clock.offset(); err == nil && !known {
		p.readClock(ctx)
	}
	return p.refusal(err)
}

func (p *postgres) close() error {
	p.reading.end()
	err := p.sql.Close() // leaves the pool open
	if !p.borrowed {
		p.pool.Close()
		p.closeReserved()
	}
	return err
}

func (p *postgres) inTx(ctx context.Context, f func(Querier) error) error {
	tx, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer rollBack(ctx, tx)
	if err := f(pgQueries(textArgs{tx})); err != nil {
		return p.failed(ctx, tx, err)
	}
	return p.commit(ctx, tx)
}

// rollBackFor bounds the wait for a server that hangs: closing the connection does it too.
const rollBackFor = time.Second

// rollBack ends a transaction that was not committed, and does nothing after Commit.
func rollBack(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollBackFor)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// begin opens a transaction.
func (p *postgres) begin(ctx context.Context) (tx pgx.Tx, err error) {
	err = p.againRead(ctx, func() error {
		tx, err = p.pool.Begin(ctx)
		return err
	})
	return tx, err
}

func (p *postgres) migrations() (*sql.DB, goose.Dialect) { return p.sql, goose.DialectPostgres }

// query prepares nothing: a prepared statement keeps the tables that it found first,
// even when a migration then makes one that comes before them on the search path.
func (p *postgres) query(ctx context.Context, query string) row {
	return retryReads{p}.QueryRow(ctx, query, pgx.QueryExecModeSimpleProtocol)
}

func (*postgres) noVersionTable(_ context.Context, err error) bool {
	const undefinedTable = "42P01" // SQLSTATE
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == undefinedTable
}

// versionQuery ignores a version table further down the search path: that is another
// mcpkeep's.
func (*postgres) versionQuery() string {
	return "SELECT COALESCE(MAX(version_id), 0) FROM " + versionTable + " v WHERE is_applied" +
		" AND EXISTS (SELECT FROM pg_class c WHERE c.oid = v.tableoid AND c.relnamespace = " + currentNamespace + ")"
}

// staleConn reports whether a pooled connection turned out to be dead before the
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
