package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// pooledWait is how long a statement may wait behind another connection's
// transaction: at a server itself it never does.
const pooledWait = 3 * time.Second

const diagnoseServer = `
SELECT current_setting('server_version'), current_setting('server_version_num')::int,
    current_setting('fsync')::bool, current_setting('full_page_writes')::bool, current_setting('synchronous_commit'),
    pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool, current_setting('default_transaction_isolation'),
    COALESCE(current_schema(), ''), COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false)`

const unwritableTables = `
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p')
  AND (c.relname LIKE 'oauth\_%' OR c.relname IN ('encryption_keys', 'events', 'client_counts'))
  AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
       AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
ORDER BY 1`

// diagnose uses connections of its own, with plain statements, which get through
// every pooler.
func (p *postgres) diagnose(ctx context.Context) (Diagnosis, error) {
	conn, err := p.plainConn(ctx)
	if err != nil {
		return Diagnosis{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	s := &ServerDiagnosis{}
	err = conn.QueryRow(ctx, diagnoseServer).Scan(&s.Version, &s.VersionNum, &s.FSync, &s.FullPageWrites, &s.SynchronousCommit,
		&s.Standby, &s.ReadOnly, &s.Isolation, &s.Schema, &s.MayCreate)
	if err != nil {
		return Diagnosis{}, fmt.Errorf("ask the server about itself: %w", err)
	}
	rows, err := conn.Query(ctx, unwritableTables)
	if err == nil {
		s.Unwritable, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return Diagnosis{}, fmt.Errorf("ask the server about the tables: %w", err)
	}
	if err := s.readClock(ctx, conn); err != nil {
		return Diagnosis{}, err
	}
	s.Pooled, err = p.pooled(ctx, conn)
	return Diagnosis{Server: s}, err
}

func (p *postgres) plainConn(ctx context.Context) (*pgx.Conn, error) {
	cfg := p.pool.Config().ConnConfig.Copy()
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

func (s *ServerDiagnosis) readClock(ctx context.Context, conn *pgx.Conn) error {
	var theirs time.Time
	before := time.Now()
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
		return fmt.Errorf("ask the server for the time: %w", err)
	}
	s.RoundTrip = time.Since(before)
	s.Clock = theirs.Sub(before.Add(s.RoundTrip / 2))
	return nil
}

// pooled says whether a connection changes its server process, or has to wait for
// one, when another connection is in a transaction.
func (p *postgres) pooled(ctx context.Context, conn *pgx.Conn) (bool, error) {
	first, err := backend(ctx, conn)
	if err != nil {
		return false, err
	}
	other, err := p.plainConn(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = other.Close(context.WithoutCancel(ctx)) }() // and with it the transaction
	if _, err := other.Exec(ctx, "BEGIN READ ONLY"); err != nil {
		return false, fmt.Errorf("begin a transaction: %w", err)
	}
	if _, err := backend(ctx, other); err != nil {
		return false, err
	}
	waiting, cancel := context.WithTimeout(ctx, pooledWait)
	defer cancel()
	second, err := backend(waiting, conn)
	if err != nil && ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded) {
		return true, nil
	}
	return first != second, err
}

func backend(ctx context.Context, conn *pgx.Conn) (pid int, err error) {
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return 0, fmt.Errorf("ask for the server process: %w", err)
	}
	return pid, nil
}
