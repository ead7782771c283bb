package rekey

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// Why a rotation ended before every old key was retired. Nothing is lost, and it
// may be run again.
var (
	// ErrStillSealing: rows encrypted with an old key keep appearing.
	ErrStillSealing = errors.New("rows encrypted with an old key keep appearing")
	// ErrForeignRows: another program sealed rows with an old key, and they were to
	// be left alone.
	ErrForeignRows = errors.New("another program encrypts rows of oauth_clients with an old key")
	// ErrUnreadableRows: there are rows that cannot be decrypted.
	ErrUnreadableRows = errors.New("some rows could not be decrypted")
)

const (
	// maxPasses is how often a rotation looks for rows of old keys.
	maxPasses = 6
	// rowsAtOnce are read, and then written in one transaction.
	rowsAtOnce = 200
)

// Rotation says how keys are rotated.
type Rotation struct {
	// Foreign: also re-encrypt rows of oauth_clients that another program sealed.
	Foreign bool
	// Settle is the pause before the database is looked through once more, in which
	// servers that still seal with an old key show themselves.
	Settle time.Duration
	// Rows per page; 0 for the default.
	Rows int
	// Now is the clock.
	Now func() time.Time
	// Progress is called after each page of rows; nil for no one.
	Progress func(Progress)
}

// Progress is how far a rotation is.
type Progress struct {
	Pass          int // from 1
	Table, Column string
	Done, Total   int64 // rows looked at in this pass
	Rekeyed       int64 // rows brought to the primary key, in all passes
}

// Rotated is what a rotation did.
type Rotated struct {
	Passes     int
	Rekeyed    int64    // rows
	Retired    []string // key ids
	Needed     []string // ids of old keys that rows needed in the last pass
	Foreign    int64    // rows of another program that were left alone
	Unreadable UnreadableRows
}

// Rotate brings every sealed value to the primary key, or what FastMCP has to read to the first
// of its own keys, and retires all other keys on record, while any number of servers and other rotations run. A row that
// changes meanwhile is left as it is and looked at again. The rows are the only
// state: a rotation that ends in any way, kill -9 included, continues when it is run
// again. What does not open is left alone and keeps its key from retirement.
//
// The error wraps ErrStillSealing, ErrForeignRows or ErrUnreadableRows, sealed.ErrKey
// when the primary key cannot be used, or ErrUnavailable.
func (k *Keys) Rotate(ctx context.Context, o Rotation) (Rotated, error) {
	t := &rotation{Keys: k, Rotation: o}
	if t.Rows == 0 {
		t.Rows = rowsAtOnce
	}
	err := k.db.CheckPrimary(ctx, o.Now())
	if err == nil {
		err = t.run(ctx)
	}
	return t.done, err
}

// rotation is a rotation under way.
type rotation struct {
	*Keys
	Rotation
	done Rotated

	// Of the pass under way:
	seen, total int64
	moved       int // rows that were sealed with an old key
}

func (t *rotation) run(ctx context.Context) error {
	for t.done.Passes < maxPasses {
		if t.done.Passes > 0 {
			if err := sleep(ctx, t.Settle); err != nil {
				return err
			}
		}
		if err := t.pass(ctx); err != nil {
			return err
		}
		old, err := t.oldKeys(ctx)
		if err != nil {
			return err
		}
		if t.moved > 0 || len(old) > 0 && t.done.Passes == 1 {
			continue // and see whether any appear
		}
		if finished, err := t.finish(ctx, old); err != nil || finished {
			return err
		}
	}
	return ErrStillSealing
}

// pass looks through all sealed columns once.
func (t *rotation) pass(ctx context.Context) error {
	t.done.Passes++
	t.done.Needed, t.done.Foreign, t.done.Unreadable = nil, 0, UnreadableRows{}
	t.seen, t.total, t.moved = 0, 0, 0
	counts, err := t.toLookAt(ctx)
	if err != nil {
		return err
	}
	for _, n := range counts {
		t.total += n
	}
	for _, c := range t.columns() {
		if counts[c.name()] == 0 {
			continue
		}
		if err := t.column(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// toLookAt counts the rows of each column that a pass looks at.
func (t *rotation) toLookAt(ctx context.Context) (map[string]int64, error) {
	list, err := t.countSealed(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for _, n := range list {
		if n.Table == fastmcp.ClientTable || n.keyID != t.keys.Primary() {
			counts[n.name()] += n.Rows
		}
	}
	return counts, t.countForeign(ctx, counts)
}

func (t *rotation) column(ctx context.Context, c sealedColumn) error {
	return t.pages(ctx, c, t.keys.Primary(), t.Rows, func(rows []sealedRow) error {
		if err := t.page(ctx, c, rows); err != nil {
			return err
		}
		t.seen += int64(len(rows))
		if t.Progress != nil {
			t.Progress(Progress{
				Pass: t.done.Passes, Table: c.table, Column: c.column,
				Done: t.seen, Total: max(t.total, t.seen), Rekeyed: t.done.Rekeyed,
			})
		}
		return nil
	})
}

// page re-encrypts what was sealed with old keys. The work is done before the
// transaction, which is short.
func (t *rotation) page(ctx context.Context, c sealedColumn, rows []sealedRow) error {
	writes, err := t.writes(c, rows)
	if err != nil || len(writes) == 0 {
		return err
	}
	for _, batch := range batches(c, writes) {
		began := time.Now()
		changed, err := t.write(ctx, c, batch)
		if err != nil {
			return err
		}
		t.done.Rekeyed += changed
		if err := t.makeRoom(ctx, time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// write writes a batch. Like every step that locks several clients, in whatever order, it locks
// their count before.
func (t *rotation) write(ctx context.Context, c sealedColumn, batch []writeParams) (int64, error) {
	counted := int64(0)
	if c.shared != nil && isClient(batch[0]) {
		counted = 1 // a row that changes, too
	}
	changed, err := t.db.WriteBatch(ctx, "re-encrypt rows", func(ctx context.Context, q db.Querier) error {
		if counted > 0 {
			if err := q.HoldClientCount(ctx); err != nil {
				return err
			}
		}
		for _, w := range batch {
			if err := c.write(ctx, q, w); err != nil {
				return err
			}
		}
		return nil
	})
	return changed - counted, err
}

func isClient(w writeParams) bool { return strings.HasPrefix(w.RowID, fastmcp.ClientKey("")) }

// batches are the writes of one transaction each. Who deletes a client locks its row first,
// and FastMCP's rows of its sessions at last, in the order of their keys. So clients' rows are
// never locked together with those, which are in that order.
func batches(c sealedColumn, writes []writeParams) [][]writeParams {
	if c.shared == nil {
		return [][]writeParams{writes}
	}
	var clients, others []writeParams
	for _, w := range writes {
		if isClient(w) {
			clients = append(clients, w)
			continue
		}
		others = append(others, w)
	}
	slices.SortFunc(others, func(a, b writeParams) int { return strings.Compare(a.RowID, b.RowID) })
	return slices.DeleteFunc([][]writeParams{clients, others}, func(b []writeParams) bool { return len(b) == 0 })
}

// makeRoom leaves SQLite's one writer to others for as long as it was taken:
// those who wait for it are not served in turn, and would starve.
func (t *rotation) makeRoom(ctx context.Context, took time.Duration) error {
	if t.db.Unsealed().Engine() != "sqlite" {
		return nil
	}
	return sleep(ctx, took)
}

// writes opens the rows and seals what must be written. What does not open is
// noted.
func (t *rotation) writes(c sealedColumn, rows []sealedRow) ([]writeParams, error) {
	var writes []writeParams
	for i, o := range t.openRows(c, rows) {
		row, old := rows[i], o.keyID != "" && o.keyID != t.sealing(c, o).Primary()
		switch {
		case o.err != nil:
			t.done.Unreadable.add(c, row, o.err)
			continue
		case old && o.foreign && !t.Foreign:
			t.done.Foreign++
			continue
		case !old && t.recorded(c, o, o.keyID) == row.KeyID:
			continue
		}
		w, err := t.reseal(c, row, o)
		if err != nil {
			return nil, err
		}
		if old {
			t.moved++
			t.needs(o.keyID)
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// sleep waits, and ends early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
