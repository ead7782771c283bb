package repo

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// UpdateClient implements storage.ClientStore. The row's whole value is in the
// predicate, so that what another program wrote meanwhile is not lost either.
func (r *Repo) UpdateClient(ctx context.Context, was, c storage.Client, now time.Time) error {
	value, keyID, err := r.sealClient(c)
	if err != nil {
		return err
	}
	key, updated := fastmcp.ClientKey(was.ID), now.UTC()
	r.evicted.Add(1)
	defer r.vacuum(ctx, vacuumAfter)
	return r.db.Write(ctx, "update a client", func(ctx context.Context, q db.Querier) error {
		for {
			row, err := q.GetClient(ctx, key)
			if err != nil {
				return err
			}
			is, err := r.clientOf(row)
			if err != nil {
				return r.blameKeys(ctx, q, row.Key, err)
			}
			if !reflect.DeepEqual(is, was) || c.ID != was.ID {
				return storage.ErrChanged
			}
			if reflect.DeepEqual(is, c) {
				return nil
			}
			n, err := q.UpdateClient(ctx, sqlitedb.UpdateClientParams{
				Value: value, UpdatedAt: &updated, ValueKeyID: keyID, Key: key, Previous: string(row.Value),
			})
			if err != nil {
				return err
			}
			if n > 0 {
				break
			}
			// Perhaps a rotation only changed its key: look again.
		}
		if err := r.shareClient(ctx, q, c, now); err != nil {
			return err
		}
		return r.recordLimited(ctx, q, storage.Event{
			Type: storage.EventClientUpdated, ClientID: c.ID, Detail: strings.Join(changed(was, c), ", "),
		}, now)
	})
}

// changed names what differs between two states of a client, for the audit trail.
func changed(was, is storage.Client) []string {
	names := metadata.Changed(was.Client, is.Client)
	if was.SecretHash != is.SecretHash {
		names = append(names, "client_secret")
	}
	slices.Sort(names)
	return names
}
