package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// pendingGrantLife is how long a grant counts as live without a refresh token: longer
// than a code is valid.
const pendingGrantLife = time.Hour

// idleDocumentLife is how long to keep what was fetched for a client without grants: longer
// than a sign-in takes.
const idleDocumentLife = time.Hour

const idleDocumentSeconds = int64(idleDocumentLife / time.Second)

// Ready implements storage.Maintenance.
func (r *Repo) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sealed.ReadTimeout)
	defer cancel()
	version, err := r.db.Unsealed().Version(ctx)
	if err != nil {
		return r.db.Translate("the database is not responding", err)
	}
	if needed := db.NeededVersion(); version < needed {
		return fmt.Errorf("the schema is at version %d, but this program requires %d: run `mcpkeep migrate up`", version, needed)
	}
	if err := r.db.KeysReady(ctx); err != nil {
		return err
	}
	return r.db.MayWrite(ctx)
}

// SchemaIsCurrent reports whether the schema is at least what this program needs.
func (r *Repo) SchemaIsCurrent(ctx context.Context) (bool, error) {
	version, err := r.db.Unsealed().Version(ctx)
	return version >= db.NeededVersion(), err
}

// Stats implements storage.Maintenance.
func (r *Repo) Stats(ctx context.Context, now time.Time) (storage.Stats, error) {
	var stats storage.Stats
	err := r.db.Read(ctx, "count", func(ctx context.Context, q db.Querier) error {
		var err error
		if stats.Clients, err = q.CountClients(ctx); err != nil {
			return err
		}
		if stats.Users, err = q.CountUsers(ctx); err != nil {
			return err
		}
		stats.LiveGrants, err = q.CountLiveGrants(ctx, unix(now))
		return err
	})
	return stats, err
}
