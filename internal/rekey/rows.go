package rekey

import (
	"context"
	"encoding/json"
	"runtime"
	"sync"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
)

// opened is what a row held.
type opened struct {
	plaintext []byte
	keyID     string // of the key that opened it, "" when it was not sealed
	// foreign: another program wrote the row after we did, or instead of us.
	foreign bool
	// around are the members of a client in the clear, of which one was sealed.
	around map[string]json.RawMessage
	// err: ErrUnavailable when the key is not configured, or an UnreadableError.
	err error
}

// openRows opens rows of a column, on all processors: it is most of the work.
func (k *Keys) openRows(c sealedColumn, rows []sealedRow) []opened {
	list := make([]opened, len(rows))
	workers := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for first := range workers {
		all.Go(func() {
			for i := first; i < len(rows); i += workers {
				list[i] = k.openRow(c, rows[i])
			}
		})
	}
	all.Wait()
	return list
}

func (k *Keys) openRow(c sealedColumn, row sealedRow) opened {
	if c.shared != nil {
		return k.openClientRow(c, row)
	}
	plaintext, err := k.db.Open(c.place(row.RowID), keyring.Sealed{KeyID: row.KeyID, Token: row.Token})
	return opened{plaintext: plaintext, keyID: row.KeyID, err: err}
}

// reseal seals what a row held with the first key of those that are right for it.
func (k *Keys) reseal(c sealedColumn, row sealedRow, o opened) (writeParams, error) {
	if c.shared != nil {
		return k.resealClientRow(c, row, o)
	}
	value, err := k.db.Seal(c.place(row.RowID), o.plaintext)
	return writeParams{Token: value.Token, KeyID: value.KeyID, RowID: row.RowID, OldToken: row.Token}, err
}

// SealedCount is how many rows of a column a key sealed.
type SealedCount struct {
	Table, Column string
	Rows          int64
	keyID         string
}

func (n SealedCount) name() string { return n.Table + "." + n.Column }

func (c sealedColumn) name() string { return c.table + "." + c.column }

// countSealed counts the rows of each column and key, by the key IDs next to them.
func (k *Keys) countSealed(ctx context.Context) ([]SealedCount, error) {
	ctx, cancel := context.WithTimeout(ctx, sealed.BatchTimeout)
	defer cancel()
	rows, err := k.db.Unsealed().Read().CountSealedRows(ctx)
	if err != nil {
		return nil, k.db.Translate("count the encrypted rows", err)
	}
	counts := make([]SealedCount, len(rows))
	for i, row := range rows {
		counts[i] = SealedCount{Table: row.TableName, Column: row.ColumnName, Rows: row.RowCount, keyID: row.KeyID}
	}
	return counts, nil
}

// pages calls visit with the rows of a column that are not sealed with a key ("" for
// all rows), in pages, in the order of their primary keys.
func (k *Keys) pages(
	ctx context.Context, c sealedColumn, notKey string, rowsAtOnce int, visit func([]sealedRow) error,
) error {
	p := pageParams{PrimaryID: notKey, MaxRows: int64(rowsAtOnce)}
	for {
		rows, err := k.page(ctx, c, p)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := visit(rows); err != nil {
				return err
			}
			p.After = rows[len(rows)-1].RowID
		}
		if len(rows) < rowsAtOnce {
			return nil
		}
	}
}

func (k *Keys) page(ctx context.Context, c sealedColumn, p pageParams) ([]sealedRow, error) {
	ctx, cancel := context.WithTimeout(ctx, sealed.BatchTimeout)
	defer cancel()
	rows, err := c.page(ctx, k.db.Unsealed().Read(), p)
	return rows, k.db.Translate("read "+c.name(), err)
}
