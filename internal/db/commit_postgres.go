package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrCommitUnknown means that the connection was lost while the server committed, so that
// the transaction happened or not. Only looking at the database tells.
var ErrCommitUnknown = errors.New("the result of the commit is unknown")

// lostError: the connection was lost before the commit, so nothing happened.
type lostError struct{ error }

func (l lostError) Unwrap() error { return l.error }

// isLost reports whether a transaction may run again because its connection was lost.
func isLost(err error) bool {
	var lost lostError
	return errors.As(err, &lost)
}

// failed returns the error of a transaction that was not committed.
func (p *postgres) failed(ctx context.Context, tx pgx.Tx, err error) error {
	p.endReadOnly(ctx, tx, err)
	if tx.Conn().IsClosed() && ctx.Err() == nil && p.reason(err) == "" {
		err = lostError{err}
	}
	return p.note(err)
}

// commit returns ErrCommitUnknown when it cannot be told whether the server committed.
// pgx's SafeToRetry does not tell: its error for a connection that is lost meanwhile is
// that of one which was closed before.
func (p *postgres) commit(ctx context.Context, tx pgx.Tx) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case tx.Conn().IsClosed():
		return p.note(lostError{pgx.ErrTxClosed})
	}
	err := tx.Commit(ctx)
	if err != nil && !rolledBack(err) {
		err = fmt.Errorf("%w: %w", ErrCommitUnknown, err)
	}
	return p.note(err)
}

// uncertain is ErrCommitUnknown for an error of statements that were sent with their
// commit, unless nothing was sent.
func uncertain(err error) error {
	if err == nil || rolledBack(err) || pgconn.SafeToRetry(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCommitUnknown, err)
}

// rolledBack reports whether a failed commit has certainly changed nothing, because the
// server refused it. A server that ends the connection may have committed.
func rolledBack(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		ended := pgErr.Code == "25P03" || pgErr.Code == "25P04" // while it waited for the commit
		return ended || pgErr.SeverityUnlocalized == "ERROR"
	}
	return errors.Is(err, pgx.ErrTxClosed) || errors.Is(err, pgx.ErrTxCommitRollback)
}
