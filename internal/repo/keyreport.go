package repo

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// KeyState is what the database says about a key.
type KeyState string

// The states of a key.
const (
	KeyActive      KeyState = "active"        // rows may need it
	KeyRetired     KeyState = "retired"       // no row needs it, and none ever will
	KeyNotOnRecord KeyState = "not_on_record" // configured, but never used to seal
)

// CanaryState is whether a key is the one that its record is of.
type CanaryState string

// The states of a canary; "" for a key that is not on record.
const (
	CanaryOpens       CanaryState = "opens"
	CanaryDoesNotOpen CanaryState = "does_not_open"
	CanaryKeyMissing  CanaryState = "key_missing" // not configured, so that it cannot be tried
)

// Key is a key on record, a configured one, or both.
type Key struct {
	ID         string
	Primary    bool // it comes first in the configuration
	Configured bool
	State      KeyState
	Canary     CanaryState
	CreatedAt  time.Time // zero when it is not on record
	RetiredAt  time.Time // zero when it is not retired
	Sealed     []SealedCount
}

// Rows is how many values the key sealed.
func (k Key) Rows() int64 {
	var rows int64
	for _, n := range k.Sealed {
		rows += n.Rows
	}
	return rows
}

// Verify says which rows a report opens. Without that, rows are counted by the
// key id beside them, which another program that writes to oauth_clients leaves
// out or as it was.
type Verify int

// What to open.
const (
	VerifyNothing Verify = iota
	VerifyClients        // the rows of oauth_clients
	VerifyAll
)

// KeyReport is which keys there are and what they seal.
type KeyReport struct {
	Keys []Key // those on record by age, then the others
	// Unnamed are rows of oauth_clients that do not name their key.
	Unnamed int64
	// The rest is known of rows that were opened:
	Unsealed   int64 // rows of oauth_clients from before encryption
	Foreign    int64 // rows of oauth_clients that another program sealed with a key other than the primary
	Unreadable UnreadableRows
}

// ReportKeys reports on keys. It needs neither the right keys nor all of them.
// progress, unless nil, is called after each page of rows that were opened.
func (r *Repo) ReportKeys(ctx context.Context, v Verify, progress func(done, total int64)) (KeyReport, error) {
	records, err := r.db.Read().ListEncryptionKeys(ctx)
	if err != nil {
		return KeyReport{}, r.translate("read the keys on record", err)
	}
	report := keyReport{verify: v, progress: progress}
	if report.counts, err = r.countSealed(ctx); err != nil {
		return KeyReport{}, err
	}
	if err := report.open(ctx, r); err != nil {
		return KeyReport{}, err
	}
	report.Keys = r.keysOf(records)
	report.assign()
	return report.KeyReport, nil
}

// keysOf lists the keys on record and the configured ones.
func (r *Repo) keysOf(records []sqlitedb.EncryptionKey) []Key {
	var keys []Key
	for _, rec := range records {
		k := Key{ID: rec.ID, Configured: r.keys.Has(rec.ID), State: KeyActive, CreatedAt: at(rec.CreatedAt), Canary: CanaryOpens}
		if rec.RetiredAt != nil {
			k.State, k.RetiredAt = KeyRetired, at(*rec.RetiredAt)
		}
		if !k.Configured {
			k.Canary = CanaryKeyMissing
		} else if !r.canaryOpens(rec) {
			k.Canary = CanaryDoesNotOpen
		}
		keys = append(keys, k)
	}
	for _, id := range r.keys.IDs() {
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.ID == id }) {
			keys = append(keys, Key{ID: id, Configured: true, State: KeyNotOnRecord})
		}
	}
	for i := range keys {
		keys[i].Primary = keys[i].ID == r.keys.Primary()
	}
	return keys
}

// keyReport is a report under way.
type keyReport struct {
	KeyReport
	verify   Verify
	progress func(done, total int64)
	counts   []SealedCount
}

// open opens rows, and replaces the counts of oauth_clients with what is true.
func (k *keyReport) open(ctx context.Context, r *Repo) error {
	var done, total int64
	opens := func(table string) bool {
		return k.verify == VerifyAll || k.verify == VerifyClients && table == clientsTable
	}
	for _, n := range k.counts {
		if opens(n.Table) {
			total += n.Rows
		}
	}
	for _, c := range sealedColumns() {
		if !opens(c.table) {
			continue
		}
		if c.table == clientsTable {
			k.counts = slices.DeleteFunc(k.counts, func(n SealedCount) bool { return n.Table == clientsTable })
		}
		err := r.pages(ctx, c, "", rowsAtOnce, func(rows []sealedRow) error {
			for i, o := range r.openRows(c, rows) {
				k.count(c, rows[i], o, r.keys.Primary())
			}
			if done += int64(len(rows)); k.progress != nil {
				k.progress(done, max(done, total))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count adds a row that was opened.
func (k *keyReport) count(c sealedColumn, row sealedRow, o opened, primary string) {
	keyID := o.keyID
	switch {
	case o.err != nil:
		k.Unreadable.add(c, row, o.err)
		keyID = row.KeyID
	case keyID == "":
		k.Unsealed++
	case o.foreign && keyID != primary:
		k.Foreign++
	}
	if c.table != clientsTable || o.err == nil && keyID == "" {
		return // counted already, or not sealed
	}
	for i := range k.counts {
		if n := &k.counts[i]; n.name() == c.name() && n.keyID == keyID {
			n.Rows++
			return
		}
	}
	k.counts = append(k.counts, SealedCount{Table: c.table, Column: c.column, Rows: 1, keyID: keyID})
}

// assign gives the counts to their keys.
func (k *keyReport) assign() {
	slices.SortFunc(k.counts, func(a, b SealedCount) int { return cmp.Compare(a.name(), b.name()) })
	for _, n := range k.counts {
		if n.keyID == "" {
			k.Unnamed += n.Rows
		}
		for i := range k.Keys {
			if k.Keys[i].ID == n.keyID {
				k.Keys[i].Sealed = append(k.Keys[i].Sealed, n)
			}
		}
	}
}
