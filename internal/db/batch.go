package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// InBatch is InTx for statements that return nothing (":exec"): PostgreSQL gets all
// of them and their commit in one round trip, so that the rows are locked for a short
// time however far away it is. f must use no other statements. changed is how many
// rows they changed. The error may be ErrCommitUnknown, as that of InTx.
func (d *DB) InBatch(ctx context.Context, f func(Querier) error) (changed int64, err error) {
	err = d.again(ctx, func() error {
		changed, err = d.engine.inBatch(ctx, f)
		return err
	})
	return changed, err
}

// errBatch is a defect of the caller of InBatch.
var errBatch = errors.New("a batch has no statements with a result")

// inBatch sends the statements without BEGIN: those that come before one Sync are a
// transaction, which the Sync commits (PostgreSQL, "Pipelining"). Once a statement got
// a response, they are not sent again.
func (p *postgres) inBatch(ctx context.Context, f func(Querier) error) (changed int64, err error) {
	err = p.again(ctx, func() error {
		var queue pgBatch // a new one each time: it remembers the connection's statements
		if err := f(pgQueries(&queue)); err != nil || queue.Len() == 0 {
			return finalError{err}
		}
		var answered bool
		changed, answered, err = p.sendBatch(ctx, &queue.Batch)
		if answered && err != nil {
			return finalError{err}
		}
		return err
	})
	var final finalError
	if errors.As(err, &final) {
		err = final.error
	}
	return changed, err
}

// finalError is not repeated on another connection. It hides its cause.
type finalError struct{ error }

// sendBatch says how many rows the statements changed, and whether any got a response.
func (p *postgres) sendBatch(ctx context.Context, queue *pgx.Batch) (changed int64, answered bool, err error) {
	results := p.pool.SendBatch(ctx, queue)
	for range queue.Len() {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // says the same
			return 0, answered, p.note(uncertain(err))
		}
		answered = true
		changed += tag.RowsAffected()
	}
	return changed, true, p.note(uncertain(results.Close()))
}

// pgBatch queues statements instead of sending them.
type pgBatch struct{ pgx.Batch }

func (b *pgBatch) Exec(_ context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	b.Queue(query, asText(args)...)
	return pgconn.CommandTag{}, nil
}

func (*pgBatch) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, errBatch }

func (*pgBatch) QueryRow(context.Context, string, ...any) pgx.Row { return noRow{} }

type noRow struct{}

func (noRow) Scan(...any) error { return errBatch }

func (e *sqliteEngine) inBatch(ctx context.Context, f func(Querier) error) (int64, error) {
	if err := e.inPlace(); err != nil {
		return 0, err
	}
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	counted := &sqliteBatch{Tx: tx}
	if err := errors.Join(f(sqliteQueries(counted)), e.inPlace()); err != nil {
		return 0, err
	}
	defer e.log.written()
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
