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
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// CreateClient implements storage.ClientStore.
func (r *Repo) CreateClient(ctx context.Context, c storage.Client) error {
	return r.createClient(ctx, c, func(context.Context, db.Querier) error { return nil })
}

// createClient stores a client and calls more in the same transaction.
func (r *Repo) createClient(ctx context.Context, c storage.Client, more func(context.Context, db.Querier) error) error {
	row, err := r.registrationOf(c)
	if err != nil {
		return err
	}
	row.UnusedSince = nil // it stays even if no one uses it
	return r.db.WriteTogether(ctx, "create a client", func(ctx context.Context, q db.Querier) error {
		// The count first, as everywhere: see reclaim.
		if err := q.AddToClientCount(ctx, 1); err != nil {
			return err
		}
		if err := r.insertRegistration(ctx, q, row, c); err != nil {
			return err
		}
		return more(ctx, q)
	})
}

// Client implements storage.ClientStore.
func (r *Repo) Client(ctx context.Context, id string) (storage.Client, error) {
	client, err := r.client(ctx, id)
	if errors.Is(err, storage.ErrNotFound) && len(r.theirs().Tables) > 0 {
		if err = r.importClient(ctx, id); err == nil {
			client, err = r.client(ctx, id)
		}
	}
	return client, err
}

func (r *Repo) client(ctx context.Context, id string) (storage.Client, error) {
	var client storage.Client
	err := r.db.Read(ctx, "read a client", func(ctx context.Context, q db.Querier) error {
		key := fastmcp.ClientKey(id)
		row, err := q.GetClientValue(ctx, key)
		if err != nil {
			return err
		}
		client, err = r.clientOf(sqlitedb.OAuthClient{Key: key, Value: row.Value, CreatedAt: row.CreatedAt})
		if err != nil {
			return r.blameKeys(ctx, q, key, err)
		}
		return nil
	})
	return client, err
}

// CurrentClient implements storage.ClientStore.
func (r *Repo) CurrentClient(ctx context.Context, id string) (storage.Client, error) {
	return r.Client(ctx, id)
}

// DeleteClient implements storage.ClientStore.
func (r *Repo) DeleteClient(ctx context.Context, id string, now time.Time) error {
	return r.db.Write(ctx, "delete a client", func(ctx context.Context, q db.Querier) error {
		// The count first, as everywhere: see reclaim. It keeps importClient from copying the client.
		if _, err := q.LockClientCount(ctx); err != nil {
			return err
		}
		if err := q.AddToClientCount(ctx, -1); err != nil {
			return err
		}
		if err := r.deleteClientRows(ctx, q, id); err != nil {
			return err
		}
		revoked, err := r.revokeGrantsOfClient(ctx, q, id, now)
		if err != nil {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{
			Type: storage.EventClientDeleted, ClientID: id, Detail: fmt.Sprintf("%d grants revoked", revoked),
		}, now)
	})
}

// deleteClientRows deletes what is kept of a client: its rows, and what was fetched
// for it. The count has been taken down for the row.
func (r *Repo) deleteClientRows(ctx context.Context, q db.Querier, id string) error {
	rows, err := q.DeleteClient(ctx, fastmcp.ClientKey(id))
	if err != nil {
		return err
	}
	foreign, err := r.unshareClients(ctx, q, id) // after our row, as UpdateClient
	if err != nil {
		return err
	}
	documents, err := q.DeleteClientDocuments(ctx, id)
	if err != nil || rows > 0 {
		return err
	}
	if documents == 0 && foreign == 0 {
		return storage.ErrNotFound
	}
	return q.AddToClientCount(ctx, 1) // a client with a document only was not counted
}

// clientName is a client's name for a listing, or else what the client calls itself.
type clientName struct{ name, claimed string }

// clientNames returns a function that sets the names of clients in a listing and looks each
// up once. A client without a row has the name in its document; a client whose row cannot
// be decrypted has none.
func (r *Repo) clientNames(ctx context.Context, q db.Querier) func(*storage.Grant) error {
	known := map[string]clientName{}
	return func(g *storage.Grant) error {
		if g.IsPersonal() {
			return r.namePersonal(ctx, q, g)
		}
		name, ok := known[g.ClientID]
		if !ok {
			var err error
			if name, err = r.clientName(ctx, q, g.ClientID); err != nil {
				return err
			}
			known[g.ClientID] = name
		}
		g.ClientName, g.ClaimedName = name.name, name.claimed
		return nil
	}
}

func (r *Repo) clientName(ctx context.Context, q db.Querier, id string) (clientName, error) {
	row, err := q.GetClient(ctx, fastmcp.ClientKey(id))
	if r.db.Classify(err) == db.NoRows {
		document, err := q.GetClientDocumentName(ctx, id)
		return clientName{document.ClientName, document.ClaimedName}, r.orNoRow(err)
	}
	if err != nil {
		return clientName{}, err
	}
	client, err := r.clientOf(row)
	if err != nil && !errors.Is(err, storage.ErrUnreadable) {
		return clientName{}, err
	}
	return clientName{strings.TrimSpace(client.Name), client.ClaimedName}, nil
}
