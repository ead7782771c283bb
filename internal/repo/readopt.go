package repo

import (
	"context"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// readoption is a client that is registered again when the user approves.
type readoption struct {
	row    sqlitedb.ReadoptClientParams
	client storage.Client
}

// readoptionOf returns the readoption of a client, or nil if there is none. A client whose
// document could not be read gets no row among the registered clients: see approveUnread.
func (r *Repo) readoptionOf(c *storage.Client) (*readoption, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // none is no error
	}
	if c.Origin == storage.OriginUnread {
		return &readoption{client: *c}, nil
	}
	row, err := r.registrationOf(*c)
	return &readoption{client: *c, row: sqlitedb.ReadoptClientParams{
		Key: row.Key, Value: row.Value, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, ValueKeyID: row.ValueKeyID,
		UnusedSince: unix(c.CreatedAt),
	}}, err
}

// readopt registers a client. ErrChanged if it exists: someone else has just done so, perhaps
// with another redirect URI. It ignores the maximum number of clients, because a user has
// approved this one. It revokes the tokens of an earlier client with the same ID, which may
// have had a secret.
func (r *Repo) readopt(ctx context.Context, q db.Querier, readopted *readoption, userID string, now time.Time) error {
	if readopted == nil {
		return nil
	}
	if readopted.client.Origin == storage.OriginUnread {
		return approveUnread(ctx, q, readopted.client, userID, now)
	}
	n, err := q.ReadoptClient(ctx, readopted.row)
	if err == nil && n == 0 {
		err = storage.ErrChanged
	}
	if err != nil {
		return err
	}
	if err := r.shareClient(ctx, q, readopted.client, now); err != nil {
		return err
	}
	if err := q.AddToClientCount(ctx, 1); err != nil {
		return err
	}
	id := readopted.client.ID
	if _, err := r.revokeGrantsOfClient(ctx, q, id, now); err != nil {
		return err
	}
	return sealed.Record(ctx, q, storage.Event{
		Type: storage.EventClientReadopted, UserID: userID, ClientID: id, Detail: strings.Join(readopted.client.RedirectURIs, " "),
	}, now)
}

// recordFurther records that a user let a readopted client have its response at a redirect
// URI that it does not have.
func recordFurther(ctx context.Context, q db.Querier, req storage.Request, c storage.Completion, userID string, now time.Time) error {
	if !c.Further {
		return nil
	}
	return sealed.Record(ctx, q, storage.Event{
		Type: storage.EventClientReadopted, UserID: userID, ClientID: req.ClientID, GrantID: c.GrantID, Detail: req.RedirectURI,
	}, now)
}

// approveUnread stores a client whose document could not be fetched, with the redirect URI
// that a user approved last. It is stored next to the document, which replaces it as soon
// as it can be read. No grant is revoked: all installations share the ID, and a document on
// record still applies to them.
func approveUnread(ctx context.Context, q db.Querier, c storage.Client, userID string, now time.Time) error {
	redirect := strings.Join(c.RedirectURIs, " ")
	n, err := q.ApproveUnreadDocument(ctx, sqlitedb.ApproveUnreadDocumentParams{
		ClientID: c.ID, RedirectURI: redirect, ReviewAt: unix(now) + idleDocumentSeconds,
	})
	if err != nil || n == 0 {
		return err
	}
	return sealed.Record(ctx, q, storage.Event{
		Type: storage.EventClientReadopted, UserID: userID, ClientID: c.ID, Detail: redirect,
	}, now)
}
