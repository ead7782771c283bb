package db

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Vacuum makes the space of deleted rows in these tables usable again, and gives what is
// at their ends back. PostgreSQL does so by itself from time to time, for a table that has
// changed a lot; SQLite reuses space immediately. A role that does not own the tables
// leaves them as they are.
func (d *DB) Vacuum(ctx context.Context, tables ...string) error {
	p, ok := d.engine.(*postgres)
	if !ok {
		return nil
	}
	for _, table := range tables {
		if _, err := p.pool.Exec(ctx, "VACUUM (SKIP_LOCKED) "+table, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return nil
}
