package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const diagnoseServer = `
SELECT current_setting('server_version'), current_setting('server_version_num')::int,
    current_setting('fsync')::bool, current_setting('full_page_writes')::bool, current_setting('synchronous_commit'),
    pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool, current_setting('default_transaction_isolation'),
    COALESCE(current_schema(), ''), quote_ident(current_database())`

// diagnoseSlots is how many connections this role may have to this database: those
// that the server keeps for administrators (reserved_connections came with PostgreSQL 16)
// are not for it.
const diagnoseSlots = `
SELECT LEAST(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - COALESCE(current_setting('reserved_connections', true), '0')::int,
    (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))`

// unusable selects the tables in a schema that this role cannot use as a server does: a
// table that the schema keeps from the role is one of them. %s is the schema.
const unusable = `
SELECT c.relname::text FROM pg_class c
WHERE c.relnamespace = %s AND c.relkind IN ('r', 'p')
  AND (c.relname = 'oauth_clients' OR c.relname LIKE 'mcpkeep\_%%')
  AND NOT (has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
       AND (c.relname = 'mcpkeep_schema_version' OR has_table_privilege(c.oid, 'INSERT')
       AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')))
ORDER BY 1`

// diagnoseRights looks at the tables in the schema that the search path names, whether
// or not this role may use it.
func (p *postgres) diagnoseRights(ctx context.Context, s *ServerDiagnosis, around surroundings) error {
	schema := around.schema
	if schema == "" {
		schema = around.lockedSchema
	}
	if schema == "" {
		return nil
	}
	rows, err := retryReads{p}.Query(ctx, fmt.Sprintf(unusable, "to_regnamespace($1)"), schema)
	if err == nil {
		s.Unwritable, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return fmt.Errorf("query the table privileges: %w", err)
	}
	owners, err := p.foreignOwners(ctx, schema, around.plainRole)
	if err != nil {
		return err
	}
	for _, o := range owners {
		s.Foreign = append(s.Foreign, o.table+" (of role "+o.owner+")")
	}
	if s.ServeGrants, err = p.grants(ctx, around, around.plainRole, false); err == nil {
		s.MigrateGrants, err = p.grants(ctx, around, around.plainRole, true)
	}
	return err
}

// diagnose uses connections of its own, with plain statements, which get through
// every pooler.
func (p *postgres) diagnose(ctx context.Context) (Diagnosis, error) {
	conn, err := p.plainConn(ctx)
	if err != nil {
		return Diagnosis{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := p.settle(ctx); err != nil {
		return Diagnosis{}, err
	}
	s := &ServerDiagnosis{Pooled: p.pooler.transaction.Load()}
	err = conn.QueryRow(ctx, diagnoseServer).Scan(&s.Version, &s.VersionNum, &s.FSync, &s.FullPageWrites, &s.SynchronousCommit,
		&s.Standby, &s.ReadOnly, &s.Isolation, &s.Schema, &s.Database)
	if err != nil {
		return Diagnosis{}, fmt.Errorf("query the server: %w", err)
	}
	around, err := lookAround(ctx, conn)
	if err != nil {
		return Diagnosis{}, err
	}
	s.Role, s.MayCreate, s.QuotedSchema = around.role, around.mayCreate, around.schema
	if around.schema == "" {
		s.NoSchema = around.noSchema()
	}
	if err := p.diagnoseRights(ctx, s, around); err != nil {
		return Diagnosis{}, err
	}
	s.PoolSize = int(p.size())
	if err := conn.QueryRow(ctx, diagnoseSlots).Scan(&s.MaxConnections); err != nil {
		return Diagnosis{}, fmt.Errorf("query the connection limits: %w", err)
	}
	if err := s.readClock(ctx, conn); err != nil {
		return Diagnosis{}, err
	}
	return Diagnosis{Server: s}, nil
}

func (p *postgres) plainConn(ctx context.Context) (*pgx.Conn, error) {
	pool := p.pool.Config()
	cfg := pool.ConnConfig.Copy()
	if p.borrowed && pool.BeforeConnect != nil { // such as one that sets a token as the password
		if err := pool.BeforeConnect(ctx, cfg); err != nil {
			return nil, fmt.Errorf("prepare a connection: %w", err)
		}
	}
	if p.login != nil {
		if err := p.login(ctx, cfg); err != nil {
			return nil, err
		}
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	if p.anyServer {
		cfg.ValidateConnect = nil
	}
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
		return fmt.Errorf("query the server time: %w", err)
	}
	s.RoundTrip = time.Since(before)
	s.Clock = theirs.Sub(before.Add(s.RoundTrip / 2))
	return nil
}
