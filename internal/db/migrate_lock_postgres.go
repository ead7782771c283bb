package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// migrationLock is the key of the advisory lock around migrations: the text
// "mcpkeep" as a number.
const migrationLock = 0x6d63706b656570

// noLimits lifts the limits that a role or a database may set, for one transaction
// (transaction_timeout came with PostgreSQL 17).
const noLimits = `SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`

// lockMigrations takes a blocking advisory lock on a connection of its own: no
// polling, and the server frees it when this process dies. The lock belongs to a
// transaction, for which every pooler keeps one connection to the server.
func (p *postgres) lockMigrations(ctx context.Context, say func(holder string)) (func(), error) {
	conn, err := p.plainConn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect for the migration lock: %w", err)
	}
	unlock := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockFor)
		defer cancel()
		_, _ = conn.Exec(ctx, "ROLLBACK")
		_ = conn.Close(ctx)
	}
	if err := p.takeLock(ctx, conn, say); err != nil {
		unlock()
		return nil, fmt.Errorf("take the migration lock: %w", err)
	}
	return unlock, nil
}

const unlockFor = 5 * time.Second

func (p *postgres) takeLock(ctx context.Context, conn *pgx.Conn, say func(holder string)) error {
	for _, statement := range []string{"BEGIN", noLimits} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock))
		done <- err
	}()
	return tell(ctx, done, func() { say(p.lockHolder(ctx)) })
}

// lockHolderQuery: a role that may not see other roles' sessions sees no address.
const lockHolderQuery = `
SELECT a.pid, COALESCE(a.application_name, ''), COALESCE(host(a.client_addr), ''), COALESCE(a.usename, '')
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1::bigint::oid AND l.objid = $2::bigint::oid AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
LIMIT 1`

// lockHolder describes the process that has the migration lock.
func (p *postgres) lockHolder(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, firstWord)
	defer cancel()
	var pid int
	var application, client, role string
	err := p.pool.QueryRow(ctx, lockHolderQuery, pgx.QueryExecModeSimpleProtocol, int64(migrationLock)>>32, int64(migrationLock)&0xffffffff).
		Scan(&pid, &application, &client, &role)
	if errors.Is(err, pgx.ErrNoRows) {
		return "a process that is just finishing"
	}
	if err != nil {
		return "a process that cannot be determined now"
	}
	parts := []string{fmt.Sprintf("server process %d", pid)}
	for _, part := range []struct{ name, value string }{{"application_name", application}, {"role", role}, {"client", client}} {
		if part.value != "" {
			parts = append(parts, part.name+" "+printable(part.value))
		}
	}
	return strings.Join(parts, ", ")
}
