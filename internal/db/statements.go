package db

import (
	"context"
	"database/sql"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db/pgdb"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// statements runs what no generated query can be, next to the generated queries of the same
// transaction. Placeholders are PostgreSQL's, in the order of the arguments.
type statements interface {
	// change returns how many rows a statement changed, 0 in a batch.
	change(ctx context.Context, query string, args ...any) (int64, error)
	// rows calls each with a function that reads the columns of a row.
	rows(ctx context.Context, query string, args []any, each func(scan func(dest ...any) error) error) error
}

// withStatements are the generated queries together with such statements.
type withStatements struct {
	Querier
	statements
}

func pgQueries(tx pgdb.DBTX) Querier {
	return withStatements{pgQuerier{pgdb.New(tx)}, pgStatements{tx}}
}

func sqliteQueries(tx sqlitedb.DBTX) Querier {
	return withStatements{sqlitedb.New(tx), sqliteStatements{tx}}
}

type pgStatements struct{ tx pgdb.DBTX }

func (s pgStatements) change(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := s.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (s pgStatements) rows(ctx context.Context, query string, args []any, each func(scan func(dest ...any) error) error) error {
	rows, err := s.tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

type sqliteStatements struct{ tx sqlitedb.DBTX }

// numbered turns $1 into ?1.
func numbered(query string) string { return strings.ReplaceAll(query, "$", "?") }

func (s sqliteStatements) change(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.tx.ExecContext(ctx, numbered(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s sqliteStatements) rows(ctx context.Context, query string, args []any, each func(scan func(dest ...any) error) error) error {
	rows, err := s.tx.QueryContext(ctx, numbered(query), args...)
	if err != nil {
		return err
	}
	defer func(rows *sql.Rows) { _ = rows.Close() }(rows)
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
