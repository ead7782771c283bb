package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ClaimName implements storage.ClientStore. It reads before it writes: a client states its
// name in many requests, and the name rarely changes.
func (r *Repo) ClaimName(ctx context.Context, c storage.NameClaim, now time.Time) error {
	var due, registered bool
	err := r.db.Read(ctx, "read a client", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetClient(ctx, fastmcp.ClientKey(c.ClientID))
		if registered = err == nil; registered {
			_, due = r.claimed(row, c)
			return nil
		}
		return r.orNoRow(err)
	})
	switch {
	case err != nil || registered && !due:
		return err
	case registered:
		return r.claimInRow(ctx, c, now)
	}
	return r.claimInDocument(ctx, c)
}

// claimed returns the row's client with its new claim; due is false if the row needs no
// change.
func (r *Repo) claimed(row sqlitedb.OAuthClient, c storage.NameClaim) (client storage.Client, due bool) {
	client, foreign, err := r.openClient(row)
	due = err == nil && !foreign && client.Name == "" && replaces(c, client.ClaimedName)
	client.ClaimedName = c.Name
	return client, due
}

// replaces reports whether a claim replaces the known one.
func replaces(c storage.NameClaim, known string) bool {
	return c.Name != known && (known == "" || !c.Weak)
}

// claimInRow stores the claim in the client's row unless the row has changed: see
// UpdateClient.
func (r *Repo) claimInRow(ctx context.Context, c storage.NameClaim, now time.Time) error {
	key, updated := fastmcp.ClientKey(c.ClientID), now.UTC()
	return r.db.Write(ctx, "keep what a client calls itself", func(ctx context.Context, q db.Querier) error {
		for {
			row, err := q.GetClient(ctx, key)
			if err != nil {
				return r.orNoRow(err)
			}
			client, due := r.claimed(row, c)
			if !due {
				return nil
			}
			value, keyID, err := r.sealClient(client)
			if err != nil {
				return err
			}
			n, err := q.UpdateClient(ctx, sqlitedb.UpdateClientParams{
				Value: value, UpdatedAt: &updated, ValueKeyID: keyID, Key: key, Previous: string(row.Value),
			})
			if err != nil || n > 0 {
				return err
			}
		}
	})
}

// claimInDocument stores the claim next to the client's document as long as the document
// has never been read.
func (r *Repo) claimInDocument(ctx context.Context, c storage.NameClaim) error {
	var known sqlitedb.ClientDocument
	err := r.db.Read(ctx, "read a client document", func(ctx context.Context, q db.Querier) error {
		var err error
		known, err = q.GetClientDocument(ctx, sqlitedb.GetClientDocumentParams{ClientID: c.ClientID, URL: c.ClientID})
		return r.orNoRow(err)
	})
	previous := db.Text(known.ClaimedName)
	if err != nil || known.ApprovedRedirectURI == nil || known.ClientName != nil || !replaces(c, previous) {
		return err
	}
	return r.db.Write(ctx, "keep what a client calls itself", func(ctx context.Context, q db.Querier) error {
		_, err := q.ClaimDocumentName(ctx, sqlitedb.ClaimDocumentNameParams{
			ClaimedName: c.Name, ClientID: c.ClientID, Previous: previous,
		})
		return err
	})
}

// orNoRow treats a missing row as success.
func (r *Repo) orNoRow(err error) error {
	if r.db.Classify(err) == db.NoRows {
		return nil
	}
	return err
}
