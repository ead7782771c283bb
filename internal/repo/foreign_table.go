package repo

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// foreignTable is a table of FastMCP's own, in the transaction of q.
type foreignTable struct {
	t *db.ForeignTable
	q db.Querier
}

// foreignTables are the tables besides oauth_clients.
func (r *Repo) foreignTables(q db.Querier) sharedTables {
	tables := r.theirs().Tables
	list := make(sharedTables, len(tables))
	for i, t := range tables {
		list[i] = foreignTable{t, q}
	}
	return list
}

func foreignRow(collection string, row db.ForeignRow) fastmcp.Row {
	return fastmcp.Row{
		Collection: collection, Key: row.Key, Value: json.RawMessage(row.Value),
		CreatedAt: timeOf(row.CreatedAt), ExpiresAt: timeOf(row.ExpiresAt),
	}
}

// Get implements fastmcp.Rows.
func (f foreignTable) Get(ctx context.Context, collection, key string) (fastmcp.Row, error) {
	row, err := f.t.Get(ctx, f.q, collection, key)
	switch {
	case err != nil:
		return fastmcp.Row{}, err
	case row == nil:
		return fastmcp.Row{}, fastmcp.ErrNoRow
	}
	return foreignRow(collection, *row), nil
}

// List implements fastmcp.Rows.
func (f foreignTable) List(ctx context.Context, after string, limit int) (list []fastmcp.Row, next string, err error) {
	if f.t.Layout == db.LayoutKey {
		rows, next, err := f.t.ListAll(ctx, f.q, after, limit)
		for _, row := range rows {
			collection, key, _ := strings.Cut(row.Key, ":")
			row.Key = key
			list = append(list, foreignRow(collection, row))
		}
		return list, next, err
	}
	from, key, _ := strings.Cut(after, ":")
	for _, collection := range fastmcp.Collections() {
		if collection < from {
			continue
		}
		if collection > from {
			key = ""
		}
		rows, err := f.t.List(ctx, f.q, collection, key, limit-len(list))
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			list = append(list, foreignRow(collection, row))
			next = fastmcp.RowKey(collection, row.Key)
		}
		if len(list) == limit {
			return list, next, nil
		}
	}
	return list, "", nil
}

// Lock implements fastmcp.Table.
func (f foreignTable) Lock(ctx context.Context, collection, key string) error {
	return changedRow(f.t.Lock(ctx, f.q, collection, key))
}

// Put implements fastmcp.Table. The row does not expire.
func (f foreignTable) Put(ctx context.Context, row fastmcp.Row, now time.Time) error {
	return f.t.Put(ctx, f.q, row.Collection, row.Key, string(row.Value), now)
}

// Replace implements fastmcp.Table.
func (f foreignTable) Replace(ctx context.Context, collection, key string, value json.RawMessage, now time.Time) error {
	return changedRow(f.t.Replace(ctx, f.q, collection, key, "", string(value), now))
}

// Delete implements fastmcp.Table.
func (f foreignTable) Delete(ctx context.Context, collection, key string) error {
	_, err := f.t.Delete(ctx, f.q, collection, key)
	return err
}
