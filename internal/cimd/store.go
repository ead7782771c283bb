package cimd

import (
	"context"
	"errors"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Store is a store that knows clients by their metadata documents, too. A client
// of that id with a row of its own goes first: its operator made it.
type Store struct {
	storage.Store

	documents *Documents
}

var _ storage.Store = (*Store)(nil)

// ClientStore returns a store with the clients that are known by documents.
func (d *Documents) ClientStore(rows storage.Store) *Store { return &Store{Store: rows, documents: d} }

// Client implements storage.ClientStore. It may also return a
// storage.DocumentError.
func (s *Store) Client(ctx context.Context, id string) (storage.Client, error) {
	return s.find(ctx, id, s.Store.Client, false)
}

// CurrentClient implements storage.ClientStore like Client. A metadata document is
// as it was five minutes ago at most, unless its site is away.
func (s *Store) CurrentClient(ctx context.Context, id string) (storage.Client, error) {
	return s.find(ctx, id, s.Store.CurrentClient, true)
}

func (s *Store) find(
	ctx context.Context, id string, row func(context.Context, string) (storage.Client, error), renew bool,
) (storage.Client, error) {
	client, err := row(ctx, id)
	switch {
	case !oauth.IsMetadataURL(id), err == nil && len(client.RedirectURIs) > 0:
		return client, err
	case err == nil: // FastMCP keeps such clients without redirect URIs
	case !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrUnreadable):
		return client, err
	}
	known, confirmed := client.Document, client.ConfirmedAt
	client, err = s.documents.Client(ctx, id, renew)
	if err != nil && known != "" {
		return s.documents.kept(id, known, confirmed, err)
	}
	return client, err
}
