package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// poolerState is what is known of a pooler between this process and the server.
type poolerState struct {
	said        string // by the URL: transaction, session, none, or ""
	transaction atomic.Bool

	mu      sync.Mutex
	settled bool
}

// execMode is how connections send statements. Behind a pooler in transaction mode the
// next statement may reach a server process that knows nothing of the one before: none
// may be prepared, or described in a message of its own.
func (s *poolerState) execMode(wanted pgx.QueryExecMode) pgx.QueryExecMode {
	if !s.transaction.Load() || wanted == pgx.QueryExecModeSimpleProtocol || wanted == pgx.QueryExecModeCacheDescribe {
		return wanted
	}
	return pgx.QueryExecModeExec
}

// settle finds out once whether there is a pooler in transaction mode.
func (p *postgres) settle(ctx context.Context) error {
	p.pooler.mu.Lock()
	defer p.pooler.mu.Unlock()
	if p.pooler.settled {
		return nil
	}
	pooled, err := p.behindPooler(ctx)
	if err != nil {
		return err
	}
	p.pooler.settled = true
	if pooled {
		p.pooler.transaction.Store(true)
		p.resetPools() // connections that were opened before prepare statements
	}
	return nil
}

// behindPooler trusts the URL. Otherwise it compares the process number that the other
// end has told, which a pooler invents, with the server's own.
func (p *postgres) behindPooler(ctx context.Context) (bool, error) {
	switch p.pooler.said {
	case poolerTransaction:
		return true, nil
	case poolerSession, poolerNone:
		return false, nil
	}
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	pid, err := backend(ctx, conn.Conn())
	told := int(conn.Conn().PgConn().PID())
	conn.Release()
	if err != nil || pid == told {
		return false, err
	}
	return p.pooled(ctx)
}

const (
	// pooledWait is how long a statement may wait behind other connections'
	// transactions: at a server itself it never does.
	pooledWait = 3 * time.Second
	// pooledTries is how many transactions are begun: a pooler with spare connections to
	// the server may serve the first ones from them.
	pooledTries = 4
)

// pooled reports whether a connection changes its server process, or has to wait for
// one, when other connections are in transactions.
func (p *postgres) pooled(ctx context.Context) (bool, error) {
	conn, err := p.plainConn(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	first, err := backend(ctx, conn)
	if err != nil {
		return false, err
	}
	var others []*pgx.Conn
	defer func() {
		for _, other := range others { // and with them the transactions
			_ = other.Close(context.WithoutCancel(ctx))
		}
	}()
	for range pooledTries {
		other, err := p.plainConn(ctx)
		if err != nil {
			return false, err
		}
		others = append(others, other)
		theirs, waited, err := inTime(ctx, other, "BEGIN READ ONLY")
		if waited || err == nil && theirs == first {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		second, waited, err := inTime(ctx, conn, "SELECT 1")
		if waited || err == nil && second != first {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// inTime asks for the server process after another statement, and reports whether that
// took too long.
func inTime(ctx context.Context, conn *pgx.Conn, statement string) (pid int, waited bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, pooledWait)
	defer cancel()
	if _, err = conn.Exec(waiting, statement); err == nil {
		pid, err = backend(waiting, conn)
	}
	waited = err != nil && ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded)
	return pid, waited, err
}

func backend(ctx context.Context, conn *pgx.Conn) (pid int, err error) {
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&pid); err != nil {
		return 0, fmt.Errorf("query the server process: %w", err)
	}
	return pid, nil
}

// ThroughPooler and PoolerFix are what is said of a pooler in transaction mode as long
// as there is no connection for migrations.
const (
	ThroughPooler = "the connection goes through a pooler in transaction mode"
	PoolerFix     = "Set MCPKEEP_MIGRATE_DATABASE_URL to the server's own address, which providers list as the direct connection; " +
		"or migrate with `mcpkeep migrate up` there and set MCPKEEP_AUTO_MIGRATE=false."
)

// Pooled reports whether the connection goes through a pooler in transaction mode, as
// far as Ping has found out.
func (d *DB) Pooled() bool {
	p, ok := d.engine.(*postgres)
	return ok && p.pooler.transaction.Load()
}

// directNeeded refuses to migrate through a pooler.
func (p *postgres) directNeeded(ctx context.Context) error {
	if err := p.settle(ctx); err != nil || !p.pooler.transaction.Load() {
		return err
	}
	return &RefusedError{
		Found: ThroughPooler + ", and migrations need a direct one",
		Fix: "set MCPKEEP_MIGRATE_DATABASE_URL to the server's own address, which providers list as the direct connection; " +
			"where the pooler is not in transaction mode, add pooler=session to DATABASE_URL",
	}
}
