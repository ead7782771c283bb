package repo

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// shared returns the tables with rows of FastMCP, in the transaction of q.
func (r *Repo) shared(q db.Querier) sharedTables {
	f := r.theirs()
	if f.Named {
		return r.foreignTables(q)
	}
	own := clientTable{q: q, classify: r.db.Classify}
	if f.Over || f.Keys == nil && !f.Plain {
		primary := r.keys.Primary()
		own.keyID = &primary
	}
	return append(sharedTables{own}, r.foreignTables(q)...)
}

// clientTable is the table of the clients, which has FastMCP's other collections as well.
type clientTable struct {
	q        db.Querier
	classify func(error) db.Kind
	keyID    *string // of the encryption key that values are sealed with, nil for another one
}

// Get implements fastmcp.Rows.
func (t clientTable) Get(ctx context.Context, collection, key string) (fastmcp.Row, error) {
	row, err := t.q.GetClientValue(ctx, fastmcp.RowKey(collection, key))
	if t.classify(err) == db.NoRows {
		err = fastmcp.ErrNoRow
	}
	return fastmcp.Row{Collection: collection, Key: key, Value: row.Value, CreatedAt: timeOf(row.CreatedAt)}, err
}

// List implements fastmcp.Rows. It walks over the whole table: where one collection ends shows
// only at the end, because databases sort texts in orders of their own.
func (t clientTable) List(ctx context.Context, after string, limit int) (list []fastmcp.Row, next string, err error) {
	rows, err := t.q.ListRowsOfFastMCP(ctx, sqlitedb.ListRowsOfFastMCPParams{After: after, MaxRows: int64(limit)})
	for _, row := range rows {
		collection, key, _ := strings.Cut(row.Key, ":")
		list = append(list, fastmcp.Row{Collection: collection, Key: key, Value: row.Value, CreatedAt: timeOf(row.CreatedAt)})
	}
	if len(rows) == limit {
		next = rows[limit-1].Key
	}
	return list, next, err
}

// Lock implements fastmcp.Table.
func (t clientTable) Lock(ctx context.Context, collection, key string) error {
	return changedRow(t.q.LockClient(ctx, fastmcp.RowKey(collection, key)))
}

// Put implements fastmcp.Table. The table has no column for an expiry.
func (t clientTable) Put(ctx context.Context, row fastmcp.Row, now time.Time) error {
	created := now.UTC()
	return t.q.PutSharedRow(ctx, sqlitedb.PutSharedRowParams{
		Key: fastmcp.RowKey(row.Collection, row.Key), Value: row.Value, CreatedAt: &created, UpdatedAt: &created, ValueKeyID: t.keyID,
	})
}

// Replace implements fastmcp.Table.
func (t clientTable) Replace(ctx context.Context, collection, key string, value json.RawMessage, now time.Time) error {
	updated := now.UTC()
	return changedRow(t.q.ReplaceSharedRow(ctx, sqlitedb.ReplaceSharedRowParams{
		Value: value, UpdatedAt: &updated, ValueKeyID: t.keyID, Key: fastmcp.RowKey(collection, key),
	}))
}

// Delete implements fastmcp.Table.
func (t clientTable) Delete(ctx context.Context, collection, key string) error {
	_, err := t.q.DeleteSharedRow(ctx, fastmcp.RowKey(collection, key))
	return err
}

func changedRow(n int64, err error) error {
	if err == nil && n == 0 {
		return fastmcp.ErrNoRow
	}
	return err
}

// timeOf is the time in a column that may be NULL.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// sharedTables are tables in the order in which a row is looked for. A row is in one of
// them as a rule, and wherever it is it ends.
type sharedTables []fastmcp.Table

// find calls f with each table until one has the row. The error is ErrNotFound if none has.
func (s sharedTables) find(f func(fastmcp.Table) error) error {
	for _, t := range s {
		if err := f(t); !errors.Is(err, fastmcp.ErrNoRow) {
			return err
		}
	}
	return storage.ErrNotFound
}

// get returns a row. The error is ErrNotFound for none, and for one that has expired.
func (s sharedTables) get(ctx context.Context, collection, key string, now time.Time) (row fastmcp.Row, err error) {
	err = s.find(func(t fastmcp.Table) (err error) {
		row, err = t.Get(ctx, collection, key)
		return err
	})
	if err == nil && row.Expired(now) {
		err = storage.ErrNotFound
	}
	return row, err
}

// lock locks a row. The error is ErrNotFound for none.
func (s sharedTables) lock(ctx context.Context, collection, key string) error {
	return s.find(func(t fastmcp.Table) error { return t.Lock(ctx, collection, key) })
}

// replace replaces the value of a row. The error is ErrNotFound for none.
func (s sharedTables) replace(ctx context.Context, collection, key string, value json.RawMessage, now time.Time) error {
	return s.find(func(t fastmcp.Table) error { return t.Replace(ctx, collection, key, value, now) })
}

// delete deletes a row, wherever it is.
func (s sharedTables) delete(ctx context.Context, collection, key string) error {
	for _, t := range s {
		if err := t.Delete(ctx, collection, key); err != nil {
			return err
		}
	}
	return nil
}

// take deletes a row for the one caller that finds it. The error is ErrNotFound for others.
func (s sharedTables) take(ctx context.Context, collection, key string) error {
	if err := s.lock(ctx, collection, key); err != nil {
		return err
	}
	return s.delete(ctx, collection, key)
}
