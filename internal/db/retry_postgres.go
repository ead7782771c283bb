package db

import (
	"context"
	"errors"
	"io"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcpkeep/mcpkeep/internal/db/pgdb"
)

// again runs what fails before the server has seen any of it: when a connection of the
// pool died while idle, which shows only then, the next one is tried, and when the
// server has no slot for another, one of the pool is waited for. An access token that the
// server does not take is exchanged once.
func (p *postgres) again(ctx context.Context, f func() error) error {
	waiting := p.slots.waiting()
	exchanged := false
	for stale := int32(0); ; {
		err := f()
		switch {
		case err == nil:
			return nil
		case staleConn(err) && stale < p.pool.Config().MaxConns:
			p.doubts.cast()
			stale++
		case !exchanged && p.staleLogin(err):
			p.forget()
			exchanged = true
		case noSlot(err) && waiting.pause(ctx, p.pool):
		default:
			return err
		}
	}
}

// againRead is again for what changes nothing: it is also repeated when the connection was
// lost after the server may have seen it.
func (p *postgres) againRead(ctx context.Context, f func() error) error {
	return p.again(ctx, func() error {
		err := f()
		if lostConn(err) {
			return repeatable{err}
		}
		return err
	})
}

// repeatable is an error of pgconn.SafeToRetry.
type repeatable struct{ error }

func (repeatable) SafeToRetry() bool { return true }

func (r repeatable) Unwrap() error { return r.error }

// lostConn reports whether a connection of the pool ended without a word of the server.
func lostConn(err error) bool {
	var connectErr *pgconn.ConnectError
	if errors.As(err, &connectErr) {
		return false // a new connection failed: the server is away
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// textArgs sends JSON, the one kind of bytes that the tables have, as text: in
// the query modes that ask the server for no types, bytes would be a BYTEA.
type textArgs struct{ pgdb.DBTX }

func (t textArgs) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	return t.DBTX.Exec(ctx, query, asText(args)...)
}

func (t textArgs) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	return t.DBTX.Query(ctx, query, asText(args)...)
}

func (t textArgs) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return t.DBTX.QueryRow(ctx, query, asText(args)...)
}

// asText is for arguments of one call, which no one else holds.
func asText(args []any) []any {
	for i, arg := range args {
		if b, ok := arg.([]byte); ok && b != nil {
			args[i] = string(b)
		}
	}
	return args
}

// retryReads repeats reads like againRead.
type retryReads struct{ p *postgres }

// Exec is for no read.
func (r retryReads) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	return r.p.pool.Exec(ctx, query, asText(args)...)
}

// Query returns rows of which the first was received.
func (r retryReads) Query(ctx context.Context, query string, args ...any) (rows pgx.Rows, err error) {
	args = asText(args)
	err = r.p.againRead(ctx, func() error {
		rows, err = r.query(ctx, query, args...) //nolint:sqlclosecheck // the caller closes them
		return err
	})
	return rows, err
}

// query asks for the first row as well: with a statement that was prepared
// before, only that shows that the connection is dead.
func (r retryReads) query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	rows, err := r.p.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	if rows.Next() {
		return &peekedRows{Rows: rows, peeked: true}, nil
	}
	return rows, rows.Err()
}

// peekedRows are rows whose first one was asked for already.
type peekedRows struct {
	pgx.Rows
	peeked bool
}

func (r *peekedRows) Next() bool {
	if r.peeked {
		r.peeked = false
		return true
	}
	return r.Rows.Next()
}

// QueryRow returns a row that runs the query when it is scanned.
func (r retryReads) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return retryRow{ctx: ctx, p: r.p, query: query, args: asText(args)}
}

// retryRow runs its query when it is scanned, since only then the error shows.
type retryRow struct {
	ctx   context.Context //nolint:containedctx // lives as long as one call of the generated query
	p     *postgres
	query string
	args  []any
}

func (r retryRow) Scan(dest ...any) error {
	return r.p.againRead(r.ctx, func() error { return r.p.pool.QueryRow(r.ctx, r.query, r.args...).Scan(dest...) })
}
