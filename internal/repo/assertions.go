package repo

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// maxAssertions is how many used assertions there are before those of clients without grants are
// no longer kept: anyone can register a client and sign some.
const maxAssertions = 5000

// UseAssertion implements storage.ClientStore.
func (r *Repo) UseAssertion(ctx context.Context, clientID string, id storage.Hash, expiresAt, now time.Time) error {
	if kept, err := r.keepsAssertion(ctx, clientID, now); err != nil || !kept {
		return err
	}
	var spent error
	err := r.db.Write(ctx, "use a client assertion", func(ctx context.Context, q db.Querier) error {
		spent = nil
		n, err := q.UseClientAssertion(ctx, sqlitedb.UseClientAssertionParams{
			ClientID: clientID, JtiHash: string(id), ExpiresAt: unix(expiresAt),
		})
		if err != nil || n > 0 {
			return err
		}
		spent = storage.ErrSpent
		return r.recordLimited(ctx, q, storage.Event{Type: storage.EventAssertionReuse, ClientID: clientID}, now)
	})
	return cmp.Or(err, spent)
}

// keepsAssertion reports whether a used assertion is remembered. One of a client without grants has no
// effect, however often it is used, and when there are too many of these it is not.
func (r *Repo) keepsAssertion(ctx context.Context, clientID string, now time.Time) (bool, error) {
	var matters bool
	err := r.db.Read(ctx, "look for grants of a client", func(ctx context.Context, q db.Querier) (err error) {
		matters, err = q.AssertionMatters(ctx, sqlitedb.AssertionMattersParams{ClientID: clientID, Key: fastmcp.ClientKey(clientID)})
		return err
	})
	if err != nil || matters {
		return matters, err
	}
	err = r.assertions.take(ctx, now, r.roomForAssertions)
	if errors.Is(err, storage.ErrFull) {
		return false, nil
	}
	return err == nil, err
}

// roomForAssertions returns how many more assertions of clients without grants are kept.
func (r *Repo) roomForAssertions(ctx context.Context) (room int64, err error) {
	err = r.db.Read(ctx, "count used assertions", func(ctx context.Context, q db.Querier) error {
		n, err := q.CountClientAssertions(ctx, maxAssertions)
		room = maxAssertions - n
		return err
	})
	return room, err
}
