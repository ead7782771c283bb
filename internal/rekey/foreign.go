package rekey

import (
	"context"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// Shared is what a FastMCP server has. Without one, all keys are the configured ones.
type Shared struct {
	Tables  []*db.ForeignTable // besides oauth_clients
	Opening *keyring.Keyring   // open its rows and ours
	Sealing *keyring.Keyring   // seal rows of Tables
	Clients *keyring.Keyring   // seal rows of oauth_clients
}

// Share makes known what a FastMCP server has.
func (k *Keys) Share(s Shared) {
	k.shared = s
	k.db.AlsoOpen(s.Opening)
}

// columns are all that keys are rotated in.
func (k *Keys) columns() []sealedColumn {
	list := sealedColumns(k.shared.Clients)
	for _, t := range k.shared.Tables {
		list = append(list, sealedColumn{
			table: t.String(), column: "value", shared: k.shared.Sealing, unnamed: true, page: pageOfForeign(t), write: writeForeign(t),
		})
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
	for _, t := range k.shared.Tables {
		n, err := t.Count(ctx, k.db.Unsealed().Read())
		if err != nil {
			return k.db.Translate("count the rows of "+t.String(), err)
		}
		counts[t.String()+".value"] = n
	}
	return nil
}
