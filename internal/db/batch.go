package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcpkeep/mcpkeep/internal/db/pgdb"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// InBatch is InTx for many statements that return nothing (":exec"): PostgreSQL
// gets all of them in one round trip, so that the rows are locked for a short
// time however far away it is. f must use no other statements. changed is how
// many rows they changed.
func (d *DB) InBatch(ctx context.Context, f func(Querier) error) (changed int64, err error) {
	err = d.again(ctx, func() error {
		changed, err = d.engine.inBatch(ctx, f)
		return err
	})
	return changed, err
}

// errBatch is a defect of the caller of InBatch.
var errBatch = errors.New("a batch has no statements with a result")

func (p *postgres) inBatch(ctx context.Context, f func(Querier) error) (int64, error) {
	tx, err := p.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // a no-op after Commit
	var queue pgBatch
	if err := f(pgQuerier{pgdb.New(&queue)}); err != nil {
		return 0, err
	}
	results := tx.SendBatch(ctx, &queue.Batch)
	var changed int64
	for range queue.Len() {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // says the same
			return 0, err
		}
		changed += tag.RowsAffected()
	}
	if err := results.Close(); err != nil {
		return 0, err
	}
	return changed, tx.Commit(ctx)
}

// pgBatch queues statements instead of sending them.
type pgBatch struct{ pgx.Batch }

func (b *pgBatch) Exec(_ context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	b.Queue(query, args...)
	return pgconn.CommandTag{}, nil
}

func (*pgBatch) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, errBatch }

func (*pgBatch) QueryRow(context.Context, string, ...any) pgx.Row { return noRow{} }

type noRow struct{}

func (noRow) Scan(...any) error { return errBatch }

func (e *sqliteEngine) inBatch(ctx context.Context, f func(Querier) error) (int64, error) {
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	counted := &sqliteBatch{Tx: tx}
	if err := f(sqlitedb.New(counted)); err != nil {
		return 0, err
	}
	return counted.changed, tx.Commit()
}

// sqliteBatch counts the rows that statements change.
type sqliteBatch struct {
	*sql.Tx
	changed int64
}

func (b *sqliteBatch) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	result, err := b.Tx.ExecContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	n, err := result.RowsAffected()
	b.changed += n
	return result, err
}
