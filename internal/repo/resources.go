package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// CreateResourceServer implements storage.ResourceStore.
func (r *Repo) CreateResourceServer(ctx context.Context, c storage.Client, urls []string) error {
	return r.createClient(ctx, c, func(ctx context.Context, q db.Querier) error {
		for _, url := range urls {
			err := q.CreateResource(ctx, sqlitedb.CreateResourceParams{
				URL: url, ClientKey: fastmcp.ClientKey(c.ID), CreatedAt: c.CreatedAt.Unix(),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Resource implements storage.ResourceStore.
func (r *Repo) Resource(ctx context.Context, url string) (storage.Resource, error) {
	var found storage.Resource
	err := r.db.Read(ctx, "read a resource", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetResource(ctx, url)
		found = resourceOf(row)
		return err
	})
	return found, err
}

// ResourcesOf implements storage.ResourceStore.
func (r *Repo) ResourcesOf(ctx context.Context, clientID string) ([]storage.Resource, error) {
	var list []storage.Resource
	err := r.db.Read(ctx, "list a client's resources", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListResourcesOfClient(ctx, fastmcp.ClientKey(clientID))
		for _, row := range rows {
			list = append(list, resourceOf(row))
		}
		return err
	})
	return list, err
}

func resourceOf(row sqlitedb.Resource) storage.Resource {
	id, _ := fastmcp.ClientID(row.ClientKey)
	return storage.Resource{URL: row.URL, ClientID: id, CreatedAt: at(row.CreatedAt)}
}
