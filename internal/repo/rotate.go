package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// Why a rotation ended before every old key was retired. Nothing is lost, and it
// may be run again.
var (
	// ErrStillSealing: rows sealed with an old key keep appearing.
	ErrStillSealing = errors.New("rows sealed with an old key keep appearing")
	// ErrForeignRows: another program sealed rows with an old key, and they were to
	// be left alone.
	ErrForeignRows = errors.New("another program seals rows of oauth_clients with an old key")
	// ErrUnreadableRows: there are rows that do not open.
	ErrUnreadableRows = errors.New("rows do not open")
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
	// Rows at once; 0 for the usual number.
	Rows int
	// Now is the clock.
	Now func() time.Time
	// Progress is called after each page of rows; nil for nobody.
	Progress func(RotationProgress)
}

// RotationProgress is how far a rotation is.
type RotationProgress struct {
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

// RotateKeys brings every sealed value to the primary key and retires all other
// keys on record, while any number of servers and other rotations run. A row that
// changes meanwhile is left as it is and looked at again. The rows are the only
// state: a rotation that ends in any way, kill -9 included, goes on when it is run
// again. What does not open is left alone and keeps its key from retirement.
//
// The error wraps ErrStillSealing, ErrForeignRows or ErrUnreadableRows, ErrKey
// when the primary key cannot be used, or ErrUnavailable.
func (r *Repo) RotateKeys(ctx context.Context, o Rotation) (Rotated, error) {
	t := &rotation{Repo: r, Rotation: o}
	if t.Rows == 0 {
		t.Rows = rowsAtOnce
	}
	err := r.recordPrimary(ctx, o.Now(), r.recordsForRotation)
	if err == nil {
		err = t.run(ctx)
	}
	return t.done, err
}

// recordsForRotation reads the keys on record. A rotation that is to go on needs
// the right primary only: it is how to get rid of the others. To put a new key on
// record all must be there, as at the start of a server.
func (r *Repo) recordsForRotation(ctx context.Context) ([]sqlitedb.EncryptionKey, error) {
	records, err := r.db.Read().ListActiveEncryptionKeys(ctx)
	if err != nil {
		return nil, r.translate("read the keys on record", err)
	}
	for _, rec := range records {
		if rec.ID == r.keys.Primary() {
			return records, r.checkCanary(rec)
		}
	}
	return records, r.checkPresent(records)
}

// rotation is a rotation under way.
type rotation struct {
	*Repo
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
	for _, c := range sealedColumns() {
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
		if n.Table == clientsTable || n.keyID != t.keys.Primary() {
			counts[n.name()] += n.Rows
		}
	}
	return counts, nil
}

func (t *rotation) column(ctx context.Context, c sealedColumn) error {
	return t.pages(ctx, c, t.keys.Primary(), t.Rows, func(rows []sealedRow) error {
		if err := t.page(ctx, c, rows); err != nil {
			return err
		}
		t.seen += int64(len(rows))
		if t.Progress != nil {
			t.Progress(RotationProgress{
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
	began := time.Now()
	changed, err := t.writeBatch(ctx, "re-encrypt rows", func(ctx context.Context, q db.Querier) error {
		for _, w := range writes {
			if err := c.write(ctx, q, w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.done.Rekeyed += changed
	return t.makeRoom(ctx, time.Since(began))
}

// makeRoom leaves SQLite's one writer to others for as long as it was taken:
// those who wait for it are not served in turn, and would starve.
func (t *rotation) makeRoom(ctx context.Context, took time.Duration) error {
	if t.db.Engine() != "sqlite" {
		return nil
	}
	return sleep(ctx, took)
}

// writes opens the rows and seals what must be written. What does not open is
// noted.
func (t *rotation) writes(c sealedColumn, rows []sealedRow) ([]writeParams, error) {
	var writes []writeParams
	for i, o := range t.openRows(c, rows) {
		row, old := rows[i], o.keyID != "" && o.keyID != t.keys.Primary()
		switch {
		case o.err != nil:
			t.done.Unreadable.add(c, row, o.err)
			continue
		case old && o.foreign && !t.Foreign:
			t.done.Foreign++
			continue
		case !old && o.keyID == row.KeyID:
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
