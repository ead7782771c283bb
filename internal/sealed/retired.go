package sealed

import (
	"context"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// retiredKey is the error of a process that would seal with a retired key.
func retiredKey(id string) error {
	return fmt.Errorf("%w: key %s, which is configured first, was retired: put its successor first, "+
		"or a new key from `mcpkeep keys generate`", ErrKey, id)
}

// explainRetirement finds out whether a write failed because the key that this
// process seals with was retired meanwhile, which the foreign keys of the sealed
// columns notice. Other replicas seal with the key that followed it, so this is
// transient: it ends with the rollout that brings that key here.
func (d *DB) explainRetirement(ctx context.Context, err error) error {
	if d.Classify(err) != db.ForeignKey {
		return err
	}
	rec, readErr := d.db.Read().GetEncryptionKey(ctx, d.keys.Primary())
	if readErr != nil || rec.ActiveID != nil {
		return err
	}
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, retiredKey(rec.ID))
}

// CanSeal refuses a step after which there will be something to seal that must not
// get lost, in a process that could not.
func (d *DB) CanSeal(ctx context.Context, q db.Querier) error {
	rec, err := q.GetEncryptionKey(ctx, d.keys.Primary())
	if err == nil && rec.ActiveID == nil {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, retiredKey(rec.ID))
	}
	return err
}
