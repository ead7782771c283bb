package db

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrReadOnly is a connection to a server that takes no writes now: a standby, or a
// database that is read-only, as hosted ones are when their disk is full.
var ErrReadOnly = errors.New("the database is read-only or a standby")

// readOnlyTransaction is the SQLSTATE of a write in a read-only transaction.
const readOnlyTransaction = "25006"

// doubts is when an error last cast doubt on the pool's connections, by
// sinceBoot: no one sets that clock.
type doubts struct{ last atomic.Int64 }

func (d *doubts) cast() { d.last.Store(int64(sinceBoot())) }

// checkedKey is where a connection keeps when it was last seen to take writes.
const checkedKey = "mcpkeep.checked"

// onlyWritable makes the pool use only connections that can write: each new one is
// checked, one that meets a read-only transaction is closed, and after an error every
// idle one is checked again before its next use.
func (p *postgres) onlyWritable(cfg *pgxpool.Config) {
	conn := cfg.ConnConfig
	conn.ValidateConnect = p.checkWritable
	onError := conn.OnPgError
	conn.OnPgError = func(c *pgconn.PgConn, err *pgconn.PgError) bool {
		if err.Code == readOnlyTransaction {
			p.doubts.cast()
			return false
		}
		return onError(c, err)
	}
	cfg.PrepareConn = func(ctx context.Context, c *pgx.Conn) (bool, error) {
		checked, _ := c.PgConn().CustomData()[checkedKey].(int64)
		if checked > p.doubts.last.Load() {
			return true, nil
		}
		return p.checkWritable(ctx, c.PgConn()) == nil, nil // otherwise the next one is tried
	}
}

const checkWritableQuery = "SELECT current_setting('transaction_read_only'), " + serverMicros

// checkWritable returns ErrReadOnly for a connection on which no transaction can write. It
// reads the server's clock as well.
func (p *postgres) checkWritable(ctx context.Context, conn *pgconn.PgConn) error {
	began, asked := int64(sinceBoot()), p.clock.elapsed()
	results, err := conn.Exec(ctx, checkWritableQuery).ReadAll()
	switch {
	case err != nil:
		return err
	case len(results) != 1 || len(results[0].Rows) != 1:
		return errors.New("the server does not say whether it takes writes")
	case string(results[0].Rows[0][0]) == "on":
		return ErrReadOnly
	}
	conn.CustomData()[checkedKey] = began
	return p.clock.noteText(asked, string(results[0].Rows[0][1]))
}

// note casts doubt on the pool after an error that says that the server is another one
// now, or may be soon, and returns the error.
func (p *postgres) note(err error) error {
	if err != nil && p.classify(err) == Unavailable {
		p.doubts.cast()
	}
	return err
}

// endReadOnly closes the connection of a transaction that was read-only. Only a borrowed
// pool needs it: see onlyWritable.
func (p *postgres) endReadOnly(ctx context.Context, tx pgx.Tx, err error) {
	var pgErr *pgconn.PgError
	if p.borrowed && errors.As(err, &pgErr) && pgErr.Code == readOnlyTransaction {
		_ = tx.Conn().Close(context.WithoutCancel(ctx))
	}
}

// writableQuery reads whether transactions can write and which tables this role cannot use.
const writableQuery = `
SELECT current_setting('transaction_read_only')::bool, COALESCE(string_agg(t.relname, ', ' ORDER BY t.relname), '') FROM (
` + unusable + `) t`

// writable implements engine.
func (p *postgres) writable(ctx context.Context) error {
	var readOnly bool
	var unusable string
	schema := "(SELECT " + currentNamespace + ")"
	err := retryReads{p}.QueryRow(ctx, fmt.Sprintf(writableQuery, schema)).Scan(&readOnly, &unusable)
	switch {
	case err != nil:
		return err
	case readOnly:
		return ErrReadOnly
	case unusable != "":
		return notWritableError("the server's role may not read and write " + unusable + "; `mcpkeep migrate grants` prints what it needs")
	}
	return nil
}

func (*postgres) inPlace() error { return nil }
