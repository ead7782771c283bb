package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// DocumentProbe implements storage.DocumentStore.
func (r *Repo) DocumentProbe(ctx context.Context) (storage.DocumentProbe, error) {
	var p storage.DocumentProbe
	err := r.db.Read(ctx, "read the probe of client documents", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetDocumentProbe(ctx)
		if err == nil && row.ProbedAt != 0 {
			p = storage.DocumentProbe{Reachable: row.Reachable, At: at(row.ProbedAt)}
		}
		return err
	})
	return p, err
}

// ClaimDocumentProbe implements storage.DocumentStore: one statement, whose row count
// decides.
func (r *Repo) ClaimDocumentProbe(ctx context.Context, lease string, until, before, now time.Time) error {
	return r.db.Write(ctx, "claim the probe of client documents", func(ctx context.Context, q db.Querier) error {
		n, err := q.ClaimDocumentProbe(ctx, sqlitedb.ClaimDocumentProbeParams{
			Lease: lease, LeaseUntil: unix(until), ProbedBefore: unix(before), Now: unix(now), Latest: unix(now) + longestLease,
		})
		if err == nil && n == 0 {
			err = storage.ErrExists
		}
		return err
	})
}

// SaveDocumentProbe implements storage.DocumentStore.
func (r *Repo) SaveDocumentProbe(ctx context.Context, lease string, p storage.DocumentProbe) error {
	return r.db.Write(ctx, "save the probe of client documents", func(ctx context.Context, q db.Querier) error {
		return affected(q.SaveDocumentProbe(ctx, sqlitedb.SaveDocumentProbeParams{
			Reachable: p.Reachable, ProbedAt: unix(p.At), Lease: lease,
		}))
	})
}
