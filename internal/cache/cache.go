package cache

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// Fresh is how long an answer of the database is good for. A revocation by
	// another process is to be felt within one second; the rest of the second is
	// for the database and the machine.
	Fresh = 400 * time.Millisecond
	// Outage is how long an access token continues without the database: long
	// enough for a failover or a restart of it, short enough for a revocation to
	// bite.
	Outage = 5 * time.Minute
	// Claim is how long no other name of a client is kept after one was.
	Claim = 10 * time.Minute
	// maxStrangers is how many tokens that are not remembered may be looked up at a time:
	// anyone can make up some, and those of known tokens must not wait for theirs.
	maxStrangers = 64
	// maxSites is how many requests may wait for the look-up, under way in another one, of
	// clients that have an https URL as their ID: their site may have to be asked.
	maxSites = 64
)

// Bounds of the memory: a token takes some 700 bytes, a client up to 64 KiB.
const (
	maxTokens  = 10_000
	maxClients = 1_000
)

// Store is a store with a memory. The parts that it does not remember anything
// of go straight to the store behind it.
type Store struct {
	storage.DocumentStore
	storage.SignInStore
	storage.FlightStore
	storage.PasswordStore
	storage.BrowserSessionStore
	storage.PersonalTokenStore
	storage.EventStore
	storage.OperatorStore // but for what ends tokens
	storage.Maintenance

	db      storage.Store
	tokens  *memory[storage.Hash, storage.Access]
	clients *memory[string, storage.Client]
	touches *memory[string, struct{}]
	claims  *memory[claimKey, struct{}]
	// strangers holds an element for each token that is looked up and was not remembered.
	strangers chan struct{}
	uses      *memory[storage.Hash, struct{}] // pairs of tokens whose first use is recorded
	// resources by URL.
	resources *memory[string, storage.Resource]
}

var _ storage.Store = (*Store)(nil)

// claimKey identifies what was heard lately of a client's name.
type claimKey struct {
	clientID string
	weak     bool
}

// New returns a store that remembers what db answers. now tells the time and may
// be nil for time.Now.
func New(db storage.Store, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	s := &Store{
		DocumentStore: db, SignInStore: db, FlightStore: db, PasswordStore: db, BrowserSessionStore: db, PersonalTokenStore: db, EventStore: db, OperatorStore: db, Maintenance: db, db: db,
		tokens:  newMemory[storage.Hash, storage.Access](maxTokens, Outage, now),
		clients: newMemory[string, storage.Client](maxClients, Fresh, now),
		touches: newMemory[string, struct{}](maxTokens, Fresh, now),
		claims:  newMemory[claimKey, struct{}](maxClients, Claim, now),
		uses:    newMemory[storage.Hash, struct{}](maxTokens, Outage, now),

		strangers: make(chan struct{}, maxStrangers),

		resources: newMemory[string, storage.Resource](maxClients, Fresh, now),
	}
	sites := make(chan struct{}, maxSites)
	s.clients.room = func(id string) chan struct{} {
		if strings.HasPrefix(id, "https://") {
			return sites
		}
		return nil
	}
	return s
}

// Access implements storage.GrantStore. While the database is away, a token that
// it confirmed within Outage continues; the answer says so.
func (s *Store) Access(ctx context.Context, token storage.Hash, now time.Time) (storage.Access, error) {
	access, err := s.access(ctx, token, now)
	if access.Unused != "" {
		if _, used := s.uses.recall(access.Unused); used {
			access.Unused = "" // the answer is from before
		}
	}
	return access, err
}

func (s *Store) access(ctx context.Context, token storage.Hash, now time.Time) (storage.Access, error) {
	if storage.SharesConnections(ctx) {
		return s.db.Access(ctx, token, now) // no call waits for this answer, or takes it for an outage
	}
	access, err := s.tokens.get(ctx, token, func(ctx context.Context) (storage.Access, error) {
		if _, known := s.tokens.recall(token); !known {
			select {
			case s.strangers <- struct{}{}:
				defer func() { <-s.strangers }()
			default:
				return storage.Access{}, storage.ErrBusy
			}
		}
		return s.db.Access(ctx, token, now)
	})
	// A client that hung up says nothing about the database.
	if errors.Is(err, storage.ErrUnavailable) && ctx.Err() == nil {
		if seen, ok := s.tokens.recall(token); ok && now.Before(seen.ExpiresAt) {
			seen.Outage = err
			return seen, nil
		}
	}
	if err == nil && !now.Before(access.ExpiresAt) {
		return storage.Access{}, storage.ErrNotFound
	}
	return access, err
}

// Client implements storage.ClientStore.
func (s *Store) Client(ctx context.Context, id string) (storage.Client, error) {
	return s.clients.get(ctx, id, func(ctx context.Context) (storage.Client, error) { return s.db.Client(ctx, id) })
}

// CurrentClient implements storage.ClientStore.
func (s *Store) CurrentClient(ctx context.Context, id string) (storage.Client, error) {
	s.clients.forget(id)
	return s.clients.get(ctx, id, func(ctx context.Context) (storage.Client, error) { return s.db.CurrentClient(ctx, id) })
}

// Resource implements storage.ResourceStore.
func (s *Store) Resource(ctx context.Context, url string) (storage.Resource, error) {
	return s.resources.get(ctx, url, func(ctx context.Context) (storage.Resource, error) { return s.db.Resource(ctx, url) })
}

// ResourcesOf implements storage.ResourceStore.
func (s *Store) ResourcesOf(ctx context.Context, clientID string) ([]storage.Resource, error) {
	return s.db.ResourcesOf(ctx, clientID)
}

// ListClients implements storage.ClientStore.
func (s *Store) ListClients(
	ctx context.Context, after string, limit int, now time.Time,
) ([]storage.ClientSummary, error) {
	return s.db.ListClients(ctx, after, limit, now)
}

// RefreshGrant implements storage.GrantStore.
func (s *Store) RefreshGrant(
	ctx context.Context, token storage.Hash, clientID string, now time.Time,
) (storage.Grant, storage.User, error) {
	return s.db.RefreshGrant(ctx, token, clientID, now)
}

// LiveGrant implements storage.GrantStore.
func (s *Store) LiveGrant(ctx context.Context, grantID string, now time.Time) (storage.Grant, storage.User, error) {
	return s.db.LiveGrant(ctx, grantID, now)
}

// ListGrants implements storage.GrantStore.
func (s *Store) ListGrants(
	ctx context.Context, userID, after string, limit int, now time.Time,
) ([]storage.Grant, error) {
	return s.db.ListGrants(ctx, userID, after, limit, now)
}
