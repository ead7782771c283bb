package sealed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// ErrKey is a configuration whose keys do not fit the database.
var ErrKey = errors.New("encryption keys do not match the database")

// KeysOnRecord returns the ids of the keys that a database needs. It needs no
// keyring. A database without a schema needs no key.
func KeysOnRecord(ctx context.Context, d *db.DB) ([]string, error) {
	if version, err := d.Version(ctx); err != nil || version == 0 {
		return nil, err
	}
	records, err := d.Read().ListActiveEncryptionKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the keys on record: %w", err)
	}
	ids := make([]string, len(records))
	for i, rec := range records {
		ids[i] = rec.ID
	}
	return ids, nil
}

// CheckKeys checks that every key on record is configured and is the right one, and
// records the primary key when it is new. The error wraps ErrKey and names key ids
// only.
func (d *DB) CheckKeys(ctx context.Context, now time.Time) error {
	return d.recordPrimary(ctx, now, d.checkAll)
}

// CheckPrimary is CheckKeys for a rotation, which is how to get rid of the other
// keys: when the primary key is on record, the others may be missing.
func (d *DB) CheckPrimary(ctx context.Context, now time.Time) error {
	return d.recordPrimary(ctx, now, func(records []sqlitedb.EncryptionKey) error {
		for _, rec := range records {
			if rec.ID == d.keys.Primary() {
				return d.checkCanary(rec)
			}
		}
		return d.checkPresent(records)
	})
}

// KeysFit is CheckKeys without recording anything.
func (d *DB) KeysFit(ctx context.Context) error {
	records, err := d.activeKeys(ctx)
	if err != nil {
		return err
	}
	return d.checkAll(records)
}

// KeysReady returns nil when every key on record is configured and is the right one,
// and the primary key is on record and not retired.
func (d *DB) KeysReady(ctx context.Context) error {
	records, err := d.db.Read().ListActiveEncryptionKeys(ctx)
	if err != nil {
		return d.Translate("the database is not responding", err)
	}
	if err := d.checkAll(records); err != nil || d.primaryOnRecord(records) {
		return err
	}
	return d.whyNotOnRecord(ctx)
}

// recordPrimary records the primary key when it is new, unless check rejects the
// keys on record.
func (d *DB) recordPrimary(ctx context.Context, now time.Time, check func([]sqlitedb.EncryptionKey) error) error {
	known, err := d.checkPrimary(ctx, check)
	if err != nil || known {
		return err
	}
	// Two processes with two new keys must not both believe to be the first.
	return d.db.Exclusive(ctx, func() error {
		known, err := d.checkPrimary(ctx, check)
		if err != nil || known {
			return err
		}
		return d.recordKey(ctx, now)
	})
}

// checkPrimary checks the keys on record and reports whether the primary key is known.
// Before the first key is recorded, it tries the rows of another program.
func (d *DB) checkPrimary(ctx context.Context, check func([]sqlitedb.EncryptionKey) error) (known bool, err error) {
	records, err := d.activeKeys(ctx)
	if err != nil {
		return false, err
	}
	if err := check(records); err != nil || d.primaryOnRecord(records) {
		return true, err
	}
	if len(records) == 0 {
		return false, d.trySharedRows(ctx)
	}
	return false, nil
}

func (d *DB) activeKeys(ctx context.Context) ([]sqlitedb.EncryptionKey, error) {
	records, err := d.db.Read().ListActiveEncryptionKeys(ctx)
	return records, d.Translate("read the keys on record", err)
}

// checkAll checks that all keys on record are configured, and are the right ones.
func (d *DB) checkAll(records []sqlitedb.EncryptionKey) error {
	for _, rec := range records {
		if !d.keys.Has(rec.ID) {
			continue // checkPresent names all missing keys in one error
		}
		if err := d.checkCanary(rec); err != nil {
			return err
		}
	}
	return d.checkPresent(records)
}

// checkPresent checks that all keys on record are configured.
func (d *DB) checkPresent(records []sqlitedb.EncryptionKey) error {
	var missing []string
	for _, rec := range records {
		if !d.keys.Has(rec.ID) {
			missing = append(missing, rec.ID)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: the database needs key %s; configured: %s",
			ErrKey, strings.Join(missing, ", "), strings.Join(d.keys.IDs(), ", "))
	}
	return nil
}

// primaryOnRecord reports whether the primary key is on record.
func (d *DB) primaryOnRecord(records []sqlitedb.EncryptionKey) bool {
	for _, rec := range records {
		if rec.ID == d.keys.Primary() {
			return true
		}
	}
	return false
}

// whyNotOnRecord is the error of a process whose primary key is not on record.
func (d *DB) whyNotOnRecord(ctx context.Context) error {
	id := d.keys.Primary()
	_, err := d.db.Read().GetEncryptionKey(ctx, id)
	switch {
	case err == nil:
		return retiredKey(id)
	case d.Classify(err) == db.NoRows:
		return fmt.Errorf("%w: key %s is not on record yet", ErrKey, id)
	}
	return d.Translate("the database is not responding", err)
}
