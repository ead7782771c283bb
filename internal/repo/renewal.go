package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// renewalLease begins the names of leases of renewals, which the cleaner knows by it.
const renewalLease = "renewal/"

// longestRenewalRest, in seconds, is more than such a lease lasts.
const longestRenewalRest = int64(10 * time.Minute / time.Second)

// renewalName is unambiguous: names of upstreams have no slash.
func renewalName(userID, upstream string) string { return renewalLease + upstream + "/" + userID }

// LeaseRenewal implements recheck.Renewals: the row count of the last statement decides.
func (r *Repo) LeaseRenewal(ctx context.Context, userID, upstream, holder string, until, now time.Time) (bool, error) {
	var held bool
	err := r.db.Write(ctx, "lease a renewal", func(ctx context.Context, q db.Querier) error {
		name := renewalName(userID, upstream)
		if err := q.AddLease(ctx, name); err != nil {
			return err
		}
		n, err := q.TakeLease(ctx, sqlitedb.TakeLeaseParams{
			Name: name, Holder: holder, Until: unix(until), Now: unix(now), Latest: unix(now) + longestRenewalRest,
		})
		held = n == 1
		return err
	})
	return held && err == nil, err
}

// EndRenewal implements recheck.Renewals.
func (r *Repo) EndRenewal(ctx context.Context, userID, upstream, holder string) error {
	return r.db.Write(ctx, "end the lease of a renewal", func(ctx context.Context, q db.Querier) error {
		return q.DropLease(ctx, sqlitedb.DropLeaseParams{Name: renewalName(userID, upstream), Holder: holder})
	})
}
