package sealed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// canary is what each key seals when it is recorded.
const canary = "mcpkeep"

// sampledClients is how many client rows are tried before the first key is recorded.
const sampledClients = 10

func canaryPlace(keyID string) Place { return Place{"mcpkeep_encryption_keys", "canary", keyID} }

// CanaryOpens reports whether the configured key with the id of a record is the key
// that was recorded.
func (d *DB) CanaryOpens(rec sqlitedb.EncryptionKey) bool {
	opened, err := d.Open(canaryPlace(rec.ID), keyring.Sealed{KeyID: rec.ID, Token: rec.Canary})
	return err == nil && string(opened) == canary
}

func (d *DB) checkCanary(rec sqlitedb.EncryptionKey) error {
	if !d.CanaryOpens(rec) {
		return fmt.Errorf("%w: the canary of key %s could not be decrypted", ErrKey, rec.ID)
	}
	return nil
}

// recordKey puts the primary key on record.
func (d *DB) recordKey(ctx context.Context, now time.Time) error {
	id := d.keys.Primary()
	value, err := d.Seal(canaryPlace(id), []byte(canary))
	if err != nil {
		return err
	}
	return d.Write(ctx, "record the key", func(ctx context.Context, q db.Querier) error {
		created, err := q.CreateEncryptionKey(ctx, sqlitedb.CreateEncryptionKeyParams{
			ID: id, Canary: value.Token, CreatedAt: now.Unix(),
		})
		if err == nil && created == 0 {
			return retiredKey(id)
		}
		if err != nil {
			return err
		}
		return Record(ctx, q, storage.Event{Type: storage.EventKeyRecorded, Detail: "key " + id}, now)
	})
}

// trySharedRows guards the first start on an adopted table: if there are client
// rows of another program that are sealed, and no configured key opens any, the
// keys are wrong. Rows from before encryption say nothing about keys.
func (d *DB) trySharedRows(ctx context.Context) error {
	rows, err := d.db.Read().SampleClients(ctx, sampledClients)
	if err != nil {
		return d.Translate("read the client rows", err)
	}
	keys := d.shared.Load()
	if keys == nil {
		keys = d.keys
	}
	failed := false
	for _, row := range rows {
		_, err := fastmcp.Open(keys, row.Value)
		if err == nil && fastmcp.IsSealed(row.Value) {
			return nil
		}
		failed = failed || err != nil
	}
	if failed {
		return fmt.Errorf("%w: no encrypted row in oauth_clients can be decrypted; configured: %s", ErrKey, strings.Join(keys.IDs(), ", "))
	}
	return nil
}
