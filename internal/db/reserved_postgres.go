package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// reservedConns is how many connections of a pool of this size are kept for access
// checks.
func reservedConns(size int32) int32 {
	const tenths = 3
	if size < 2 {
		return 0
	}
	return max(1, size*tenths/10)
}

// openPools opens the pool and, within its size, the one for access checks.
func (p *postgres) openPools(ctx context.Context, cfg *pgxpool.Config) (err error) {
	if kept := reservedConns(cfg.MaxConns); kept > 0 {
		checks := cfg.Copy()
		checks.MaxConns = kept
		checks.MinConns, checks.MinIdleConns = min(checks.MinConns, kept), min(checks.MinIdleConns, kept)
		p.checks = &postgres{doubts: p.doubts, forget: p.forget}
		checks.BeforeConnect = func(ctx context.Context, conn *pgx.ConnConfig) error {
			conn.DefaultQueryExecMode = p.pooler.execMode(conn.DefaultQueryExecMode)
			if err := p.checks.slots.mayConnect(); err != nil || p.login == nil {
				return err
			}
			return p.login(ctx, conn)
		}
		if p.checks.pool, err = pgxpool.NewWithConfig(ctx, checks); err != nil {
			return fmt.Errorf("open the pool for access checks: %w", err)
		}
		cfg.MaxConns -= kept
		cfg.MinConns, cfg.MinIdleConns = min(cfg.MinConns, cfg.MaxConns), min(cfg.MinIdleConns, cfg.MaxConns)
	}
	if p.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		p.closeReserved()
		return fmt.Errorf("open the pool: %w", err)
	}
	return nil
}

func (p *postgres) hasReserved() bool { return p.checks != nil }

func (p *postgres) reserved() Querier {
	if p.checks == nil {
		return p.reader()
	}
	return pgQueries(retryReads{p.checks})
}

// size is the number of connections of all pools.
func (p *postgres) size() int32 {
	size := p.pool.Config().MaxConns
	if p.checks != nil {
		size += p.checks.pool.Config().MaxConns
	}
	return size
}

// resetPools closes all connections, which are opened again when they are needed.
func (p *postgres) resetPools() {
	p.pool.Reset()
	if p.checks != nil {
		p.checks.pool.Reset()
	}
}

func (p *postgres) closeReserved() {
	if p.checks != nil {
		p.checks.pool.Close()
	}
}
