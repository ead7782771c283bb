package repo

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// InstanceID implements storage.Maintenance. If several processes create the ID
// concurrently, one wins: the row has a fixed key, and each process reads it back.
func (r *Repo) InstanceID(ctx context.Context) (string, error) {
	id, err := r.ExistingInstanceID(ctx)
	if !errors.Is(err, storage.ErrNotFound) {
		return id, err
	}
	err = r.db.Write(ctx, "name the database", func(ctx context.Context, q db.Querier) error {
		return q.CreateInstanceID(ctx, rand.Text())
	})
	if err != nil {
		return "", err
	}
	return r.ExistingInstanceID(ctx)
}

// ExistingInstanceID returns the database's ID, or storage.ErrNotFound if no server has
// created one yet.
func (r *Repo) ExistingInstanceID(ctx context.Context) (string, error) {
	var id string
	err := r.db.Read(ctx, "read the id of the database", func(ctx context.Context, q db.Querier) error {
		var err error
		id, err = q.GetInstanceID(ctx)
		return err
	})
	return id, err
}
