package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Anyone can publish documents, of at most 64 KiB, and have them fetched.
const (
	// maxIdleDocuments is how many documents of clients without grants are kept: more than are
	// admitted while a sign-in lasts, and at most 48 MiB.
	maxIdleDocuments = 750
	// usualRow is the size of most rows that are evicted, as far as the space to reclaim goes.
	usualRow = 4096
)

// makeRoomForDocument evicts what a document that was just admitted leaves no room for: the
// oldest ones of clients without grants, and other key sets of the same client.
func (r *Repo) makeRoomForDocument(ctx context.Context, q db.Querier, c storage.DocumentClaim) error {
	idle, err := q.EvictIdleClientDocuments(ctx, sqlitedb.EvictIdleClientDocumentsParams{Kept: maxIdleDocuments, MaxRows: evictMost})
	if err != nil {
		return err
	}
	var replaced int64
	if c.URL != c.ClientID {
		replaced, err = q.DeleteOtherKeySets(ctx, sqlitedb.DeleteOtherKeySetsParams{ClientID: c.ClientID, URL: c.URL})
	}
	r.evicted.Add(idle + replaced)
	return err
}
