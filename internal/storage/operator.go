package storage

import (
	"context"
	"time"
)

// OperatorStore contains what operators list and change.
type OperatorStore interface {
	// ClientSummary returns the listing entry of one client. For a client with a metadata
	// document, it contains its name and when the document was fetched. ErrNotFound when
	// there is none.
	ClientSummary(ctx context.Context, id string, now time.Time) (ClientSummary, error)
	// ListUnusedClients returns up to limit unused clients that were registered at or
	// before the given time, ordered by ID, starting after the given one. A client is
	// unused if it has no recorded use, no grant and no sign-in in progress. Clients with
	// an unknown registration time are not listed.
	ListUnusedClients(ctx context.Context, registered time.Time, after string, limit int, now time.Time) ([]ClientSummary, error)
	// DeleteUnusedClients deletes those of the clients that are still unused, by the same
	// definition, and returns how many. A client that comes into use concurrently stays.
	DeleteUnusedClients(ctx context.Context, ids []string, registered, now time.Time) (int64, error)

	// FindGrants returns up to limit live grants with their users, ordered by ID,
	// starting after the given one.
	FindGrants(ctx context.Context, f GrantFilter, after string, limit int, now time.Time) ([]GrantSummary, error)
	// RevokeGrants revokes up to limit grants and returns how many, including grants whose
	// code is not redeemed yet, which are not listed. The filter must not be empty.
	RevokeGrants(ctx context.Context, f GrantFilter, limit int, now time.Time) (int64, error)

	// ListUsers returns up to limit users ordered by ID, starting after the given one. A
	// user whose profile cannot be decrypted is listed as unreadable.
	ListUsers(ctx context.Context, f UserFilter, after string, limit int, now time.Time) ([]UserSummary, error)
	// DisableUser disables a user, revokes all their grants and returns how many. A
	// sign-in in progress cannot bypass it: see FinishAuthorization. ErrNotFound when there
	// is no such user, or they are already disabled.
	DisableUser(ctx context.Context, id string, now time.Time) (int64, error)
	// EnableUser lets a disabled user sign in again; their grants stay revoked. ErrNotFound
	// when there is no such user, or they are not disabled.
	EnableUser(ctx context.Context, id string, now time.Time) error
}

// ClientSummary is a client in a listing, even if its row cannot be decrypted.
type ClientSummary struct {
	Client     Client
	Unreadable bool // only Client.ID and Client.CreatedAt are known
	Foreign    bool // another program registered it
	// Reclaimable: it registered itself and was never used to sign in; see
	// ReclaimClients.
	Reclaimable bool
	LastUsedAt  time.Time // last sign-in with it; zero when there was none
	Grants      int64     // live ones
}

// GrantFilter selects grants; zero values select all.
type GrantFilter struct {
	ID       string
	UserID   string
	ClientID string
	Since    time.Time // only grants that were approved, or got tokens, at or after it
}

// GrantSummary is a grant in a listing.
type GrantSummary struct {
	Grant      Grant
	User       User
	Unreadable bool // the user's profile cannot be decrypted
}

// UserFilter selects users; zero values select all.
type UserFilter struct {
	ID      string
	Issuer  string
	Subject string
}

// UserSummary is a user in a listing.
type UserSummary struct {
	User         User
	Unreadable   bool // the profile cannot be decrypted
	CreatedAt    time.Time
	LastSignInAt time.Time // zero when there was none
	DisabledAt   time.Time // zero when not disabled
	Grants       int64     // live ones
}
