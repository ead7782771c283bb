package db

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// ForeignRow is a row of a ForeignTable. What the table does not say is nil.
type ForeignRow struct {
	Key       string
	Value     string // JSON
	CreatedAt *time.Time
	ExpiresAt *time.Time
}

// ForeignClient is a ForeignRow of a client.
type ForeignClient struct {
	ForeignRow
	Grants int64
}

// where is the condition for a row, and its arguments.
func (t *ForeignTable) where(collection, key string) (condition string, args []any) {
	if t.Layout == LayoutKey {
		return "key = $1", []any{t.collection(collection) + ":" + key}
	}
	return "collection = $1 AND key = $2", []any{t.collection(collection), key}
}

// collection is the name of a collection in the table: py-key-value's wrapper for prefixes
// joins it with two underscores.
func (t *ForeignTable) collection(name string) string {
	if t.Prefix == "" {
		return name
	}
	return t.Prefix + "__" + name
}

// selection reads rows of the table t as ForeignRow does. Only the layout with collections has
// times that mean something.
func (t *ForeignTable) selection() string {
	columns := []string{"t.key", "CAST(t.value AS TEXT)"}
	for _, name := range []string{"created_at", "expires_at"} {
		if t.Layout == LayoutCollection && t.columns[name] != "" {
			columns = append(columns, "t."+name)
		} else {
			columns = append(columns, "NULL")
		}
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + t.quoted + " t WHERE "
}

// Get returns a row, nil for none.
func (t *ForeignTable) Get(ctx context.Context, q Querier, collection, key string) (*ForeignRow, error) {
	condition, args := t.where(collection, key)
	rows, err := t.read(ctx, q, t.selection()+condition, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	rows[0].Key = key // without the collection
	return &rows[0], nil
}

// List returns up to limit rows of a collection, in the order of their keys, from the first
// one after a key.
func (t *ForeignTable) List(ctx context.Context, q Querier, collection, after string, limit int) ([]ForeignRow, error) {
	name := t.collection(collection)
	if t.Layout == LayoutCollection {
		return t.read(ctx, q, t.selection()+"collection = $1 AND key > $2 ORDER BY key LIMIT $3", name, after, limit)
	}
	prefix := name + ":"
	rows, err := t.read(ctx, q, t.selection()+"substr(key, 1, $1) = $2 AND key > $3 ORDER BY key LIMIT $4", len(prefix), prefix, prefix+after, limit)
	for i := range rows {
		rows[i].Key = strings.TrimPrefix(rows[i].Key, prefix)
	}
	return rows, err
}

// ListAll returns a page of the rows of all collections, of a table with LayoutKey, after a row,
// and the row to continue after: "" at the end. In the keys of the rows is the collection.
func (t *ForeignTable) ListAll(ctx context.Context, q Querier, after string, limit int) (list []ForeignRow, next string, err error) {
	rows, err := t.read(ctx, q, t.selection()+"key > $1 ORDER BY key LIMIT $2", after, limit)
	for _, row := range rows {
		if len(rows) == limit {
			next = row.Key
		}
		if name, ok := strings.CutPrefix(row.Key, t.collection("")); ok {
			row.Key = name
			list = append(list, row)
		}
	}
	return list, next, err
}

// ListClients is List of clients that oauth_clients does not have, where they have the key of
// clientKey followed by their own. The grants are those that are live.
func (t *ForeignTable) ListClients(
	ctx context.Context, q Querier, collection, clientKey, after string, limit int, now int64,
) ([]ForeignClient, error) {
	name := t.collection(collection)
	condition, from := "t.collection = $1 AND t.key > $2", 1
	if t.Layout == LayoutKey {
		name += ":"
		condition, from, after = "substr(t.key, 1, "+strconv.Itoa(len(name))+") = $1 AND t.key > $2", len(name)+1, name+after
	}
	id := "substr(t.key, " + strconv.Itoa(from) + ")"
	query := strings.Replace(t.selection(), " FROM ", ", "+liveGrants(id)+" FROM ", 1) + condition +
		" AND NOT EXISTS (SELECT 1 FROM " + clientsTable + " o WHERE o.key = CAST($3 AS TEXT) || " + id + ") ORDER BY t.key LIMIT $4"
	var rows []ForeignClient
	err := run(q).rows(ctx, query, []any{name, after, clientKey, limit, now}, func(scan func(...any) error) error {
		var row ForeignClient
		err := scan(&row.Key, &row.Value, &row.CreatedAt, &row.ExpiresAt, &row.Grants)
		row.Key = row.Key[from-1:]
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// liveGrants counts as the query ListClients does.
func liveGrants(clientID string) string {
	return "(SELECT COUNT(*) FROM mcpkeep_grants g WHERE g.client_id = " + clientID + " AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL " +
		"AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST($5 AS BIGINT)))"
}

func (*ForeignTable) read(ctx context.Context, q Querier, query string, args ...any) ([]ForeignRow, error) {
	var rows []ForeignRow
	err := run(q).rows(ctx, query, args, func(scan func(...any) error) error {
		var row ForeignRow
		err := scan(&row.Key, &row.Value, &row.CreatedAt, &row.ExpiresAt)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// Count says how many rows there are, in all collections.
func (t *ForeignTable) Count(ctx context.Context, q Querier) (n int64, err error) {
	err = run(q).rows(ctx, "SELECT COUNT(*) FROM "+t.quoted, nil, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

// Lock keeps other transactions from changing a row, and says how many there are.
func (t *ForeignTable) Lock(ctx context.Context, q Querier, collection, key string) (int64, error) {
	condition, args := t.where(collection, key)
	return run(q).change(ctx, "UPDATE "+t.quoted+" SET key = key WHERE "+condition, args...)
}

// Delete deletes rows of a collection, and says how many there were.
func (t *ForeignTable) Delete(ctx context.Context, q Querier, collection string, keys ...string) (int64, error) {
	condition, args := "collection = $1 AND key IN (", []any{t.collection(collection)}
	if t.Layout == LayoutKey {
		condition, args = "key IN (", nil
	}
	first := len(args)
	for _, key := range keys {
		_, row := t.where(collection, key)
		args = append(args, row[len(row)-1])
	}
	return run(q).change(ctx, "DELETE FROM "+t.quoted+" WHERE "+condition+placeholders(first, len(args))+")", args...)
}

// Replace replaces the value of a row, if it is was unless that is "", and says how many it
// replaced. Its times stay, but that of the last change.
func (t *ForeignTable) Replace(ctx context.Context, q Querier, collection, key, was, value string, now time.Time) (int64, error) {
	condition, args := t.where(collection, key)
	next := func(arg any) string {
		args = append(args, arg)
		return "$" + strconv.Itoa(len(args))
	}
	set := "value = " + next(value)
	if t.columns["updated_at"] != "" {
		set += ", updated_at = " + next(now.UTC())
	}
	if was != "" {
		condition += " AND CAST(value AS TEXT) = " + next(was)
	}
	return run(q).change(ctx, "UPDATE "+t.quoted+" SET "+set+" WHERE "+condition, args...)
}

// Put adds a row that does not expire, or replaces one that is there, of which the time of
// creation stays.
func (t *ForeignTable) Put(ctx context.Context, q Querier, collection, key, value string, now time.Time) error {
	keys := "collection, key"
	if t.Layout == LayoutKey {
		keys = "key"
	}
	_, args := t.where(collection, key)
	names, changes := keys+", value", "value = excluded.value"
	args = append(args, value)
	for _, name := range []string{"created_at", "updated_at"} {
		if t.columns[name] != "" {
			names, args = names+", "+name, append(args, now.UTC())
		}
	}
	for _, change := range []string{"updated_at = excluded.updated_at", "ttl = NULL", "expires_at = NULL"} {
		if name, _, _ := strings.Cut(change, " "); t.columns[name] != "" {
			changes += ", " + change
		}
	}
	_, err := run(q).change(ctx, "INSERT INTO "+t.quoted+" ("+names+") VALUES ("+placeholders(0, len(args))+
		") ON CONFLICT ("+keys+") DO UPDATE SET "+changes, args...)
	return err
}

// placeholders are those of the arguments from one to another.
func placeholders(from, to int) string {
	list := make([]string, to-from)
	for i := range list {
		list[i] = "$" + strconv.Itoa(from+i+1)
	}
	return strings.Join(list, ", ")
}

// run returns what the statements of the transaction of q are run with.
func run(q Querier) statements { return q.(statements) } //nolint:forcetypeassert // each is a withStatements
