package repo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// foreignPage is how many rows of FastMCP are read together.
const foreignPage = 500

// EachForeignRow calls f with every row that FastMCP has stored in the database, until it
// fails. It needs no table of mcpkeep's own, so that a report is possible before the first
// start. Rows that are written meanwhile may be missed.
func (r *Repo) EachForeignRow(ctx context.Context, f func(fastmcp.Row) error) error {
	return r.eachForeign(ctx, fastmcp.Collections(), f)
}

// EachForeignSession is EachForeignRow for sessions alone.
func (r *Repo) EachForeignSession(ctx context.Context, f func(fastmcp.Row) error) error {
	return r.eachForeign(ctx, []string{fastmcp.SessionCollection}, f)
}

func (r *Repo) eachForeign(ctx context.Context, collections []string, f func(fastmcp.Row) error) error {
	for table := range r.shared(nil) {
		for after, more := "", true; more; more = after != "" {
			var rows []fastmcp.Row
			var next string
			err := r.db.Read(ctx, "list rows of FastMCP", func(ctx context.Context, q db.Querier) (err error) {
				rows, next, err = r.shared(q)[table].List(ctx, after, foreignPage)
				return err
			})
			if err != nil {
				return err
			}
			for _, row := range rows {
				if !slices.Contains(collections, row.Collection) {
					continue
				}
				if err := f(row); err != nil {
					return err
				}
			}
			after = next
		}
	}
	return nil
}

// ForeignRow returns a row that FastMCP has stored in the database, expired or not. The error
// is fastmcp.ErrNoRow if there is none.
func (r *Repo) ForeignRow(ctx context.Context, collection, key string) (row fastmcp.Row, err error) {
	err = r.db.Read(ctx, "read a row of FastMCP", func(ctx context.Context, q db.Querier) error {
		return r.shared(q).find(func(t fastmcp.Table) (err error) {
			row, err = t.Get(ctx, collection, key)
			return err
		})
	})
	if errors.Is(err, storage.ErrNotFound) {
		err = fastmcp.ErrNoRow
	}
	return row, err
}

// ImportRows adds rows that were read from a store outside of the database. Their values are
// not encrypted, and are encrypted here. It returns how many were new: a row is imported once,
// and one that was deleted since, or that is there with another value, stays so. All are
// imported or, with an error, none.
func (r *Repo) ImportRows(ctx context.Context, rows []fastmcp.Row, now time.Time) (int, error) {
	imported := 0
	err := r.db.Write(ctx, "import rows of FastMCP", func(ctx context.Context, q db.Querier) error {
		imported = 0
		if err := r.db.CanSeal(ctx, q); err != nil {
			return err
		}
		for _, row := range rows {
			added, err := r.importRow(ctx, q, row, now)
			if err != nil {
				return err
			}
			imported += int(added)
		}
		return nil
	})
	return imported, err
}

// importRow marks a row before it adds it: another import of the same row waits for the mark.
func (r *Repo) importRow(ctx context.Context, q db.Querier, row fastmcp.Row, now time.Time) (int64, error) {
	name := fastmcp.RowKey(row.Collection, row.Key)
	n, err := q.MarkImported(ctx, sqlitedb.MarkImportedParams{KeyHash: string(storage.HashOf(name)), ImportedAt: unix(now)})
	if err != nil || n == 0 {
		return 0, err
	}
	value, err := fastmcp.Seal(r.keys, row.Value)
	if err != nil {
		return 0, err
	}
	created, updated, primary := row.CreatedAt.UTC(), now.UTC(), r.keys.Primary()
	if row.CreatedAt.IsZero() {
		created = updated
	}
	return q.ImportRow(ctx, sqlitedb.ImportRowParams{
		Key: name, Value: value, CreatedAt: &created, UpdatedAt: &updated, ValueKeyID: &primary,
	})
}
