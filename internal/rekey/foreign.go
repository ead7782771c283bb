package rekey

import (
	"context"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// Share makes the tables known that a FastMCP server has besides oauth_clients, and the keys
// of its own, nil for none. With keys of its own, its tables need no key of ours, and rows
// under them are left alone.
func (k *Keys) Share(tables []*db.ForeignTable, keys *keyring.Keyring) {
	k.theirs = keys
	if keys == nil {
		k.tables = tables
	}
}

// columns are all that keys are rotated in.
func (k *Keys) columns() []sealedColumn {
	list := sealedColumns()
	for _, t := range k.tables {
		list = append(list, sealedColumn{table: t.String(), column: "value", shared: true, page: pageOfForeign(t), write: writeForeign(t)})
	}
	return list
}

// pageOfForeign returns rows of FastMCP's collections, one collection after the other.
func pageOfForeign(t *db.ForeignTable) func(context.Context, db.Querier, pageParams) ([]sealedRow, error) {
	return func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
		var page []sealedRow
		from, after, _ := strings.Cut(p.After, ":")
		for _, collection := range fastmcp.Collections() {
			if collection < from {
				continue
			}
			if collection > from {
				after = ""
			}
			rows, err := t.List(ctx, q, collection, after, int(p.MaxRows)-len(page))
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				page = append(page, sealedRow{RowID: fastmcp.RowKey(collection, row.Key), Token: row.Value})
			}
			if len(page) == int(p.MaxRows) {
				break
			}
		}
		return page, nil
	}
}

func writeForeign(t *db.ForeignTable) func(context.Context, db.Querier, writeParams) error {
	return func(ctx context.Context, q db.Querier, w writeParams) error {
		collection, key, _ := strings.Cut(w.RowID, ":")
		_, err := t.Replace(ctx, q, collection, key, w.OldToken, w.Token, time.Now())
		return err
	}
}

// countForeign counts the rows of FastMCP's tables by their columns' names.
func (k *Keys) countForeign(ctx context.Context, counts map[string]int64) error {
	for _, t := range k.tables {
		n, err := t.Count(ctx, k.db.Unsealed().Read())
		if err != nil {
			return k.db.Translate("count the rows of "+t.String(), err)
		}
		counts[t.String()+".value"] = n
	}
	return nil
}
