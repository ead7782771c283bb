package db

import (
	"database/sql"
	"time"
)

// PoolStats is how busy the connections are.
type PoolStats struct {
	InUse, Idle, Max int64
	Waits            int64         // statements that had to wait for a connection, so far
	Waited           time.Duration // by them together
}

// Pools returns how busy the connections are, those for access checks included.
func (d *DB) Pools() PoolStats { return d.engine.pools() }

func (s PoolStats) plus(t PoolStats) PoolStats {
	return PoolStats{s.InUse + t.InUse, s.Idle + t.Idle, s.Max + t.Max, s.Waits + t.Waits, s.Waited + t.Waited}
}

func (p *postgres) pools() PoolStats {
	stat := p.pool.Stat()
	stats := PoolStats{
		InUse: int64(stat.AcquiredConns()), Idle: int64(stat.IdleConns()), Max: int64(stat.MaxConns()),
		Waits: stat.EmptyAcquireCount(), Waited: stat.EmptyAcquireWaitTime(),
	}
	if p.checks != nil {
		stats = stats.plus(p.checks.pools())
	}
	return stats
}

func (e *sqliteEngine) pools() PoolStats {
	var stats PoolStats
	for _, pool := range []*sql.DB{e.write, e.read, e.checks} {
		s := pool.Stats()
		stats = stats.plus(PoolStats{int64(s.InUse), int64(s.Idle), int64(s.MaxOpenConnections), s.WaitCount, s.WaitDuration})
	}
	return stats
}
