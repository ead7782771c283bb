package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// canary is what each key seals when it is put on record.
const canary = "mcpkeep"

// sampledClients is how many client rows are tried against the keys before the
// first key is put on record.
const sampledClients = 10

// ErrKey is a configuration whose keys do not fit the database.
var ErrKey = errors.New("encryption keys do not fit the database")

func canaryPlace(keyID string) place { return place{"encryption_keys", "canary", keyID} }

// CheckKeys makes sure that every key on record is configured and is the right
// one, and puts the primary on record when it is new. The error wraps ErrKey
// and names key ids only.
func (r *Repo) CheckKeys(ctx context.Context, now time.Time) error {
	return r.recordPrimary(ctx, now, r.keyRecords)
}

// KeysFit is CheckKeys for who only looks: nothing is put on record.
func (r *Repo) KeysFit(ctx context.Context) error {
	_, err := r.keyRecords(ctx)
	return err
}

// recordPrimary puts the primary on record when it is new, unless the check that
// reads the keys on record finds fault with them.
func (r *Repo) recordPrimary(
	ctx context.Context, now time.Time, check func(context.Context) ([]sqlitedb.EncryptionKey, error),
) error {
	records, err := check(ctx)
	if err != nil || r.onRecord(records) {
		return err
	}
	// Two processes with two new keys must not both believe to be the first.
	return r.db.Exclusive(ctx, func() error {
		records, err := check(ctx)
		if err != nil || r.onRecord(records) {
			return err
		}
		if len(records) == 0 {
			if err := r.trySharedRows(ctx); err != nil {
				return err
			}
		}
		return r.recordKey(ctx, now)
	})
}

// KeysOnRecord returns the ids of the keys that a database needs, before there
// is a keyring. A database without schema needs none.
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

// keyRecords reads the keys on record and opens their canaries.
func (r *Repo) keyRecords(ctx context.Context) ([]sqlitedb.EncryptionKey, error) {
	records, err := r.db.Read().ListActiveEncryptionKeys(ctx)
	if err != nil {
		return nil, r.translate("read the keys on record", err)
	}
	return records, r.checkRecords(records)
}

func (r *Repo) checkRecords(records []sqlitedb.EncryptionKey) error {
	for _, rec := range records {
		if !r.keys.Has(rec.ID) {
			continue // which is said last, of all of them together
		}
		if err := r.checkCanary(rec); err != nil {
			return err
		}
	}
	return r.checkPresent(records)
}

// checkPresent checks that all keys on record are configured.
func (r *Repo) checkPresent(records []sqlitedb.EncryptionKey) error {
	var missing []string
	for _, rec := range records {
		if !r.keys.Has(rec.ID) {
			missing = append(missing, rec.ID)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: the database needs key %s; configured: %s",
			ErrKey, strings.Join(missing, ", "), strings.Join(r.keys.IDs(), ", "))
	}
	return nil
}

func (r *Repo) checkCanary(rec sqlitedb.EncryptionKey) error {
	if !r.canaryOpens(rec) {
		return fmt.Errorf("%w: the canary of key %s does not open", ErrKey, rec.ID)
	}
	return nil
}

// canaryOpens says whether a key is the one that its record is of.
func (r *Repo) canaryOpens(rec sqlitedb.EncryptionKey) bool {
	opened, err := r.open(canaryPlace(rec.ID), keyring.Sealed{KeyID: rec.ID, Token: rec.Canary})
	return err == nil && string(opened) == canary
}

// onRecord says whether the primary is on record.
func (r *Repo) onRecord(records []sqlitedb.EncryptionKey) bool {
	for _, rec := range records {
		if rec.ID == r.keys.Primary() {
			return true
		}
	}
	return false
}

// recordKey puts the primary on record.
func (r *Repo) recordKey(ctx context.Context, now time.Time) error {
	id := r.keys.Primary()
	sealed, err := r.seal(canaryPlace(id), []byte(canary))
	if err != nil {
		return err
	}
	return r.write(ctx, "record the key", func(ctx context.Context, q db.Querier) error {
		created, err := q.CreateEncryptionKey(ctx, sqlitedb.CreateEncryptionKeyParams{
			ID: id, Canary: sealed.Token, CreatedAt: unix(now),
		})
		if err == nil && created == 0 {
			return retiredKey(id)
		}
		if err != nil {
			return err
		}
		return record(ctx, q, storage.Event{Type: storage.EventKeyRecorded, Detail: "key " + id}, now)
	})
}

// whyNotOnRecord is the error of a process whose primary is not on record.
func (r *Repo) whyNotOnRecord(ctx context.Context) error {
	id := r.keys.Primary()
	_, err := r.db.Read().GetEncryptionKey(ctx, id)
	switch {
	case err == nil:
		return retiredKey(id)
	case r.db.Classify(err) == db.NoRows:
		return fmt.Errorf("%w: key %s is not on record yet", ErrKey, id)
	}
	return r.translate("the database does not answer", err)
}

// retiredKey is the error of a process that would seal with a retired key.
func retiredKey(id string) error {
	return fmt.Errorf("%w: key %s, which comes first here, was retired: put the key that followed it first, "+
		"or a new one of `mcpkeep keys generate`", ErrKey, id)
}

// trySharedRows guards the first start on an adopted table: if there are client
// rows of another program that are sealed, and no configured key opens any, the
// keys are wrong. Rows from before encryption say nothing about keys.
func (r *Repo) trySharedRows(ctx context.Context) error {
	rows, err := r.db.Read().SampleClients(ctx, sampledClients)
	if err != nil {
		return r.translate("read the client rows", err)
	}
	failed := false
	for _, row := range rows {
		_, err := fastmcp.Open(r.keys, row.Value)
		if err == nil && fastmcp.IsSealed(row.Value) {
			return nil
		}
		failed = failed || err != nil
	}
	if failed {
		return fmt.Errorf("%w: no sealed row in oauth_clients opens; configured: %s", ErrKey, strings.Join(r.keys.IDs(), ", "))
	}
	return nil
}

// blameRetirement finds out whether a write failed because the key that this
// process seals with was retired meanwhile, which the foreign keys of the sealed
// columns notice. Other replicas seal with the key that followed it, so this is
// transient: it ends with the rollout that brings that key here.
func (r *Repo) blameRetirement(ctx context.Context, err error) error {
	if r.db.Classify(err) != db.ForeignKey {
		return err
	}
	rec, readErr := r.db.Read().GetEncryptionKey(ctx, r.keys.Primary())
	if readErr != nil || rec.ActiveID != nil {
		return err
	}
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, retiredKey(rec.ID))
}

// canSeal refuses a step after which there will be something to seal that must not
// get lost, in a process that could not.
func (r *Repo) canSeal(ctx context.Context, q db.Querier) error {
	rec, err := q.GetEncryptionKey(ctx, r.keys.Primary())
	if err == nil && rec.ActiveID == nil {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, retiredKey(rec.ID))
	}
	return err
}
