package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// replicaKept is how long a process stays on record that ended without a word.
	replicaKept = time.Hour
	// mostReplicas is how many are listed.
	mostReplicas = 200
)

// SeeReplica records that a process serves, and forgets those that were not seen for long.
func (r *Repo) SeeReplica(ctx context.Context, p storage.Replica, now time.Time) error {
	return r.db.Write(ctx, "record a replica", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		err := q.SeeReplica(ctx, sqlitedb.SeeReplicaParams{
			ID: p.ID, Name: p.Name, Version: p.Version, StartedAt: unix(p.StartedAt), SeenAt: unix(now), ProviderAnsweredAt: optionalUnix(p.ProviderAnsweredAt),
		})
		if err != nil {
			return err
		}
		return q.DeleteOldReplicas(ctx, sqlitedb.DeleteOldReplicasParams{SeenBefore: unix(now.Add(-replicaKept)), MaxRows: mostReplicas})
	})
}

// EndReplica removes a process that ends.
func (r *Repo) EndReplica(ctx context.Context, id string) error {
	return r.db.Write(ctx, "remove a replica", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		return q.DeleteReplica(ctx, id)
	})
}

// Replicas lists the processes that were seen after a time, the last seen first.
func (r *Repo) Replicas(ctx context.Context, after time.Time) ([]storage.Replica, error) {
	var list []storage.Replica
	err := r.db.Read(ctx, "list replicas", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListReplicas(ctx, sqlitedb.ListReplicasParams{SeenAfter: unix(after), MaxRows: mostReplicas})
		for _, row := range rows {
			list = append(list, storage.Replica{
				ID: row.ID, Name: row.Name, Version: row.Version, StartedAt: at(row.StartedAt), SeenAt: at(row.SeenAt),
				ProviderAnsweredAt: optionalAt(row.ProviderAnsweredAt),
			})
		}
		return err
	})
	return list, err
}
