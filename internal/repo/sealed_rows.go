package repo

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// opened is what a row held.
type opened struct {
	plaintext []byte
	keyID     string // of the key that opened it, "" when it was not sealed
	// foreign: another program wrote the row after we did, or instead of us.
	foreign bool
	// err: ErrUnavailable for want of the key, or an UnreadableError.
	err error
}

// openRows opens rows of a column, on all processors: it is most of the work.
func (r *Repo) openRows(c sealedColumn, rows []sealedRow) []opened {
	list := make([]opened, len(rows))
	workers := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for first := range workers {
		all.Go(func() {
			for i := first; i < len(rows); i += workers {
				list[i] = r.openRow(c, rows[i])
			}
		})
	}
	all.Wait()
	return list
}

func (r *Repo) openRow(c sealedColumn, row sealedRow) opened {
	if c.table == clientsTable {
		return r.openClientRow(row)
	}
	plaintext, err := r.open(c.place(row.RowID), keyring.Sealed{KeyID: row.KeyID, Token: row.Token})
	return opened{plaintext: plaintext, keyID: row.KeyID, err: err}
}

// reseal seals what a row held with the primary key.
func (r *Repo) reseal(c sealedColumn, row sealedRow, o opened) (writeParams, error) {
	if c.table == clientsTable {
		return r.resealClientRow(row, o)
	}
	sealed, err := r.seal(c.place(row.RowID), o.plaintext)
	return writeParams{Token: sealed.Token, KeyID: sealed.KeyID, RowID: row.RowID, OldToken: row.Token}, err
}

// SealedCount is how many rows of a column a key sealed.
type SealedCount struct {
	Table, Column string
	Rows          int64
	keyID         string
}

func (n SealedCount) name() string { return n.Table + "." + n.Column }

func (c sealedColumn) name() string { return c.table + "." + c.column }

// countSealed counts the rows of each column and key, by the key ids beside them.
func (r *Repo) countSealed(ctx context.Context) ([]SealedCount, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	rows, err := r.db.Read().CountSealedRows(ctx)
	if err != nil {
		return nil, r.translate("count the sealed rows", err)
	}
	counts := make([]SealedCount, len(rows))
	for i, row := range rows {
		counts[i] = SealedCount{Table: row.TableName, Column: row.ColumnName, Rows: row.RowCount, keyID: row.KeyID}
	}
	return counts, nil
}

// pageTimeout is for a query that may have to go through a whole table.
const pageTimeout = time.Minute

// pages calls visit with the rows of a column that are not sealed with a key ("" for
// all rows), some at once, in the order of their primary keys.
func (r *Repo) pages(
	ctx context.Context, c sealedColumn, notKey string, rowsAtOnce int, visit func([]sealedRow) error,
) error {
	p := pageParams{PrimaryID: notKey, MaxRows: int64(rowsAtOnce)}
	for {
		rows, err := r.page(ctx, c, p)
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

func (r *Repo) page(ctx context.Context, c sealedColumn, p pageParams) ([]sealedRow, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	rows, err := c.page(ctx, r.db.Read(), p)
	return rows, r.translate("read "+c.name(), err)
}

// writeBatch is write for many statements without a result.
func (r *Repo) writeBatch(
	ctx context.Context, op string, f func(context.Context, db.Querier) error,
) (changed int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	changed, err = r.db.InBatch(ctx, func(q db.Querier) error { return f(ctx, q) })
	return changed, r.translate(op, r.blameRetirement(ctx, err))
}
