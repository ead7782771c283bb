package console

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Store is the part of storage.Store that operators' commands use; the promises are
// written there.
type Store interface {
	storage.OperatorStore
	storage.ResourceStore
	storage.PersonalTokenStore
	storage.EventNumberStore

	CreateClient(ctx context.Context, c storage.Client) error
	ListClients(ctx context.Context, after string, limit int, now time.Time) ([]storage.ClientSummary, error)
	// EachForeignClient calls visit with every client that only FastMCP's own tables have.
	EachForeignClient(ctx context.Context, now time.Time, visit func(storage.ClientSummary) error) error
	DeleteClient(ctx context.Context, id string, now time.Time) error
	Document(ctx context.Context, clientID, url string) (storage.Document, error)
	ListDocumentClients(ctx context.Context, after string, limit int, now time.Time) ([]storage.DocumentClient, error)
	RevokeGrant(ctx context.Context, grantID string, now time.Time) error
	ListEvents(ctx context.Context, f storage.EventFilter, after string, limit int) ([]storage.Event, error)
	NewestEvents(ctx context.Context, f storage.EventFilter, limit int) ([]storage.Event, error)
	DescribeRefused(ctx context.Context, events []storage.Event) error
}
