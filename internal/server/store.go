package server

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Store is the part of storage.Store that the endpoints use; the promises are
// written there.
type Store interface {
	storage.SignInStore
	storage.BrowserSessionStore
	storage.PersonalTokenStore
	storage.AdoptionStore
	storage.OperatorStore
	recheck.Store

	RegisterClient(ctx context.Context, c storage.Client, ceiling storage.Ceiling) error
	ListClients(ctx context.Context, after string, limit int, now time.Time) ([]storage.ClientSummary, error)
	ListDocumentClients(ctx context.Context, after string, limit int, now time.Time) ([]storage.DocumentClient, error)
	Client(ctx context.Context, id string) (storage.Client, error)
	CurrentClient(ctx context.Context, id string) (storage.Client, error)
	CarryClient(c storage.Client, until time.Time) (string, error)
	CarriedClient(ctx context.Context, id, carried string, now time.Time) (storage.Client, error)
	RestoreClient(ctx context.Context, c storage.Client, now time.Time) error
	UpdateClient(ctx context.Context, was, c storage.Client, now time.Time) error
	DeleteClient(ctx context.Context, id string, now time.Time) error
	ClaimName(ctx context.Context, c storage.NameClaim, now time.Time) error
	SeeUnknownClient(ctx context.Context, id storage.Hash, now time.Time) (again bool, err error)
	UseAssertion(ctx context.Context, clientID string, id storage.Hash, expiresAt, now time.Time) error

	ExchangeCode(ctx context.Context, x storage.CodeExchange, now time.Time) (storage.Issued, error)
	RotateRefreshToken(ctx context.Context, r storage.RefreshRotation, now time.Time) (storage.Issued, error)
	UseTokens(ctx context.Context, refresh storage.Hash, now time.Time) error
	RevokeToken(ctx context.Context, token storage.Hash, clientID string, now time.Time) error
	Access(ctx context.Context, token storage.Hash, now time.Time) (storage.Access, error)
	TouchGrant(ctx context.Context, grantID string, now time.Time) error
	TakeProviderTokens(ctx context.Context, now time.Time, limit int) ([][]byte, error)

	TryPassword(ctx context.Context, p storage.Person, now time.Time) (storage.User, string, error)
	PasswordAccepted(ctx context.Context, userID string) error

	CreateClient(ctx context.Context, c storage.Client) error
	RevokeGrant(ctx context.Context, grantID string, now time.Time) error
	ListGrants(ctx context.Context, userID, after string, limit int, now time.Time) ([]storage.Grant, error)
	RevokeUserGrant(ctx context.Context, userID, grantID string, now time.Time) error
	EventsBefore(ctx context.Context, f storage.EventFilter, before string, limit int) ([]storage.Event, error)
	NewestEvents(ctx context.Context, f storage.EventFilter, limit int) ([]storage.Event, error)
	DescribeRefused(ctx context.Context, events []storage.Event) error

	Resource(ctx context.Context, url string) (storage.Resource, error)
	RecordEvent(ctx context.Context, e storage.Event, now time.Time) error
	Ready(ctx context.Context) error
	InstanceID(ctx context.Context) (string, error)
}
