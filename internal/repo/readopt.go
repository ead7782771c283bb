package repo

import (
	"context"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// readoption is a client that is registered anew when a person approves.
type readoption struct {
	row    sqlitedb.RegisterClientParams
	client storage.Client
}

// readoptionOf is the readoption of a client, nil for none.
func (r *Repo) readoptionOf(c *storage.Client) (*readoption, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // none is no error
	}
	row, err := r.registrationOf(*c)
	return &readoption{row: row, client: *c}, err
}

// readopt registers a client, unless somebody else has just done so. A ceiling is
// not asked: a person has let it in. Tokens that a client of this id had before, which
// may have had a secret, are not for this one.
func readopt(ctx context.Context, q db.Querier, anew *readoption, userID string, now time.Time) error {
	if anew == nil {
		return nil
	}
	n, err := q.RegisterClient(ctx, anew.row)
	if err != nil || n == 0 {
		return err
	}
	if err := q.AddToClientCount(ctx, 1); err != nil {
		return err
	}
	id := anew.client.ID
	if _, err := q.RevokeGrantsOfClient(ctx, sqlitedb.RevokeGrantsOfClientParams{Now: unix(now), ClientID: id}); err != nil {
		return err
	}
	return record(ctx, q, storage.Event{
		Type: storage.EventClientReadopted, UserID: userID, ClientID: id, Detail: strings.Join(anew.client.RedirectURIs, " "),
	}, now)
}
