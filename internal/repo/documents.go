package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Document implements storage.DocumentStore.
func (r *Repo) Document(ctx context.Context, clientID, url string) (storage.Document, error) {
	var d storage.Document
	err := r.db.Read(ctx, "read a client document", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetClientDocument(ctx, sqlitedb.GetClientDocumentParams{ClientID: clientID, URL: url})
		d = documentOf(row)
		return err
	})
	return d, err
}

func documentOf(row sqlitedb.ClientDocument) storage.Document {
	return storage.Document{
		ClientID: row.ClientID, URL: row.URL, Body: db.Text(row.Body), ETag: db.Text(row.ETag),
		FetchedAt: optionalAt(row.FetchedAt), FreshUntil: optionalAt(row.FreshUntil),
		Failure: db.Text(row.Failure), Invalid: row.FailureInvalid, Kind: storage.FailureKind(row.FailureKind), RetryAt: optionalAt(row.RetryAt), LeaseUntil: optionalAt(row.LeaseUntil),
		ApprovedRedirectURI: db.Text(row.ApprovedRedirectURI), ClaimedName: db.Text(row.ClaimedName),
	}
}

// ClaimDocument implements storage.DocumentStore. Each way is one statement whose
// predicate holds all conditions; the row count decides.
func (r *Repo) ClaimDocument(ctx context.Context, c storage.DocumentClaim, now time.Time) error {
	defer r.vacuum(ctx, vacuumAfter)
	return r.db.Write(ctx, "claim a client document", func(ctx context.Context, q db.Querier) error {
		claim := r.claimAdmitted
		if !c.Seen.IsZero() {
			claim = claimRefresh
		}
		n, err := claim(ctx, q, c, unix(now))
		if err != nil || n > 0 {
			return err
		}
		return whyNotClaimed(ctx, q, c, now, r.db.Classify)
	})
}

// claimRefresh claims a URL with a valid document.
func claimRefresh(ctx context.Context, q db.Querier, c storage.DocumentClaim, now int64) (int64, error) {
	return q.ClaimClientDocument(ctx, sqlitedb.ClaimClientDocumentParams{
		Lease: &c.Lease, LeaseUntil: unix(c.Until), Now: now, ReviewAt: now + idleDocumentSeconds, ClientID: c.ClientID, URL: c.URL, FetchedBefore: unix(c.Seen),
		LatestLease: now + longestLease, LatestRetry: now + longestRest,
	})
}

// claimAdmitted claims a URL without one, within the limit. On PostgreSQL as many
// may take the last place of the limit as ask at the same moment; replicas ask for
// one at a time.
func (r *Repo) claimAdmitted(ctx context.Context, q db.Querier, c storage.DocumentClaim, now int64) (int64, error) {
	n, err := admit(ctx, q, c, now)
	if err != nil || n == 0 {
		return n, err
	}
	return n, r.makeRoomForDocument(ctx, q, c)
}

func admit(ctx context.Context, q db.Querier, c storage.DocumentClaim, now int64) (int64, error) {
	n, err := q.AdmitClientDocument(ctx, sqlitedb.AdmitClientDocumentParams{
		ClientID: c.ClientID, URL: c.URL, Site: c.Site, Lease: c.Lease, LeaseUntil: unix(c.Until), Now: now,
		ReviewAt: now + idleDocumentSeconds,
		Since:    unix(c.Limit.Since), MaxAll: c.Limit.All, MaxSite: c.Limit.PerSite, LatestLease: now + longestLease,
	})
	if err != nil || n > 0 {
		return n, err
	}
	return q.ReadmitClientDocument(ctx, sqlitedb.ReadmitClientDocumentParams{
		Lease: &c.Lease, LeaseUntil: unix(c.Until), Now: now, ReviewAt: now + idleDocumentSeconds, ClientID: c.ClientID, URL: c.URL,
		Since: unix(c.Limit.Since), MaxAll: c.Limit.All, Site: c.Site, MaxSite: c.Limit.PerSite,
		LatestLease: now + longestLease, LatestRetry: now + longestRest,
	})
}

// whyNotClaimed tells one who lost against another from one who has to wait.
func whyNotClaimed(
	ctx context.Context, q db.Querier, c storage.DocumentClaim, now time.Time, classify func(error) db.Kind,
) error {
	row, err := q.GetClientDocument(ctx, sqlitedb.GetClientDocumentParams{ClientID: c.ClientID, URL: c.URL})
	switch kind := classify(err); {
	case err != nil && kind != db.NoRows:
		return err
	case err != nil && !c.Seen.IsZero():
		return storage.ErrExists // it was deleted, and may be claimed as a new one
	case err == nil && (!c.Seen.IsZero() || row.Body != nil || isAhead(row.LeaseUntil, now, storage.LongestLease) || isAhead(row.RetryAt, now, storage.LongestRest)):
		return storage.ErrExists
	}
	return &storage.ThrottledError{RetryAt: now.Add(now.Sub(c.Limit.Since))}
}

func isAhead(until *int64, now time.Time, longest time.Duration) bool {
	return until != nil && storage.Ahead(at(*until), at(unix(now)), longest)
}

// SaveDocument implements storage.DocumentStore.
func (r *Repo) SaveDocument(ctx context.Context, f storage.FetchedDocument, now time.Time) error {
	r.evicted.Add(1 + int64(len(f.Body)/usualRow))
	return r.db.Write(ctx, "save a client document", func(ctx context.Context, q db.Querier) error {
		before, err := q.GetClientDocument(ctx, sqlitedb.GetClientDocumentParams{ClientID: f.ClientID, URL: f.URL})
		if err != nil {
			return err
		}
		err = affected(q.SaveClientDocument(ctx, sqlitedb.SaveClientDocumentParams{
			Body: &f.Body, ClientName: db.Nullable(f.Name), ETag: db.Nullable(f.ETag), Now: unix(now), FreshUntil: unix(f.FreshUntil),
			ClientID: f.ClientID, URL: f.URL, Lease: f.Lease,
		}))
		if err != nil || before.Body != nil && *before.Body == f.Body {
			return err
		}
		return r.recordLimited(ctx, q, documentEvent(f, before.Body == nil), now)
	})
}

// documentEvent tells of a document that is new or says something other than before.
func documentEvent(f storage.FetchedDocument, isNew bool) storage.Event {
	e := storage.Event{Type: storage.EventClientUpdated, ClientID: f.ClientID, Detail: "metadata document"}
	switch {
	case f.URL != f.ClientID:
		e.Detail = "key set"
	case isNew:
		e.Type = storage.EventClientRegistered
	}
	return e
}

// FailDocument implements storage.DocumentStore.
func (r *Repo) FailDocument(ctx context.Context, f storage.FailedDocument) error {
	return r.db.Write(ctx, "record that a client document failed", func(ctx context.Context, q db.Querier) error {
		return affected(q.FailClientDocument(ctx, sqlitedb.FailClientDocumentParams{
			Failure: f.Failure, FailureInvalid: f.Invalid, FailureKind: string(f.Kind), RetryAt: unix(f.RetryAt), ClientName: db.Nullable(f.Name),
			ClientID: f.ClientID, URL: f.URL, Lease: f.Lease,
		}))
	})
}

// ListDocumentClients implements storage.DocumentStore.
func (r *Repo) ListDocumentClients(
	ctx context.Context, after string, limit int, now time.Time,
) ([]storage.DocumentClient, error) {
	var list []storage.DocumentClient
	err := r.db.Read(ctx, "list clients with a document", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListDocumentClients(ctx, sqlitedb.ListDocumentClientsParams{
			Now: unix(now), After: after, MaxRows: int64(limit),
		})
		for _, row := range rows {
			list = append(list, storage.DocumentClient{
				ID: row.ClientID, Name: db.Text(row.ClientName), ClaimedName: db.Text(row.ClaimedName),
				FetchedAt: optionalAt(row.FetchedAt), Grants: row.Grants,
			})
		}
		return err
	})
	return list, err
}
