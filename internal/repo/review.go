package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// reviewsAtMost bounds how many grants one call reviews.
	reviewsAtMost = 20_000
	// keyWait is the time until the next review of a provider token whose key is not
	// configured here: another replica has the key.
	keyWait = 5 * time.Minute
)

// TakeProviderTokens implements storage.Maintenance. It reviews the grants that may have
// ended since the last call. A live grant is reviewed again when its refresh token expires.
// A grant that has ended is closed in the transaction that takes the provider token of a
// user without any other live grant.
func (r *Repo) TakeProviderTokens(ctx context.Context, now time.Time, limit int) ([][]byte, error) {
	var taken [][]byte
	_, err := r.newPager().all(ctx, reviewsAtMost, func(ctx context.Context, p *pager) (int64, error) {
		rows, err := p.dueGrants(ctx, now)
		if err != nil || len(rows) == 0 {
			return 0, err
		}
		var page [][]byte
		err = p.write(ctx, func(ctx context.Context, q db.Querier) error {
			page = nil
			for _, row := range rows {
				if len(taken)+len(page) >= limit {
					return nil
				}
				tokens, err := r.review(ctx, q, row, now)
				if err != nil {
					return err
				}
				page = append(page, tokens...)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		if taken = append(taken, page...); len(taken) >= limit {
			return 0, nil
		}
		return int64(len(rows)), nil
	})
	if len(taken) > 0 {
		return taken, nil // an error will show again; these tokens are in no other hands
	}
	return nil, err
}

// dueGrants reads a page of the grants to review, without holding SQLite's write lock.
func (p *pager) dueGrants(ctx context.Context, now time.Time) (rows []sqlitedb.ListGrantsToReviewRow, err error) {
	err = p.db.Read(ctx, "list grants to review", func(ctx context.Context, q db.Querier) error {
		rows, err = q.ListGrantsToReview(ctx, sqlitedb.ListGrantsToReviewParams{Now: unix(now), MaxRows: p.rows})
		return err
	})
	return rows, err
}

// review postpones the review of a grant that lives, or closes it and takes the
// provider token that is then unused. A grant that has changed since row was read
// is left to its next review.
func (r *Repo) review(
	ctx context.Context, q db.Querier, row sqlitedb.ListGrantsToReviewRow, now time.Time,
) ([][]byte, error) {
	postpone := func(next int64) ([][]byte, error) {
		_, err := q.PostponeGrantReview(ctx, sqlitedb.PostponeGrantReviewParams{Next: next, ID: row.ID, Seen: row.ReviewAt})
		return nil, err
	}
	if row.LiveUntil > 0 {
		return postpone(row.LiveUntil)
	}
	tokens, err := r.unneededTokens(ctx, q, row.UserID, now)
	if errors.Is(err, storage.ErrUnavailable) {
		return postpone(unix(now.Add(keyWait)))
	}
	if err != nil {
		return nil, err
	}
	closed, err := q.CloseGrant(ctx, sqlitedb.CloseGrantParams{
		Now: unix(now), Next: max(row.CodeUntil, row.AccessUntil, row.RefreshUntil), ID: row.ID,
	})
	if err != nil || closed == 0 {
		return nil, err
	}
	return forgetTokens(ctx, q, tokens)
}

// unneededToken is the provider token of a user without a live grant.
type unneededToken struct {
	row   sqlitedb.ForgetProviderTokenParams
	token []byte // nil for one that does not open
}

// unneededTokens returns the provider tokens of a user without a live grant. It returns
// ErrUnavailable if the key of one is not configured here.
func (r *Repo) unneededTokens(ctx context.Context, q db.Querier, userID string, now time.Time) ([]unneededToken, error) {
	rows, err := q.ListUnneededProviderTokens(ctx, sqlitedb.ListUnneededProviderTokensParams{
		UserID: userID, CreatedAfter: unix(now.Add(-pendingGrantLife)), Now: unix(now),
	})
	if err != nil {
		return nil, err
	}
	tokens := make([]unneededToken, len(rows))
	for i, row := range rows {
		token, err := r.db.OpenOptional(providerTokenPlace(row.ID), row.ProviderToken, row.ProviderTokenKeyID)
		if errors.Is(err, storage.ErrUnavailable) {
			return nil, err
		}
		tokens[i].row = sqlitedb.ForgetProviderTokenParams{ID: row.ID, ProviderToken: db.Text(row.ProviderToken)}
		needed := row.UpstreamTokenID != nil && row.RevokedAt == nil // by a session of FastMCP that did not end here
		if err == nil && !needed {
			tokens[i].token = token
		}
	}
	return tokens, nil
}

// forgetTokens deletes provider tokens and returns those that no other process had deleted.
func forgetTokens(ctx context.Context, q db.Querier, tokens []unneededToken) (taken [][]byte, err error) {
	for _, t := range tokens {
		n, err := q.ForgetProviderToken(ctx, t.row)
		if err != nil {
			return nil, err
		}
		if n == 1 && t.token != nil {
			taken = append(taken, t.token)
		}
	}
	return taken, nil
}

// reviewDocuments deletes the documents of clients without grants, and postpones the review
// of the others.
func (p *pager) reviewDocuments(ctx context.Context, now time.Time) (int64, error) {
	var rows []sqlitedb.ListDueClientDocumentsRow
	err := p.db.Read(ctx, "list client documents to review", func(ctx context.Context, q db.Querier) error {
		var err error
		rows, err = q.ListDueClientDocuments(ctx, sqlitedb.ListDueClientDocumentsParams{Now: unix(now), MaxRows: p.rows})
		return err
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return int64(len(rows)), p.write(ctx, func(ctx context.Context, q db.Querier) error {
		for _, row := range rows {
			if err := reviewDocument(ctx, q, row, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func reviewDocument(ctx context.Context, q db.Querier, row sqlitedb.ListDueClientDocumentsRow, now time.Time) error {
	if row.Used == 0 {
		_, err := q.DeleteIdleClientDocument(ctx, sqlitedb.DeleteIdleClientDocumentParams{
			ClientID: row.ClientID, URL: row.URL, Seen: row.ReviewAt,
		})
		return err
	}
	_, err := q.PostponeClientDocument(ctx, sqlitedb.PostponeClientDocumentParams{
		Next: unix(now) + idleDocumentSeconds, ClientID: row.ClientID, URL: row.URL, Seen: row.ReviewAt,
	})
	return err
}
