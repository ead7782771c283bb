package rekey

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// KeyState is what the database says about a key.
type KeyState string

// The states of a key.
const (
	KeyActive      KeyState = "active"        // rows may need it
	KeyRetired     KeyState = "retired"       // no row needs it, and none ever will
	KeyNotOnRecord KeyState = "not_on_record" // configured, but never used to seal
)

// CanaryState reports whether a key matches its record.
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
// key ID next to them, which another program that writes to oauth_clients leaves
// out or as it was.
type Verify int

// What to open.
const (
	VerifyNothing Verify = iota
	VerifyClients        // the rows of oauth_clients
	VerifyAll
)

// Report is which keys there are and what they seal.
type Report struct {
	Keys []Key // those on record by age, then the others
	// Unnamed are rows of oauth_clients that do not name their key.
	Unnamed int64
	// The rest is known of rows that were opened:
	Unsealed   int64 // rows of oauth_clients from before encryption
	Foreign    int64 // rows of oauth_clients that another program sealed with a key other than the primary
	Unreadable UnreadableRows
}

// Report reports on keys. It needs neither the right keys nor all of them.
// progress, unless nil, is called after each page of rows that were opened.
func (k *Keys) Report(ctx context.Context, v Verify, progress func(done, total int64)) (Report, error) {
	records, err := k.db.Unsealed().Read().ListEncryptionKeys(ctx)
	if err != nil {
		return Report{}, k.db.Translate("read the keys on record", err)
	}
	b := reportBuilder{verify: v, progress: progress}
	if b.counts, err = k.countSealed(ctx); err != nil {
		return Report{}, err
	}
	if err := b.open(ctx, k); err != nil {
		return Report{}, err
	}
	b.Keys = k.keysOf(records)
	b.assign()
	return b.Report, nil
}

// keysOf lists the keys on record and the configured ones.
func (k *Keys) keysOf(records []sqlitedb.EncryptionKey) []Key {
	list := make([]Key, 0, len(records)+1)
	for _, rec := range records {
		list = append(list, k.keyOf(rec))
	}
	for _, id := range k.keys.IDs() {
		if !slices.ContainsFunc(list, func(known Key) bool { return known.ID == id }) {
			list = append(list, Key{ID: id, Configured: true, State: KeyNotOnRecord})
		}
	}
	for i := range list {
		list[i].Primary = list[i].ID == k.keys.Primary()
	}
	return list
}

func (k *Keys) keyOf(rec sqlitedb.EncryptionKey) Key {
	key := Key{
		ID: rec.ID, Configured: k.keys.Has(rec.ID), State: KeyActive, Canary: CanaryOpens,
		CreatedAt: time.Unix(rec.CreatedAt, 0).UTC(),
	}
	if rec.RetiredAt != nil {
		key.State, key.RetiredAt = KeyRetired, time.Unix(*rec.RetiredAt, 0).UTC()
	}
	if !key.Configured {
		key.Canary = CanaryKeyMissing
	} else if !k.db.CanaryOpens(rec) {
		key.Canary = CanaryDoesNotOpen
	}
	return key
}

// reportBuilder collects a report.
type reportBuilder struct {
	Report
	verify   Verify
	progress func(done, total int64)
	counts   []SealedCount
}

// open opens rows, and replaces the counts of oauth_clients with what is true.
func (b *reportBuilder) open(ctx context.Context, keys *Keys) error {
	var done, total int64
	opens := func(c sealedColumn) bool {
		return b.verify == VerifyAll || b.verify == VerifyClients && c.shared != nil
	}
	counts := map[string]int64{}
	if err := keys.countForeign(ctx, counts); err != nil {
		return err
	}
	for _, n := range b.counts {
		counts[n.name()] += n.Rows
	}
	for _, c := range keys.columns() {
		if opens(c) {
			total += counts[c.name()]
		}
	}
	for _, c := range keys.columns() {
		if !opens(c) {
			continue
		}
		if c.table == fastmcp.ClientTable {
			b.counts = slices.DeleteFunc(b.counts, func(n SealedCount) bool { return n.Table == fastmcp.ClientTable })
		}
		err := keys.pages(ctx, c, "", rowsAtOnce, func(rows []sealedRow) error {
			for i, o := range keys.openRows(c, rows) {
				b.count(c, rows[i], o, keys.sealing(c, o).Primary(), keys.keys)
			}
			if done += int64(len(rows)); b.progress != nil {
				b.progress(done, max(done, total))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count adds a row that was opened, and that is for the primary key to seal. Rows under keys of
// FastMCP's own are not counted by key.
func (b *reportBuilder) count(c sealedColumn, row sealedRow, o opened, primary string, keys *keyring.Keyring) {
	keyID := o.keyID
	switch {
	case o.err != nil:
		b.Unreadable.add(c, row, o.err)
		keyID = row.KeyID
	case keyID == "":
		b.Unsealed++
	case o.foreign && keyID != primary:
		b.Foreign++
	}
	if c.shared == nil || o.err == nil && (keyID == "" || keyID == primary && primary != keys.Primary() || !keys.Has(keyID)) {
		return // counted already, not sealed, or by FastMCP
	}
	for i := range b.counts {
		if n := &b.counts[i]; n.name() == c.name() && n.keyID == keyID {
			n.Rows++
			return
		}
	}
	b.counts = append(b.counts, SealedCount{Table: c.table, Column: c.column, Rows: 1, keyID: keyID})
}

// assign gives the counts to their keys.
func (b *reportBuilder) assign() {
	slices.SortFunc(b.counts, func(a, b SealedCount) int { return cmp.Compare(a.name(), b.name()) })
	for _, n := range b.counts {
		if n.keyID == "" {
			b.Unnamed += n.Rows
		}
		for i := range b.Keys {
			if b.Keys[i].ID == n.keyID {
				b.Keys[i].Sealed = append(b.Keys[i].Sealed, n)
			}
		}
	}
}
