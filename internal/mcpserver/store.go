package mcpserver

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Store is the part of storage.Store that the tools use; the promises are written
// there.
type Store interface {
	Client(ctx context.Context, id string) (storage.Client, error)
	ListClients(ctx context.Context, after string, limit int, now time.Time) ([]storage.ClientSummary, error)
	DeleteClient(ctx context.Context, id string, now time.Time) error
	ListGrants(ctx context.Context, userID, after string, limit int, now time.Time) ([]storage.Grant, error)
	RevokeUserGrant(ctx context.Context, userID, grantID string, now time.Time) error
	Ready(ctx context.Context) error
	Stats(ctx context.Context, now time.Time) (storage.Stats, error)
}
