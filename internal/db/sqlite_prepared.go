package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// openPrepared opens SQLite with connections that parse each generated query
// once. database/sql would have every query parsed every time it runs, which
// takes as long as running it; and statements prepared with database/sql cannot
// be made within a transaction while there is one connection that writes.
func openPrepared(dsn string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparing{connector}), nil
}

// preparing makes connections that keep their statements.
type preparing struct{ driver.Connector }

// Connect implements driver.Connector.
func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	known, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("unexpected driver connection type %T", conn), conn.Close())
	}
	return &preparedConn{sqliteConn: known, statements: make(map[string]*statement)}, nil
}

// sqliteConn is what the driver's connections can.
type sqliteConn interface {
	driver.Conn
	driver.Pinger
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// preparedConn keeps the statements of the generated queries, whose number is
// fixed. Like every driver.Conn it is for one goroutine at a time.
type preparedConn struct {
	sqliteConn
	statements map[string]*statement
}

// statement is a prepared statement.
type statement struct {
	sqliteStmt
	list bool // returns any number of rows
	busy bool // its rows are being read
}

// context is the one to run the statement with. To be able to interrupt it the
// driver starts a goroutine for each run, which takes half as long as the run of
// what reads or writes a few rows.
func (s *statement) context(ctx context.Context) context.Context {
	if s.list || ctx.Err() != nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// ExecContext implements driver.ExecerContext.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query)
	if s == nil || err != nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	return s.ExecContext(s.context(ctx), args)
}

// QueryContext implements driver.QueryerContext.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query)
	if s == nil || err != nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.QueryContext(s.context(ctx), args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &statementRows{Rows: rows, of: s}, nil
}

// generated is how every query of sqlc begins.
const generated = "-- name: "

// statement returns the prepared statement of a query; nil for one that is not
// generated, and for one whose rows are being read just now.
func (c *preparedConn) statement(ctx context.Context, query string) (*statement, error) {
	s, ok := c.statements[query]
	switch {
	case ok && s.busy, !strings.HasPrefix(query, generated):
		return nil, nil
	case ok:
		return s, nil
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	known, ok := prepared.(sqliteStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("unexpected driver statement type %T", prepared), prepared.Close())
	}
	heading, _, _ := strings.Cut(query, "\n")
	s = &statement{sqliteStmt: known, list: strings.HasSuffix(heading, ":many")}
	c.statements[query] = s
	return s, nil
}

// Close implements driver.Conn.
func (c *preparedConn) Close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	clear(c.statements)
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// statementRows tells the statement when its rows are read.
type statementRows struct {
	driver.Rows
	of *statement
}

// Close implements driver.Rows.
func (r *statementRows) Close() error {
	err := r.Rows.Close()
	r.of.busy = false
	return err
}
