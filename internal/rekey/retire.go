package rekey

import (
	"context"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// needs notes that a row needs an old key.
func (t *rotation) needs(keyID string) {
	if !slices.Contains(t.done.Needed, keyID) {
		t.done.Needed = append(t.done.Needed, keyID)
	}
}

// oldKeys returns the ids of the keys on record that are to be retired.
func (t *rotation) oldKeys(ctx context.Context) ([]string, error) {
	records, err := t.db.Unsealed().Read().ListActiveEncryptionKeys(ctx)
	var ids []string
	for _, rec := range records {
		if rec.ID != t.keys.Primary() {
			ids = append(ids, rec.ID)
		}
	}
	return ids, t.db.Translate("read the keys on record", err)
}

// finish retires the old keys. It is not finished when rows have appeared that
// need one.
func (t *rotation) finish(ctx context.Context, old []string) (finished bool, err error) {
	finished = true
	for _, id := range old {
		if t.mayNeed(id) {
			t.needs(id)
			continue
		}
		retired, err := t.retire(ctx, id, t.Now())
		switch {
		case t.db.Classify(err) == db.ForeignKey:
			t.needs(id)
			finished = finished && t.done.Unreadable.of(id)
		case err != nil:
			return false, err
		case retired:
			t.done.Retired = append(t.done.Retired, id)
		}
	}
	switch {
	case !finished:
		return false, nil
	case t.done.Foreign > 0:
		return true, ErrForeignRows
	case t.done.Unreadable.Total > 0:
		return true, ErrUnreadableRows
	}
	return true, nil
}

// mayNeed reports whether rows that do not name their key may need this one: those
// of another program that were left alone, or that could not be tried with it.
func (t *rotation) mayNeed(keyID string) bool {
	return t.done.Foreign > 0 || t.done.Unreadable.unknown > 0 && !t.keys.Has(keyID)
}

// retire retires a key that no row needs, which the foreign keys of the sealed
// columns watch over; false when another process was faster.
func (k *Keys) retire(ctx context.Context, id string, now time.Time) (retired bool, err error) {
	err = k.db.Write(ctx, "retire a key", func(ctx context.Context, q db.Querier) error {
		n, err := q.RetireEncryptionKey(ctx, sqlitedb.RetireEncryptionKeyParams{Now: now.Unix(), ID: id})
		if retired = n > 0; err != nil || !retired {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{Type: storage.EventKeyRetired, Detail: "key " + id}, now)
	})
	return retired && err == nil, err
}
